// Raw bytes of a chunk to 16 words of 32 bits: BF16 and E4M3 become binary32. Combinational.
module hadal_vx_unpack (
  input  logic [511:0]          raw_i,
  input  logic                  half_i,    // BF16: the first element is the upper half of word 0
  input  hadal_vx_pkg::format_e format_i,
  input  logic                  one_i,     // element 0 for all
  output logic [511:0]          words_o
);
  logic [511:0] words, codes;
  logic [15:0]  first_half;

  assign first_half = half_i ? raw_i[31:16] : raw_i[15:0];

  for (genvar l = 0; l < 16; l++) begin : g_lane
    hadal_vx_e4m3_decode u_e4m3 (.code_i(raw_i[8*l+:8]), .value_o(codes[32*l+:32]));
    always_comb begin
      case (format_i)
        hadal_vx_pkg::FormatBf16: words[32*l+:32] = {(l == 0) ? first_half : raw_i[16*l+:16], 16'd0};
        hadal_vx_pkg::FormatE4m3: words[32*l+:32] = codes[32*l+:32];
        default:                  words[32*l+:32] = raw_i[32*l+:32];
      endcase
    end
  end
  assign words_o = one_i ? {16{words[31:0]}} : words;
endmodule
