// Monotone key of a binary32: unsigned order is numeric order, with -0 below +0. NaN has no place in it.
module hadal_vx_key (
  input  logic [31:0] x_i,
  output logic [31:0] key_o,
  output logic        nan_o
);
  assign key_o = x_i[31] ? ~x_i : {1'b1, x_i[30:0]};
  assign nan_o = (&x_i[30:23]) & (|x_i[22:0]);
endmodule
