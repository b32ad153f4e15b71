// An exact sum in units of 2^-18 to binary32, round to nearest even. Digits made from infinities reach 2^44.6, so sums
// have 46 bits. One register stage between magnitude and shift; the result follows that register without another.
module mm_to_fp32 (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic        nan_i,
  input  logic [45:0] sum_i,
  output logic [31:0] y_o
);
  // Stage 1: magnitude, zeros above it.
  logic [45:0] mag, mag_q;
  logic [5:0]  zeros, zeros_q;
  logic        sign_q, nan_q;
  assign mag = sum_i[45] ? (~sum_i + 46'd1) : sum_i;
  always_comb begin
    zeros = 6'd46;
    for (int i = 0; i < 46; i++) if (mag[i]) zeros = 6'(45 - i);
  end
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      mag_q   <= mag;
      zeros_q <= zeros;
      sign_q  <= sum_i[45];
      nan_q   <= nan_i;
    end
  end

  // Stage 2: shift, round.
  logic [45:0] n;
  logic        up;
  logic [24:0] r;
  logic [7:0]  e;
  assign n  = mag_q << zeros_q;
  assign up = n[21] & ((|n[20:0]) | n[22]);
  assign r  = {1'b0, n[45:22]} + {24'd0, up};
  // A leading one at bit 45 stands for 2^(45-18) = 2^27, biased 154.
  assign e  = 8'd154 - {2'd0, zeros_q} + {7'd0, r[24]};
  always_comb begin
    if (nan_q)                y_o = 32'h7FC0_0000;
    else if (mag_q == 46'd0)  y_o = 32'd0;
    else                      y_o = {sign_q, e, r[24] ? r[23:1] : r[22:0]};
  end
endmodule
