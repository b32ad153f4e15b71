// A fix-up lane: acc' = acc + fp32(sum) x (sa x sb), each rounded; the accumulator is scaled by alpha or cleared first.
// Seven stages, two for each operation; acc_i is what the accumulator memory answers, two cycles after sum_i.
module mm_fix (
  input  logic        clk_i,
  input  logic [5:0]  busy_i,   // stages 2 to 7 have something
  input  logic        en_i,     // stage 1 takes sum_i and the scales
  input  logic [46:0] sum_i,
  input  logic [31:0] sa_i,
  input  logic [31:0] sb_i,
  input  logic [31:0] alpha3_i,
  input  logic [31:0] acc3_i,
  input  logic        clear4_i,
  input  logic        rescale4_i,
  output logic [31:0] y_o
);
  /* verilator no_inline_module */
  logic [46:0] sum_q;
  logic [31:0] sa_q, sb_q, f_d, f_q, s_d, s_q, m_d, m_q, rescaled, acc3_q, acc4_q, acc5_q, y_d;

  mm_to_fp32 u_cvt (.clk_i, .en_i(busy_i[0]), .nan_i(sum_q[46]), .sum_i(sum_q[45:0]), .y_o(f_d));
  hadal_vx_fp_mul u_scale (.clk_i, .en_i(busy_i[0]), .a_i(sa_q), .b_i(sb_q), .y_o(s_d));
  hadal_vx_fp_mul u_mul (.clk_i, .en_i(busy_i[2]), .a_i(f_q), .b_i(s_q), .y_o(m_d));
  hadal_vx_fp_mul u_alpha (.clk_i, .en_i(busy_i[1]), .a_i(acc3_i), .b_i(alpha3_i), .y_o(rescaled));
  hadal_vx_fp_add u_add (.clk_i, .en_i(busy_i[4]), .a_i(acc5_q), .b_i(m_q), .y_o(y_d));

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      sum_q <= sum_i;
      sa_q  <= sa_i;
      sb_q  <= sb_i;
    end
    if (busy_i[1]) begin
      f_q    <= f_d;
      s_q    <= s_d;
      acc3_q <= acc3_i;
    end
    if (busy_i[2]) acc4_q <= clear4_i ? 32'd0 : rescale4_i ? rescaled : acc3_q;
    if (busy_i[3]) begin
      m_q    <= m_d;
      acc5_q <= acc4_q;
    end
    if (busy_i[5]) y_o <= y_d;
  end
endmodule
