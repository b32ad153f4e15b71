// A fix-up lane: acc' = acc + fp32(sum) x (sa x sb), each rounded; the accumulator is scaled by alpha or cleared first.
// Four stages; acc_i is what the accumulator memory answers, two cycles after sum_i.
module mm_fix (
  input  logic        clk_i,
  input  logic        en1_i,    // by stage
  input  logic        en2_i,
  input  logic        en3_i,
  input  logic        en4_i,
  input  logic [46:0] sum_i,
  input  logic [31:0] sa_i,
  input  logic [31:0] sb_i,
  input  logic        clear3_i,
  input  logic        rescale3_i,
  input  logic [31:0] alpha3_i,
  input  logic [31:0] acc3_i,
  output logic [31:0] y_o
);
  /* verilator no_inline_module */
  logic [46:0] sum_q;
  logic [31:0] sa_q, sb_q, f_d, f_q, s_d, s_q, m_d, m_q, rescaled, acc_q, y_d;

  mm_to_fp32 u_cvt (.nan_i(sum_q[46]), .sum_i(sum_q[45:0]), .y_o(f_d));
  fp32_mul u_scale (.a_i(sa_q), .b_i(sb_q), .y_o(s_d));
  fp32_mul u_mul (.a_i(f_q), .b_i(s_q), .y_o(m_d));
  fp32_mul u_alpha (.a_i(acc3_i), .b_i(alpha3_i), .y_o(rescaled));
  fp32_add u_add (.a_i(acc_q), .b_i(m_q), .y_o(y_d));

  always_ff @(posedge clk_i) begin
    if (en1_i) begin
      sum_q <= sum_i;
      sa_q  <= sa_i;
      sb_q  <= sb_i;
    end
    if (en2_i) begin
      f_q <= f_d;
      s_q <= s_d;
    end
    if (en3_i) begin
      m_q   <= m_d;
      acc_q <= clear3_i ? 32'd0 : rescale3_i ? rescaled : acc3_i;
    end
    if (en4_i) y_o <= y_d;
  end
endmodule
