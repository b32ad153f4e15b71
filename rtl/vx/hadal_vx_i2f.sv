// int32 to binary32, round to nearest even: y_o + up_o, a sum that the user forms a cycle later. Combinational.
module hadal_vx_i2f (
  input  logic [31:0] x_i,
  output logic [31:0] y_o,
  output logic        up_o
);
  // Two ways side by side: below 2^24 the result is exact and needs the long shift, above it a short one, and rounding.
  logic [31:0] magnitude, window;
  logic [23:0] normal;
  logic [30:0] exact, cut;
  logic [4:0]  zeros;
  logic [2:0]  few;
  logic        up, wide;

  assign magnitude = x_i[31] ? (~x_i + 32'd1) : x_i;
  assign normal    = magnitude[23:0] << zeros;
  assign exact     = {8'd150 - {3'd0, zeros}, normal[22:0]};

  always_comb begin
    zeros = 5'd0;
    for (int i = 0; i < 24; i++) if (magnitude[i]) zeros = 5'(23 - i);
    few = 3'd7;
    for (int i = 24; i < 32; i++) if (magnitude[i]) few = 3'(31 - i);
  end
  assign window  = magnitude << few;
  assign up      = window[7] & ((|window[6:0]) | window[8]);
  assign cut     = {8'd158 - {5'd0, few}, window[30:8]};  // a carry from rounding goes into the exponent
  assign wide   = |magnitude[31:24];

  assign y_o  = (x_i == 32'd0) ? 32'd0 : {x_i[31], wide ? cut : exact};
  assign up_o = wide & up;
  logic unused;
  assign unused = &{1'b0, normal[23], window[31]};
endmodule
