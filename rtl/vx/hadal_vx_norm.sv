// Shifts left until the leading one of value | marker is in bit 31; zeros_o counts the places. A marker stops the shift
// where an exponent would leave its range, and costs no comparison. Combinational.
module hadal_vx_norm (
  input  logic [31:0] value_i,
  input  logic [31:0] marker_i,
  output logic [31:0] value_o,
  output logic [4:0]  zeros_o
);
  logic        z16, z8, z4, z2, z1;
  logic [31:0] v16, v8, v4, v2;
  logic [15:0] m16;
  logic [7:0]  m8;
  logic [3:0]  m4;
  logic [1:0]  m2;

  // Of the marker only what can still come first is kept.
  assign z16 = ~(|(value_i[31:16] | marker_i[31:16]));
  assign v16 = z16 ? {value_i[15:0], 16'd0} : value_i;
  assign m16 = z16 ? marker_i[15:0] : marker_i[31:16];
  assign z8  = ~(|(v16[31:24] | m16[15:8]));
  assign v8  = z8 ? {v16[23:0], 8'd0} : v16;
  assign m8  = z8 ? m16[7:0] : m16[15:8];
  assign z4  = ~(|(v8[31:28] | m8[7:4]));
  assign v4  = z4 ? {v8[27:0], 4'd0} : v8;
  assign m4  = z4 ? m8[3:0] : m8[7:4];
  assign z2  = ~(|(v4[31:30] | m4[3:2]));
  assign v2  = z2 ? {v4[29:0], 2'd0} : v4;
  assign m2  = z2 ? m4[1:0] : m4[3:2];
  assign z1  = ~(v2[31] | m2[1]);

  assign value_o = z1 ? {v2[30:0], 1'b0} : v2;
  assign zeros_o = {z16, z8, z4, z2, z1};
  logic unused;
  assign unused = m2[0];
endmodule
