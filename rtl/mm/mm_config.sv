// Configuration words of MM, and an MMA with its defaults filled in.
module mm_config (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              cfg_i,
  input  hadal_pkg::issue_t issue_i,
  output hadal_pkg::mma_t   mma_o
);
  logic [31:0] cfg_q [0:31];
  logic [4:0]  key;
  assign key = issue_i.instr[hadal_isa_pkg::CFG_KEY_LSB +: 5];
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int i = 0; i < 32; i++) cfg_q[i] <= '0;
    end else if (cfg_i) begin
      cfg_q[key] <= issue_i.value;
    end
  end

  logic [7:0]  flags, m, kg;
  logic [5:0]  n;
  logic [15:0] a_row, b_n;
  assign flags = issue_i.instr[hadal_isa_pkg::HEADER_FLAGS_LSB +: 8];
  assign m     = issue_i.instr[hadal_isa_pkg::MMA_M_LSB +: 8];
  assign n     = issue_i.instr[hadal_isa_pkg::MMA_N_LSB +: 6];
  assign kg    = issue_i.instr[hadal_isa_pkg::MMA_KG_LSB +: 8];
  always_comb begin
    mma_o.m         = m;
    mma_o.col_tiles = {n, 2'b00};
    mma_o.groups    = kg;
    mma_o.gcode     = flags[7:6];
    mma_o.clr       = (flags & hadal_isa_pkg::FLAG_MMA_CLR) != '0;
    mma_o.rsc       = (flags & hadal_isa_pkg::FLAG_MMA_RSC) != '0;
    mma_o.bt        = (flags & hadal_isa_pkg::FLAG_MMA_BT) != '0;
    mma_o.br        = (flags & hadal_isa_pkg::FLAG_MMA_BR) != '0;
    mma_o.da        = (flags & hadal_isa_pkg::FLAG_MMA_DA) != '0;
    mma_o.db        = (flags & hadal_isa_pkg::FLAG_MMA_DB) != '0;
    mma_o.empty     = m == '0 || n == '0 || kg == '0;
    a_row = cfg_q[hadal_isa_pkg::CFG_MM_ARS] != '0 ? cfg_q[hadal_isa_pkg::CFG_MM_ARS][15:0] : 16'd2;
    b_n   = cfg_q[hadal_isa_pkg::CFG_MM_BNS] != '0 ? cfg_q[hadal_isa_pkg::CFG_MM_BNS][15:0] : 16'd32;
    mma_o.a        = issue_i.a[15:0];
    mma_o.a_row    = a_row;
    if (cfg_q[hadal_isa_pkg::CFG_MM_AGS] != '0) mma_o.a_block = cfg_q[hadal_isa_pkg::CFG_MM_AGS][15:0];
    else mma_o.a_block = {8'd0, m} * a_row;
    mma_o.a_low    = cfg_q[hadal_isa_pkg::CFG_MM_ADS][15:0];
    mma_o.b        = issue_i.b[15:0];
    mma_o.b_n      = b_n;
    if (cfg_q[hadal_isa_pkg::CFG_MM_BGS] != '0) mma_o.b_block = cfg_q[hadal_isa_pkg::CFG_MM_BGS][15:0];
    else if (mma_o.br) mma_o.b_block = 16'd2;
    else if (mma_o.bt) mma_o.b_block = b_n << 7;
    else mma_o.b_block = {9'd0, n, 1'b0} * b_n;
    mma_o.b_low    = cfg_q[hadal_isa_pkg::CFG_MM_BDS][15:0];
    mma_o.sa       = cfg_q[hadal_isa_pkg::CFG_MM_SA][19:0];
    mma_o.sa_group = cfg_q[hadal_isa_pkg::CFG_MM_SAG] != '0 ? cfg_q[hadal_isa_pkg::CFG_MM_SAG][19:0] : {12'd0, m};
    mma_o.sb       = cfg_q[hadal_isa_pkg::CFG_MM_SB][19:0];
    mma_o.sb_shift = cfg_q[hadal_isa_pkg::CFG_MM_SBSH][4:0];
    mma_o.sb_n     = cfg_q[hadal_isa_pkg::CFG_MM_SBN][19:0];
    mma_o.sb_group = cfg_q[hadal_isa_pkg::CFG_MM_SBG][19:0];
    mma_o.alpha    = cfg_q[hadal_isa_pkg::CFG_MM_AL][19:0];
    mma_o.c        = issue_i.d[15:0];
    mma_o.c_row    = cfg_q[hadal_isa_pkg::CFG_MM_CRS] != '0 ? cfg_q[hadal_isa_pkg::CFG_MM_CRS][15:0] : {9'd0, n, 1'b0};
  end
endmodule
