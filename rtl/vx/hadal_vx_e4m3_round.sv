// significand x 2^(exponent - 23), its leading one in bit 23 or all zero, to an E4M3 magnitude, round to nearest even.
// At most 448: the scale of a group sees to that. Combinational.
module hadal_vx_e4m3_round (
  input  logic [23:0]        significand_i,
  input  logic signed [10:0] exponent_i,
  output logic [6:0]         code_o,
  output logic               normal_o,   // exponent >= -6
  output logic               up_o
);
  logic        tie_up;
  logic [3:0]  places;          // below 2^-6: right shift beyond 20
  logic [47:0] shifted;
  logic        up_small;
  logic [6:0]  base;

  assign normal_o = exponent_i >= -11'sd6;

  assign tie_up = significand_i[19] & ((|significand_i[18:0]) | significand_i[20]);
  assign base   = {exponent_i[3:0] + 4'd7, significand_i[22:20]};

  // Units of 2^-9: shifts of 21 to 24, beyond which nothing is left.
  assign places   = (exponent_i < -11'sd11) ? 4'd5 : 4'(-11'sd6 - exponent_i);
  assign shifted  = {4'd0, significand_i, 20'd0} >> places;
  assign up_small = shifted[39] & ((|shifted[38:0]) | shifted[40]);

  always_comb begin
    up_o = 1'b0;
    if (significand_i == 24'd0) begin
      code_o = 7'd0;
    end else if (normal_o) begin
      code_o = base + {6'd0, tie_up};
      up_o   = tie_up;
    end else begin
      code_o = {3'd0, shifted[43:40]} + {6'd0, up_small};
      up_o   = up_small;
    end
  end
endmodule
