// E4M3 to binary32, exact. Combinational.
module hadal_vx_e4m3_decode (
  input  logic [7:0]  code_i,
  output logic [31:0] value_o
);
  logic [7:0]  exponent;
  logic [2:0]  fraction;

  // Codes without an exponent count units of 2^-9: 1, 2..3 and 4..7 begin with another bit.
  always_comb begin
    exponent = {4'd0, code_i[6:3]} + 8'd120;
    fraction = code_i[2:0];
    if (code_i[6:3] == 4'd0) begin
      casez (code_i[2:0])
        3'b1??: begin
          exponent = 8'd120;
          fraction = {code_i[1:0], 1'b0};
        end
        3'b01?: begin
          exponent = 8'd119;
          fraction = {code_i[0], 2'd0};
        end
        3'b001: begin
          exponent = 8'd118;
          fraction = 3'd0;
        end
        default: begin
          exponent = 8'd0;
          fraction = 3'd0;
        end
      endcase
    end
  end
  assign value_o = (code_i[6:0] == 7'h7F) ? 32'h7FC0_0000 : {code_i[7], exponent, fraction, 20'd0};
endmodule
