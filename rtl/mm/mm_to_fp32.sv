// An exact sum in units of 2^-18 to binary32, round to nearest even. Combinational. Digits made from infinities reach
// 2^44.6, so sums have 46 bits.
module mm_to_fp32 (
  input  logic        nan_i,
  input  logic [45:0] sum_i,
  output logic [31:0] y_o
);
  logic        s, up;
  logic [45:0] mag, n;
  logic [5:0]  lz;
  logic [24:0] r;
  logic [7:0]  e;
  assign s   = sum_i[45];
  assign mag = s ? (~sum_i + 46'd1) : sum_i;
  always_comb begin
    lz = 6'd46;
    for (int i = 0; i < 46; i++) if (mag[i]) lz = 6'(45 - i);
  end
  assign n  = mag << lz;
  assign up = n[21] & ((|n[20:0]) | n[22]);
  assign r  = {1'b0, n[45:22]} + {24'd0, up};
  // A leading one at bit 45 stands for 2^(45-18) = 2^27, biased 154.
  assign e  = 8'd154 - {2'd0, lz} + {7'd0, r[24]};
  always_comb begin
    if (nan_i)              y_o = 32'h7FC0_0000;
    else if (mag == 46'd0)  y_o = 32'd0;
    else                    y_o = {s, e, r[24] ? r[23:1] : r[22:0]};
  end
endmodule
