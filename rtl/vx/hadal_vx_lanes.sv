// 16 lanes and the control that goes along with their operands.
module hadal_vx_lanes (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                en_i,
  input  logic                valid_i,     // the operands, registers outside, are a pass
  input  hadal_vx_pkg::op_e   op_i,
  input  logic                bf16_i,
  input  logic                raw_i,
  input  logic                last_i,      // of the instruction
  input  logic [511:0]        a_i,
  input  logic [511:0]        b_i,
  input  logic [511:0]        c_i,
  output logic                busy_o,      // something behind the operand registers
  output logic                valid_o,
  output hadal_vx_pkg::item_t item_o
);
  logic              v1_q, v2_q, v3_q, v4_q;  // in the first register; in the result; and again
  hadal_vx_pkg::op_e op1_q, op2_q;
  logic [2:0]        note1_q, note2_q, note3_q, note4_q;  // bf16, raw, last

  // v2 with OpMula is a product that goes round: v3, v4.
  logic round;
  assign round = v2_q & (op2_q == hadal_vx_pkg::OpMula);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      {v1_q, v2_q, v3_q, v4_q} <= 4'd0;
    end else if (en_i) begin
      v1_q <= valid_i;
      v2_q <= v1_q;
      v3_q <= round;
      v4_q <= v3_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      op1_q   <= op_i;
      op2_q   <= op1_q;
      note1_q <= {bf16_i, raw_i, last_i};
      note2_q <= note1_q;
      note3_q <= note2_q;
      note4_q <= note3_q;
    end
  end

  logic         take_sum, take_product;
  logic [511:0] y, data;
  assign take_sum     = v3_q | (v1_q & ((op1_q == hadal_vx_pkg::OpAdd) | (op1_q == hadal_vx_pkg::OpSub)));
  assign take_product = op1_q == hadal_vx_pkg::OpMul;

  for (genvar l = 0; l < 16; l++) begin : g_lane
    hadal_vx_lane u_lane (
      .clk_i, .en_i, .op_i, .a_i(a_i[32*l+:32]), .b_i(b_i[32*l+:32]), .c_i(c_i[32*l+:32]), .second_i(round),
      .take_sum_i(take_sum), .take_product_i(take_product), .y_o(y[32*l+:32])
    );
  end

  logic [2:0] note;
  assign note = v4_q ? note4_q : note2_q;
  hadal_vx_pack u_pack (.words_i(y), .bf16_i(note[2]), .raw_i(note[1]), .data_o(data));

  assign busy_o  = v1_q | v2_q | v3_q | v4_q;
  assign valid_o = v4_q | (v2_q & ~round);

  always_comb begin
    item_o      = '0;
    item_o.last = note[0];
    item_o.data = data;
  end
endmodule
