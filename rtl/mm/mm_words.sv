// Eight FP32 words (scales or factors) of a tile, read from the SPM a line at a time: all that lie in the line of the
// first that is missing come with it. Four sets are kept.
module mm_words (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         load_i,    // not while busy_o
  input  logic [1:0]   set_i,
  input  logic [7:0]   mask_i,
  input  logic [159:0] word_i,    // eight word addresses
  output logic         busy_o,    // some are still to be asked for after this cycle
  output logic         spm_req_o,
  output logic [15:0]  spm_line_o,
  input  logic         spm_gnt_i,
  input  logic         spm_valid_i,
  input  logic [511:0] spm_data_i,
  input  logic [1:0]   rset_i,
  output logic [255:0] rdata_o
);
  logic [7:0]   pend_q, hits;
  logic [159:0] word_q;
  logic [1:0]   set_q;
  logic [15:0]  line;
  logic [41:0]  tag0, tag1_q, tag2_q;  // set, hits, places in the line
  logic [255:0] mem_q [0:3];
  logic [255:0] picked;

  always_comb begin
    line = '0;
    for (int i = 7; i >= 0; i--) if (pend_q[i]) line = word_q[i*20+4 +: 16];
    for (int i = 0; i < 8; i++) begin
      hits[i] = pend_q[i] && word_q[i*20+4 +: 16] == line;
      tag0[i*4 +: 4] = word_q[i*20 +: 4];
    end
    tag0[41:32] = {set_q, hits};
  end
  assign spm_req_o  = pend_q != '0;
  assign spm_line_o = line;
  assign busy_o     = spm_req_o && !(spm_gnt_i && hits == pend_q);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) pend_q <= '0;
    else if (load_i) pend_q <= mask_i;
    else if (spm_gnt_i) pend_q <= pend_q & ~hits;
  end
  always_comb begin
    picked = mem_q[tag2_q[41:40]];
    for (int i = 0; i < 8; i++) begin
      if (tag2_q[32+i]) picked[i*32 +: 32] = spm_data_i[{tag2_q[i*4 +: 4], 5'd0} +: 32];
    end
  end
  always_ff @(posedge clk_i) begin
    if (load_i) begin
      word_q <= word_i;
      set_q  <= set_i;
    end
    tag1_q <= tag0;
    tag2_q <= tag1_q;
    if (spm_valid_i) mem_q[tag2_q[41:40]] <= picked;
  end
  assign rdata_o = mem_q[rset_i];
endmodule
