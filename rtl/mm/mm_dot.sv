// An exact dot unit: K products of E4M3 a cycle, summed without loss. Operands are decoded: sign, exponent (15 is NaN),
// significand. Stage 1 multiplies and shifts, stage 2 sums the products, stage 3 adds them to the running sum.
module mm_dot #(
  parameter int K = 16
) (
  input  logic           clk_i,
  input  logic           en1_i,    // stage 1 takes operands
  input  logic           en2_i,
  input  logic           en3_i,
  input  logic           first3_i, // the sum starts anew
  input  logic           last3_i,  // and is complete
  input  logic [K*9-1:0] a_i,
  input  logic [K*9-1:0] b_i,
  output logic [46:0]    sum_o     // NaN, sum
);
  /* verilator no_inline_module */
  localparam int TermW = 38;
  localparam int SumW  = TermW + $clog2(K);

  function automatic logic [TermW-1:0] product(input logic [8:0] a, input logic [8:0] b);
    logic [7:0]  p;
    logic [36:0] shifted;
    begin
      p       = {4'd0, a[3:0]} * {4'd0, b[3:0]};
      shifted = {29'd0, p} << ({1'b0, a[7:4]} + {1'b0, b[7:4]});
      product = (a[8] ^ b[8]) ? ~{1'b0, shifted} + 38'd1 : {1'b0, shifted};
    end
  endfunction

  logic [K*TermW-1:0] term_q;
  logic [SumW-1:0]    sum_d, sum_q;
  logic               nan1_q, nan2_q, nan_q, nan_d;
  logic [45:0]        run_q, run_d;

  always_comb begin
    sum_d = '0;
    for (int k = 0; k < K; k++) sum_d = sum_d + {{(SumW-TermW){term_q[k*TermW+TermW-1]}}, term_q[k*TermW +: TermW]};
  end
  assign run_d = (first3_i ? 46'd0 : run_q) + {{(46-SumW){sum_q[SumW-1]}}, sum_q};
  assign nan_d = nan2_q || (!first3_i && nan_q);

  always_ff @(posedge clk_i) begin
    if (en1_i) begin : stage1
      logic nan;
      nan = 1'b0;
      for (int k = 0; k < K; k++) begin
        term_q[k*TermW +: TermW] <= product(a_i[k*9 +: 9], b_i[k*9 +: 9]);
        nan = nan | (&a_i[k*9+4 +: 4]) | (&b_i[k*9+4 +: 4]);
      end
      nan1_q <= nan;
    end
    if (en2_i) begin
      sum_q  <= sum_d;
      nan2_q <= nan1_q;
    end
    if (en3_i) begin
      run_q <= run_d;
      nan_q <= nan_d;
      if (last3_i) sum_o <= {nan_d, run_d};
    end
  end
endmodule
