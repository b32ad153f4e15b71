// Results of 16 lanes to the bytes of a chunk: binary32, or BF16 in the lower half. Combinational.
module hadal_vx_pack (
  input  logic [511:0] words_i,
  input  logic         bf16_i,
  input  logic         raw_i,    // upper halves as they are
  output logic [511:0] data_o
);
  logic [255:0] halves, rounded;
  for (genvar l = 0; l < 16; l++) begin : g_lane
    hadal_vx_bf16 u_round (.x_i(words_i[32*l+:32]), .y_o(rounded[16*l+:16]));
    assign halves[16*l+:16] = raw_i ? words_i[32*l+16+:16] : rounded[16*l+:16];
  end
  assign data_o = bf16_i ? {256'd0, halves} : words_i;
endmodule
