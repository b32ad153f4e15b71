// What leaves a core: messages of NX and remote posts of the units, one at a time; posts go first. Combinational.
module hadal_outbox (
  input  logic [5:0]       core_i,
  input  logic             nx_valid_i,
  input  hadal_pkg::flit_t nx_i,
  output logic             nx_ready_o,
  input  logic [5:0]       rpost_i,
  input  logic [287:0]     mask_i,
  input  logic [29:0]      sem_i,
  input  logic [11:0]      count_i,
  output logic [5:0]       rpost_ready_o,
  output logic             out_valid_o,
  output hadal_pkg::flit_t out_o,
  input  logic             out_ready_i
);
  // A post to nobody is done at once.
  always_comb begin
    out_valid_o   = nx_valid_i;
    out_o         = nx_i;
    nx_ready_o    = out_ready_i && rpost_i == '0;
    rpost_ready_o = '0;
    for (int u = 5; u >= 0; u--) begin
      if (rpost_i[u]) begin
        out_valid_o = mask_i[u*48 +: 48] != '0;
        out_o       = '0;
        out_o.post  = 1'b1;
        out_o.from  = core_i;
        out_o.mask  = mask_i[u*48 +: 48];
        out_o.sem   = sem_i[u*5 +: 5];
        out_o.count = count_i[u*2 +: 2];
      end
    end
    for (int u = 0; u < 6; u++) begin : ready
      logic earlier;
      earlier = 1'b0;
      for (int v = 0; v < u; v++) earlier = earlier | rpost_i[v];
      rpost_ready_o[u] = !earlier && (out_ready_i || mask_i[u*48 +: 48] == '0);
    end
  end
endmodule
