// R x 8 exact dot units with shared operands. All move together, and stand still while the sums of the step before have
// not been drained and new ones would take their place.
module mm_grid #(
  parameter int R  = 8,
  parameter int Kd = 16
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              go_i,
  input  logic              first_i,
  input  logic              last_i,
  input  logic [R*Kd*8-1:0] a_i,
  input  logic [8*Kd*8-1:0] b_i,
  output logic              enable_o,
  input  logic              sums_free_i,  // the sums are drained, or will be after this cycle
  output logic              sums_new_o,   // from the next cycle on there are new ones
  output logic [R*8*47-1:0] sums_o        // [row][column]
);
  logic [2:0] go_q, first_q, last_q;  // operands, products, their sum
  assign enable_o   = !(go_q[2] && last_q[2]) || sums_free_i;
  assign sums_new_o = go_q[2] && last_q[2] && sums_free_i;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) go_q <= '0;
    else if (enable_o) go_q <= {go_q[1:0], go_i};
  end
  always_ff @(posedge clk_i) begin
    if (enable_o) begin
      first_q <= {first_q[1:0], first_i};
      last_q  <= {last_q[1:0], last_i};
    end
  end

  logic [R*Kd*9-1:0] a_d, a_q;
  logic [8*Kd*9-1:0] b_d, b_q;
  for (genvar i = 0; i < R*Kd; i++) begin : gen_decode_a
    mm_decode u_decode (.raw_i(a_i[i*8 +: 8]), .op_o(a_d[i*9 +: 9]));
  end
  for (genvar i = 0; i < 8*Kd; i++) begin : gen_decode_b
    mm_decode u_decode (.raw_i(b_i[i*8 +: 8]), .op_o(b_d[i*9 +: 9]));
  end
  always_ff @(posedge clk_i) begin
    if (enable_o && go_i) begin
      a_q <= a_d;
      b_q <= b_d;
    end
  end

  for (genvar r = 0; r < R; r++) begin : gen_row
    for (genvar c = 0; c < 8; c++) begin : gen_column
      mm_dot #(.K(Kd)) u_dot (
        .clk_i, .en1_i(enable_o && go_q[0]), .en2_i(enable_o && go_q[1]), .en3_i(enable_o && go_q[2]),
        .first3_i(first_q[2]), .last3_i(last_q[2]), .a_i(a_q[r*Kd*9 +: Kd*9]), .b_i(b_q[c*Kd*9 +: Kd*9]),
        .sum_o(sums_o[(r*8+c)*47 +: 47]));
    end
  end
endmodule
