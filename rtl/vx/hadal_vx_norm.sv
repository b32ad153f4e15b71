// Shifts left until the leading one of value | marker is in bit 31; zeros_o counts the places. A marker stops the shift
// where an exponent would leave its range, and costs no comparison. Places are counted beside the shifter, by halves of
// halves, of which a count takes the upper one unless that is empty. Combinational.
module hadal_vx_norm (
  input  logic [31:0] value_i,
  input  logic [31:0] marker_i,
  output logic [31:0] value_o,
  output logic [4:0]  zeros_o
);
  logic [31:0] both;
  logic [15:0] empty2, count2;  // pairs: no one; zeros above the first one
  logic [7:0]  empty4;
  logic [15:0] count4;
  logic [3:0]  empty8;
  logic [11:0] count8;
  logic [1:0]  empty16;
  logic [7:0]  count16;
  logic [31:0] v16, v8, v4, v2;

  assign both = value_i | marker_i;
  always_comb begin
    for (int i = 0; i < 16; i++) begin
      empty2[i] = ~(both[2*i+1] | both[2*i]);
      count2[i] = ~both[2*i+1];
    end
    for (int i = 0; i < 8; i++) begin
      empty4[i]      = ~(|both[4*i+:4]);
      count4[2*i+:2] = {empty2[2*i+1], empty2[2*i+1] ? count2[2*i] : count2[2*i+1]};
    end
    for (int i = 0; i < 4; i++) begin
      empty8[i]      = ~(|both[8*i+:8]);
      count8[3*i+:3] = {empty4[2*i+1], empty4[2*i+1] ? count4[4*i+:2] : count4[4*i+2+:2]};
    end
    for (int i = 0; i < 2; i++) begin
      empty16[i]      = ~(|both[16*i+:16]);
      count16[4*i+:4] = {empty8[2*i+1], empty8[2*i+1] ? count8[6*i+:3] : count8[6*i+3+:3]};
    end
  end
  assign zeros_o = {empty16[1], empty16[1] ? count16[3:0] : count16[7:4]};
  assign v16     = zeros_o[4] ? {value_i[15:0], 16'd0} : value_i;
  assign v8      = zeros_o[3] ? {v16[23:0], 8'd0} : v16;
  assign v4      = zeros_o[2] ? {v8[27:0], 4'd0} : v8;
  assign v2      = zeros_o[1] ? {v4[29:0], 2'd0} : v4;
  assign value_o = zeros_o[0] ? {v2[30:0], 1'b0} : v2;
  logic unused;
  assign unused = empty16[0];
endmodule
