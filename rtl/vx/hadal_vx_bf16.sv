// binary32 to BF16, round to nearest even, canonical NaN. Combinational.
module hadal_vx_bf16 (
  input  logic [31:0] x_i,
  output logic [15:0] y_o
);
  logic nan, up;
  assign nan = (&x_i[30:23]) & (|x_i[22:0]);
  assign up  = x_i[15] & ((|x_i[14:0]) | x_i[16]);
  assign y_o = nan ? 16'h7FC0 : x_i[31:16] + {15'd0, up};
endmodule
