// Adds 16 words in the order of lanes 8, 4, 2 and 1 apart, a new set every cycle.
module hadal_vx_sum_tree (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                en_i,
  input  logic                valid_i,
  input  logic [511:0]        words_i,
  input  logic                last_i,
  input  logic                bf16_i,
  output logic                busy_o,
  output logic                valid_o,
  output hadal_vx_pkg::item_t item_o
);
  // Two cycles a level: the adder's register and one behind it.
  logic [255:0] sum8, sum8_q;
  logic [127:0] sum4, sum4_q;
  logic [63:0]  sum2, sum2_q;
  logic [31:0]  sum1, sum1_q;
  logic [7:0]   valid_q, last_q, bf16_q;

  for (genvar l = 0; l < 8; l++) begin : g_8
    hadal_vx_fp_add u_add (
      .clk_i, .en_i, .a_i(words_i[32*l+:32]), .b_i(words_i[32*(l+8)+:32]), .y_o(sum8[32*l+:32])
    );
  end
  for (genvar l = 0; l < 4; l++) begin : g_4
    hadal_vx_fp_add u_add (
      .clk_i, .en_i, .a_i(sum8_q[32*l+:32]), .b_i(sum8_q[32*(l+4)+:32]), .y_o(sum4[32*l+:32])
    );
  end
  for (genvar l = 0; l < 2; l++) begin : g_2
    hadal_vx_fp_add u_add (
      .clk_i, .en_i, .a_i(sum4_q[32*l+:32]), .b_i(sum4_q[32*(l+2)+:32]), .y_o(sum2[32*l+:32])
    );
  end
  hadal_vx_fp_add u_add1 (.clk_i, .en_i, .a_i(sum2_q[31:0]), .b_i(sum2_q[63:32]), .y_o(sum1));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)   valid_q <= 8'd0;
    else if (en_i) valid_q <= {valid_q[6:0], valid_i};
  end
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      sum8_q <= sum8;
      sum4_q <= sum4;
      sum2_q <= sum2;
      sum1_q <= sum1;
      last_q <= {last_q[6:0], last_i};
      bf16_q <= {bf16_q[6:0], bf16_i};
    end
  end

  logic [15:0] half;
  hadal_vx_bf16 u_half (.x_i(sum1_q), .y_o(half));
  assign busy_o  = |valid_q;
  assign valid_o = valid_q[7];
  always_comb begin
    item_o      = '0;
    item_o.last = last_q[7];
    item_o.data = {480'd0, bf16_q[7] ? {16'd0, half} : sum1_q};
  end
endmodule
