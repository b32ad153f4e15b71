// E4M3 to sign, exponent (15: NaN), significand: value = sig x 2^exp x 2^-9.
module mm_decode (
  input  logic [7:0] raw_i,
  output logic [8:0] op_o
);
  logic subnormal;
  assign subnormal = raw_i[6:3] == 4'd0;
  assign op_o[8]   = raw_i[7];
  assign op_o[7:4] = raw_i[6:0] == 7'h7F ? 4'd15 : subnormal ? 4'd0 : raw_i[6:3] - 4'd1;
  assign op_o[3:0] = {!subnormal, raw_i[2:0]};
endmodule
