// FP4 expansion: half a line of E2M1 nibbles becomes a line of E4M3. Element (line, byte) belongs to column byte / 4
// and to the group of 32 k that `group_i` names; its scale lies `below` the largest of its column. Combinational: the
// scales of a panel come first, and what becomes of them is kept outside.
module hadal_ldx (
  input  logic [511:0] scales_i,   // UE8M0 [16 columns][4 groups]
  output logic [255:0] below_o,    // [16 columns][4 groups]
  input  logic [255:0] below_i,
  input  logic [1:0]   group_i,
  input  logic [255:0] nibbles_i,
  output logic [511:0] codes_o,
  output logic [511:0] fp32_o,     // the scale of each column
  output logic [63:0]  far_o       // scales that are NaN, or too far below the largest: faults
);
  // E2M1 x 2^(6 - below) in E4M3, exact for below <= 14.
  function automatic logic [7:0] code(input logic [3:0] nibble, input logic [3:0] below);
    logic [4:0] exponent;  // biased E4M3 exponent of the leading one
    logic [2:0] mantissa;
    begin
      // 0.5 1 1.5 2 3 4 6 have exponents -1 0 0 1 1 2 2; E4M3's bias is 7.
      case (nibble[2:0])
        3'd0: exponent = 5'd0;
        3'd1: exponent = 5'd12;
        3'd2, 3'd3: exponent = 5'd13;
        3'd4, 3'd5: exponent = 5'd14;
        default: exponent = 5'd15;
      endcase
      mantissa = (nibble[2:0] == 3'd3 || nibble[2:0] == 3'd5 || nibble[2:0] == 3'd7) ? 3'b100 : 3'b000;
      if (nibble[2:0] == 3'd0) code = {nibble[3], 7'd0};
      else if (exponent > {1'b0, below}) code = {nibble[3], 4'(exponent - {1'b0, below}), mantissa};
      else code = {nibble[3], 4'd0, 3'({1'b1, mantissa} >> (5'd1 + {1'b0, below} - exponent))};
    end
  endfunction

  // The largest of a column is the one that no other exceeds; ties are equal anyway.
  logic [16*8-1:0] largest;
  logic [3:0]      most;
  logic [7:0]      distance;
  always_comb begin
    distance = '0;
    most     = '0;
    for (int c = 0; c < 16; c++) begin
      largest[c*8 +: 8] = '0;
      for (int g = 0; g < 4; g++) begin
        most[g] = 1'b1;
        for (int h = 0; h < 4; h++) if (scales_i[(c*4+g)*8 +: 8] < scales_i[(c*4+h)*8 +: 8]) most[g] = 1'b0;
        largest[c*8 +: 8] = largest[c*8 +: 8] | (scales_i[(c*4+g)*8 +: 8] & {8{most[g]}});
      end
      for (int g = 0; g < 4; g++) begin
        distance = largest[c*8 +: 8] - scales_i[(c*4+g)*8 +: 8];
        far_o[c*4+g] = (&scales_i[(c*4+g)*8 +: 8]) || distance > 8'd14;
        below_o[(c*4+g)*4 +: 4] = distance[3:0];
      end
      // 2^(largest - 6 - 127): subnormal below 2^-126.
      if (largest[c*8 +: 8] > 8'd6) fp32_o[c*32 +: 32] = {1'b0, largest[c*8 +: 8] - 8'd6, 23'd0};
      else fp32_o[c*32 +: 32] = 32'h0040_0000 >> (8'd6 - largest[c*8 +: 8]);
    end
    for (int i = 0; i < 64; i++) codes_o[i*8 +: 8] = code(nibbles_i[i*4 +: 4], below_i[(i/4*4 + 32'(group_i))*4 +: 4]);
  end
endmodule
