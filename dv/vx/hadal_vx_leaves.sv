// The arithmetic modules of the vector unit side by side, for the bench that tries each on its own.
module hadal_vx_leaves (
  input  logic        clk_i,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  input  logic [1:0]  sfu_i,
  input  logic [8:0]  scale_i,
  input  logic        low_i,
  output logic [31:0] sum_o,      // 1 cycle
  output logic [31:0] product_o,  // 1
  output logic [31:0] special_o,  // 5
  output logic [7:0]  digit_o,    // 3
  output logic [31:0] from_int_o, // 0
  output logic [31:0] to_int_o,   // 0
  output logic [15:0] half_o,     // 0
  output logic [31:0] code_o      // 0
);
  hadal_vx_fp_add u_add (.clk_i, .en_i(1'b1), .a_i, .b_i, .y_o(sum_o));
  hadal_vx_fp_mul u_mul (.clk_i, .en_i(1'b1), .a_i, .b_i, .y_o(product_o));
  hadal_vx_sfu_lane u_sfu (.clk_i, .en_i(1'b1), .func_i(sfu_i), .x_i(a_i), .y_o(special_o));
  hadal_vx_quant_lane u_quant (.clk_i, .en_i(1'b1), .x_i(a_i), .scale_i, .low_i, .digit_o);
  logic [31:0] from_int;
  logic        from_int_up;
  hadal_vx_i2f u_i2f (.x_i(a_i), .y_o(from_int), .up_o(from_int_up));
  assign from_int_o = from_int + {31'd0, from_int_up};
  hadal_vx_f2i u_f2i (.x_i(a_i), .y_o(to_int_o));
  hadal_vx_bf16 u_half (.x_i(a_i), .y_o(half_o));
  hadal_vx_e4m3_decode u_code (.code_i(a_i[7:0]), .value_o(code_o));
endmodule
