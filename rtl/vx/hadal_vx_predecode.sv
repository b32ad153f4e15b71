// What of an instruction is worked out while it comes in: its kind, and sizes that go into products. Combinational.
module hadal_vx_predecode (
  input  logic [127:0]       instr_i,
  output hadal_vx_pkg::pre_t pre_o
);
  logic [5:0]  op;
  logic [3:0]  func;
  logic [9:0]  rows;
  logic [11:0] cols, d_cols;
  logic        at, bt, dt;
  logic        is_valu, is_mula, is_sfu, is_red, is_qnt, is_cvt, is_prm, is_sel;
  logic        is_swap, is_abs, is_q2f, is_transpose, is_compress, is_hist, a_bf16, b_bf16, d_bf16;
  logic [11:0] cols_less;

  assign op   = instr_i[hadal_isa_pkg::HEADER_OP_LSB+:hadal_isa_pkg::HEADER_OP_WIDTH];
  assign func = instr_i[hadal_isa_pkg::VALU_FUNC_LSB+:hadal_isa_pkg::VALU_FUNC_WIDTH];
  assign rows = instr_i[hadal_isa_pkg::VALU_ROWS_LSB+:hadal_isa_pkg::VALU_ROWS_WIDTH];
  assign cols = instr_i[hadal_isa_pkg::VALU_COLS_LSB+:hadal_isa_pkg::VALU_COLS_WIDTH];
  assign at   = instr_i[hadal_isa_pkg::VALU_AT_LSB];
  assign bt   = instr_i[hadal_isa_pkg::VALU_BT_LSB];
  assign dt   = instr_i[hadal_isa_pkg::VALU_DT_LSB];

  assign is_valu = op == hadal_isa_pkg::OP_VALU;
  assign is_mula = op == hadal_isa_pkg::OP_VMULA;
  assign is_sfu  = op == hadal_isa_pkg::OP_VSFU;
  assign is_red  = op == hadal_isa_pkg::OP_VRED;
  assign is_qnt  = op == hadal_isa_pkg::OP_VQNT;
  assign is_cvt  = op == hadal_isa_pkg::OP_VCVT;
  assign is_prm  = op == hadal_isa_pkg::OP_VPRM;
  assign is_sel  = op == hadal_isa_pkg::OP_VSEL;
  assign is_abs  = is_valu & (func == hadal_isa_pkg::FUNC_VALU_ABS);
  assign is_q2f  = is_cvt & (func == hadal_isa_pkg::FUNC_VCVT_Q2F);
  assign is_swap = is_prm & (func == hadal_isa_pkg::FUNC_VPRM_PAIRSWAP);

  assign is_transpose = is_prm & (func == hadal_isa_pkg::FUNC_VPRM_TRANSPOSE);
  assign is_compress  = is_sel & (func == hadal_isa_pkg::FUNC_VSEL_COMPRESS);
  assign is_hist      = is_sel & (func == hadal_isa_pkg::FUNC_VSEL_HIST);

  assign a_bf16 = (at & (is_valu | is_mula | is_sfu | is_red | is_qnt | is_swap)) |
                  (is_cvt & (func == hadal_isa_pkg::FUNC_VCVT_B2F));
  assign b_bf16 = bt & (is_valu | is_mula);
  assign d_bf16 = (dt & (is_valu | is_mula | is_sfu | is_red)) | (at & is_swap) |
                  (is_cvt & (func == hadal_isa_pkg::FUNC_VCVT_F2B));

  always_comb begin
    pre_o.elementwise = is_valu | is_mula;
    pre_o.red         = is_red;
    pre_o.qnt         = is_qnt;
    pre_o.select      = is_valu & (func == hadal_isa_pkg::FUNC_VALU_SEL);
    pre_o.mula        = is_mula;
    pre_o.q2f         = is_q2f;
    pre_o.transpose   = is_transpose;
    pre_o.swap        = is_swap;
    pre_o.gather      = is_prm & (func == hadal_isa_pkg::FUNC_VPRM_GATHER);
    pre_o.compress    = is_compress;
    pre_o.hist        = is_hist;
    pre_o.a_bf16      = a_bf16;
    pre_o.b_bf16      = b_bf16;
    pre_o.d_bf16      = d_bf16;
    pre_o.use_a       = ~(is_prm & ((func == hadal_isa_pkg::FUNC_VPRM_IOTA) |
                                    (func == hadal_isa_pkg::FUNC_VPRM_FILL)));
    pre_o.use_b       = (is_valu & ~is_abs) | is_mula | is_q2f | is_compress;
    // Lines of a dense row; of d, the tile in memory may have other columns.
    pre_o.a_dense     = 9'((13'(cols) + (a_bf16 ? 13'd31 : 13'd15)) >> (a_bf16 ? 5 : 4));
    pre_o.b_dense     = 9'((13'(cols) + (b_bf16 ? 13'd31 : 13'd15)) >> (b_bf16 ? 5 : 4));
    pre_o.d_dense     = 9'((13'(d_cols) + (d_bf16 ? 13'd31 : 13'd15)) >> (d_bf16 ? 5 : 4));
    pre_o.rows_less   = rows - 10'd1;
    pre_o.cols_less   = cols_less;
    pre_o.blocks_rows = {10'd0, cols_less[11:7]} * {5'd0, rows};
  end
  assign d_cols    = is_transpose ? {2'd0, rows} : is_hist ? 12'd256 : cols;
  assign cols_less = cols - 12'd1;
endmodule
