// int32 to binary32, round to nearest even. Combinational.
module hadal_vx_i2f (
  input  logic [31:0] x_i,
  output logic [31:0] y_o
);
  logic [31:0] magnitude, normal;
  logic [5:0]  zeros;
  logic        up;
  logic [24:0] rounded;
  logic [7:0]  exponent;

  assign magnitude = x_i[31] ? (~x_i + 32'd1) : x_i;
  always_comb begin
    zeros = 6'd32;
    for (int i = 0; i < 32; i++) if (magnitude[i]) zeros = 6'(31 - i);
  end
  assign normal   = magnitude << zeros;
  assign up       = normal[7] & ((|normal[6:0]) | normal[8]);
  assign rounded  = {1'b0, normal[31:8]} + {24'd0, up};
  assign exponent = 8'd158 - {2'd0, zeros} + {7'd0, rounded[24]};
  assign y_o      = (magnitude == 32'd0) ? 32'd0 : {x_i[31], exponent, rounded[24] ? rounded[23:1] : rounded[22:0]};
endmodule
