// binary32 to int32, round to nearest even, saturating; NaN gives 0. Combinational.
module hadal_vx_f2i (
  input  logic [31:0] x_i,
  output logic [31:0] y_o
);
  logic [7:0]  exponent;
  logic [23:0] man;
  logic [56:0] fixed;      // 32 integer bits, 25 below the point
  logic [31:0] rounded;
  logic        up, nan, beyond;
  logic [5:0]  shift;

  assign exponent = x_i[30:23];
  assign man      = {exponent != 8'd0, x_i[22:0]};
  assign nan      = (&exponent) & (|x_i[22:0]);
  assign beyond    = exponent >= 8'd158;  // |x| >= 2^31
  // The significand ends at 2^(e - 150). Below 2^-1 (exponent < 126) everything rounds to zero.
  assign shift     = 6'(exponent - 8'd125);
  assign fixed     = {33'd0, man} << shift;
  assign up        = fixed[24] & ((|fixed[23:0]) | fixed[25]);
  // With m the magnitude before rounding, -(m + up) is ~m + 1 - up: one addition rounds and negates.
  assign rounded   = (fixed[56:25] ^ {32{x_i[31]}}) + {31'd0, up ^ x_i[31]};

  always_comb begin
    if (nan)                    y_o = 32'd0;
    else if (beyond)            y_o = x_i[31] ? 32'h8000_0000 : 32'h7FFF_FFFF;
    else if (exponent < 8'd126) y_o = 32'd0;
    else                        y_o = rounded;
  end
endmodule
