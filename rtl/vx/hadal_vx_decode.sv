// Instruction and configuration to address streams, line extents and datapath controls (docs/machine.md, section 7).
// In two cycles, through which the inputs stay: products of rows and strides come from the first.
module hadal_vx_decode (
  input  logic               clk_i,
  input  logic [127:0]       instr_i,
  input  hadal_vx_pkg::pre_t pre_i,     // of the instruction
  input  logic [15:0]        d_line_i,
  input  logic [15:0]        a_line_i,
  input  logic [15:0]        b_line_i,
  input  logic [479:0]       cfg_i,     // 15 words, word 0 lowest
  output hadal_vx_pkg::job_t job_o,
  output logic               fault_o    // breaks a rule that needs no look at memory
);
  ////////////
  // Fields //
  ////////////

  logic [5:0]  op;
  logic [3:0]  func;
  logic [9:0]  rows;
  logic [11:0] cols;
  logic [1:0]  bc, group_code;
  logic        at, bt, a_acc, b_acc, d_acc;
  logic [31:0] aoff, boff, doff, emin_word;
  logic [8:0]  chunks;
  logic [7:0]  row_chunks;
  logic [4:0]  last;

  assign op         = instr_i[hadal_isa_pkg::HEADER_OP_LSB+:hadal_isa_pkg::HEADER_OP_WIDTH];
  assign func       = instr_i[hadal_isa_pkg::VALU_FUNC_LSB+:hadal_isa_pkg::VALU_FUNC_WIDTH];
  assign rows       = instr_i[hadal_isa_pkg::VALU_ROWS_LSB+:hadal_isa_pkg::VALU_ROWS_WIDTH];
  assign cols       = instr_i[hadal_isa_pkg::VALU_COLS_LSB+:hadal_isa_pkg::VALU_COLS_WIDTH];
  assign bc         = instr_i[hadal_isa_pkg::VALU_BC_LSB+:hadal_isa_pkg::VALU_BC_WIDTH];
  assign at         = instr_i[hadal_isa_pkg::VALU_AT_LSB];
  assign bt         = instr_i[hadal_isa_pkg::VALU_BT_LSB];
  assign a_acc      = instr_i[hadal_isa_pkg::VALU_A_LSB + hadal_isa_pkg::LOCAL_ACC_LSB];
  assign b_acc      = instr_i[hadal_isa_pkg::VALU_B_LSB + hadal_isa_pkg::LOCAL_ACC_LSB];
  assign d_acc      = instr_i[hadal_isa_pkg::VALU_D_LSB + hadal_isa_pkg::LOCAL_ACC_LSB];
  assign group_code = instr_i[hadal_isa_pkg::HEADER_FLAGS_LSB+6+:2];
  assign aoff       = cfg_i[hadal_isa_pkg::CFG_VX_AOFF*32+:32];
  assign boff       = cfg_i[hadal_isa_pkg::CFG_VX_BOFF*32+:32];
  assign doff       = cfg_i[hadal_isa_pkg::CFG_VX_DOFF*32+:32];
  assign emin_word  = cfg_i[hadal_isa_pkg::CFG_VX_EMIN*32+:32];
  assign chunks     = 9'((13'(cols) + 13'd15) >> 4);
  assign row_chunks = 8'((11'(rows) + 11'd15) >> 4);
  assign last       = {1'b0, cols[3:0] - 4'd1} + 5'd1;

  logic use_c;
  assign use_c = pre_i.mula | pre_i.select;

  //////////////
  // Operands //
  //////////////

  hadal_vx_pkg::stream_t tile_a, tile_b, tile_d;
  hadal_vx_pkg::extent_t lines_a, lines_b, lines_d;
  logic                  b_element;

  assign b_element = pre_i.gather | pre_i.compress | (pre_i.elementwise & bc[1]);

  hadal_vx_tile u_a (
    .clk_i, .used_i(pre_i.use_a), .acc_i(a_acc), .line_i(a_line_i), .offset_i(aoff[3:0]),
    .stride_i(cfg_i[hadal_isa_pkg::CFG_VX_ARS*32+:16]), .bf16_i(pre_i.a_bf16), .dense_i(pre_i.a_dense),
    .rows_less_i(pre_i.rows_less), .rows_i(rows), .cols_i(cols),
    .n_i({1'b0, chunks}), .same_row_i(1'b0), .element_i(1'b0), .stream_o(tile_a), .extent_o(lines_a)
  );
  hadal_vx_tile u_b (
    .clk_i, .used_i(pre_i.use_b | pre_i.gather), .acc_i(b_acc), .line_i(b_line_i), .offset_i(boff[3:0]),
    .stride_i((pre_i.gather | pre_i.compress) ? 16'd0 : cfg_i[hadal_isa_pkg::CFG_VX_BRS*32+:16]),
    .bf16_i(pre_i.b_bf16), .dense_i(pre_i.b_dense), .rows_less_i(pre_i.rows_less), .rows_i(rows), .cols_i(cols),
    .n_i(pre_i.gather ? 10'd1 : {1'b0, chunks}),
    .same_row_i(pre_i.compress | (pre_i.elementwise & bc[0])), .element_i(b_element),
    .stream_o(tile_b), .extent_o(lines_b)
  );
  hadal_vx_tile u_d (
    .clk_i, .used_i(1'b1), .acc_i(d_acc), .line_i(d_line_i), .offset_i(doff[3:0]),
    .stride_i(cfg_i[hadal_isa_pkg::CFG_VX_DRS*32+:16]), .bf16_i(pre_i.d_bf16), .dense_i(pre_i.d_dense),
    .rows_less_i(pre_i.transpose ? 10'd0 : pre_i.rows_less),
    .rows_i(pre_i.transpose ? 10'd1 : rows),
    .cols_i(pre_i.transpose ? {2'd0, rows} : pre_i.hist ? 12'd256 : cols),
    .n_i(pre_i.hist ? 10'd16 : (pre_i.red | pre_i.compress) ? 10'd1 : {1'b0, chunks}),
    .same_row_i(1'b0), .element_i(pre_i.red), .stream_o(tile_d), .extent_o(lines_d)
  );

  hadal_vx_pkg::stream_t digits_write, scales_write, digits_read, scales_read;
  hadal_vx_pkg::extent_t digits_write_lines, digits_read_lines, scales_lines;
  logic [3:0]            group_chunks;
  logic [7:0]            groups;
  logic [9:0]            group_part;
  logic                  two_digits;

  assign two_digits = pre_i.qnt & instr_i[hadal_isa_pkg::VQNT_DIGITS_LSB];
  hadal_vx_decode_quant u_quant (
    .clk_i,
    .digits_line_i(pre_i.qnt ? d_line_i : a_line_i), .digits_acc_i(pre_i.q2f & a_acc), .scales_line_i(b_line_i),
    .qrs_i(cfg_i[hadal_isa_pkg::CFG_VX_QRS*32+:16]), .qgs_i(cfg_i[hadal_isa_pkg::CFG_VX_QGS*32+:16]),
    .qds_i(cfg_i[hadal_isa_pkg::CFG_VX_QDS*32+:16]), .srs_i(cfg_i[hadal_isa_pkg::CFG_VX_SRS*32+:20]),
    .sgs_i(cfg_i[hadal_isa_pkg::CFG_VX_SGS*32+:20]), .rows_i(rows),
    .rows_less_i(pre_i.rows_less), .cols_less_i(pre_i.cols_less), .blocks_rows_i(pre_i.blocks_rows),
    .group_code_i(group_code),
    .two_digits_i(two_digits), .digits_write_o(digits_write), .scales_write_o(scales_write),
    .digits_read_o(digits_read), .scales_read_o(scales_read), .digits_write_lines_o(digits_write_lines),
    .digits_read_lines_o(digits_read_lines), .scales_lines_o(scales_lines), .group_chunks_o(group_chunks),
    .groups_o(groups), .group_part_o(group_part)
  );

  // Rows and columns change places: columns of chunks outside, rows inside. In d a block is 16 rows of one chunk.
  hadal_vx_pkg::stream_t transpose_a, transpose_d;
  hadal_vx_pkg::extent_t transpose_lines;
  logic [21:0]           transpose_end, columns_low_q, columns_high_q;
  always_ff @(posedge clk_i) begin
    columns_low_q  <= {16'd0, pre_i.cols_less[5:0]} * tile_d.step_k;
    columns_high_q <= {10'd0, pre_i.cols_less[11:6], 6'd0} * tile_d.step_k;
  end
  assign transpose_end   = tile_d.base + columns_low_q + columns_high_q + {10'd0, rows, 2'd0} - 22'd1;
  assign transpose_lines = {1'b1, d_acc, tile_d.base[21:6], transpose_end[21:6]};

  always_comb begin
    transpose_a            = tile_a;
    transpose_a.tile       = 1'b1;
    transpose_a.step_i     = tile_a.step_k;
    transpose_a.n_i        = rows;
    transpose_a.n_i_last   = rows;
    transpose_a.step_block = 22'd64;
    transpose_a.n_j        = chunks[7:0];
    transpose_a.n_k        = 10'd1;
    transpose_d            = tile_d;
    transpose_d.tile       = 1'b1;
    transpose_d.step_i     = tile_d.step_k;
    transpose_d.n_i        = 10'd16;
    transpose_d.n_i_last   = {5'd0, last};
    transpose_d.step_block = 22'd64;
    transpose_d.n_j        = row_chunks;
    transpose_d.step_k     = {tile_d.step_k[17:0], 4'd0};
    transpose_d.n_k        = {1'b0, chunks};
  end

  // VQNT reads every group once for its maximum and once a digit.
  hadal_vx_pkg::stream_t quant_a;
  always_comb begin
    quant_a            = tile_a;
    quant_a.n_i        = {6'd0, group_chunks};
    quant_a.n_i_last   = {6'd0, group_chunks};
    quant_a.i_part     = group_part;
    quant_a.n_pass     = two_digits ? 2'd3 : 2'd2;
    quant_a.n_j        = groups;
    quant_a.step_block = at ? {13'd0, group_chunks, 5'd0} : {12'd0, group_chunks, 6'd0};
  end

  hadal_vx_pkg::stream_t counts;
  logic [21:0]           counts_base, counts_end;
  assign counts_base = {cfg_i[hadal_isa_pkg::CFG_VX_CNT*32+:20], 2'd0};
  assign counts_end  = counts_base + {10'd0, rows, 2'd0} - 22'd1;
  always_comb begin
    counts        = scales_write;
    counts.base   = counts_base;
    counts.step_k = 22'd4;
    counts.n_j    = 8'd1;
  end

  /////////
  // Job //
  /////////

  hadal_vx_pkg::exec_t exec;
  always_comb begin
    job_o           = '0;
    job_o.exec      = exec;
    job_o.a         = pre_i.q2f ? digits_read : pre_i.transpose ? transpose_a : pre_i.qnt ? quant_a : tile_a;
    job_o.a.gather  = pre_i.gather;
    job_o.b         = pre_i.q2f ? scales_read : tile_b;
    job_o.c         = tile_d;
    job_o.c.used    = use_c;
    job_o.write.main = pre_i.qnt ? digits_write : pre_i.transpose ? transpose_d : tile_d;
    job_o.write.aux      = pre_i.compress ? counts : scales_write;
    job_o.write.aux.used = pre_i.compress | pre_i.qnt;
    job_o.read_a    = pre_i.q2f ? digits_read_lines : pre_i.gather ? {1'b1, a_acc, 16'd0, 16'hFFFF} : lines_a;
    job_o.read_b    = pre_i.q2f ? scales_lines : lines_b;
    job_o.write_d   = pre_i.qnt ? digits_write_lines : pre_i.transpose ? transpose_lines : lines_d;
    job_o.write_aux = pre_i.compress ? {1'b1, 1'b0, counts_base[21:6], counts_end[21:6]} : scales_lines;
    job_o.write_aux.used = pre_i.compress | pre_i.qnt;
  end

  hadal_vx_decode_exec u_exec (
    .op_i(op), .func_i(func), .a_bf16_i(pre_i.a_bf16), .b_bf16_i(bt & ~pre_i.compress), .d_bf16_i(pre_i.d_bf16),
    .b_one_i(b_element | pre_i.q2f),
    .use_a_i(pre_i.use_a), .use_b_i(pre_i.use_b), .use_c_i(use_c), .rows_i(rows), .chunks_i(chunks), .last_i(last),
    .group_chunks_i(group_chunks), .two_digits_i(two_digits), .emin_i(emin_word),
    .byte_i(cfg_i[hadal_isa_pkg::CFG_VX_BYTE*32+:2]), .imm_i(cfg_i[hadal_isa_pkg::CFG_VX_IMM*32+:32]), .exec_o(exec)
  );

  assign fault_o = (|aoff[31:4]) | (|boff[31:4]) | (|doff[31:4]) |
                   (pre_i.swap & cols[0]) |
                   (two_digits & (cfg_i[hadal_isa_pkg::CFG_VX_QDS*32+:32] == 32'd0)) |
                   (pre_i.hist & (|cfg_i[hadal_isa_pkg::CFG_VX_BYTE*32+2+:30]));
endmodule
