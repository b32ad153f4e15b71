// AUTO-GENERATED from the instruction table (src/isa/table.cpp) by `hadal isa --system-verilog`; do not edit.
// Names: src/isa/system_verilog.h. Meaning: docs/machine.md.

// A package holds the whole table; no design uses all of it.
/* verilator lint_off UNUSEDPARAM */
package hadal_isa_pkg;
  localparam int unsigned LINE_BYTES = 64;
  localparam int unsigned REGISTERS = 16;
  localparam int unsigned SEMAPHORES = 32;
  localparam int unsigned SEMAPHORE_MAX = 63;
  localparam int unsigned LOOP_DEPTH = 4;
  localparam int unsigned MAX_CORES = 48;

  // Header
  localparam int unsigned HEADER_OP_LSB = 122;
  localparam int unsigned HEADER_OP_WIDTH = 6;
  localparam int unsigned HEADER_WSEM_LSB = 117;
  localparam int unsigned HEADER_WSEM_WIDTH = 5;
  localparam int unsigned HEADER_WCNT_LSB = 111;
  localparam int unsigned HEADER_WCNT_WIDTH = 6;
  localparam int unsigned HEADER_PSEM_LSB = 106;
  localparam int unsigned HEADER_PSEM_WIDTH = 5;
  localparam int unsigned HEADER_PCNT_LSB = 104;
  localparam int unsigned HEADER_PCNT_WIDTH = 2;
  localparam int unsigned HEADER_FLAGS_LSB = 96;
  localparam int unsigned HEADER_FLAGS_WIDTH = 8;

  // Queues
  localparam logic [2:0] UNIT_CTL = 3'h0;
  localparam logic [2:0] UNIT_LD = 3'h1;
  localparam logic [2:0] UNIT_ST = 3'h2;
  localparam logic [2:0] UNIT_NX = 3'h3;
  localparam logic [2:0] UNIT_MM = 3'h4;
  localparam logic [2:0] UNIT_VX = 3'h5;

  // Parts of a local operand (20 bits) and of a DRAM operand (32 bits)
  localparam int unsigned LOCAL_OFFSET_LSB = 0;
  localparam int unsigned LOCAL_OFFSET_WIDTH = 15;
  localparam int unsigned LOCAL_ACC_LSB = 15;
  localparam int unsigned LOCAL_ACC_WIDTH = 1;
  localparam int unsigned LOCAL_AREG_LSB = 16;
  localparam int unsigned LOCAL_AREG_WIDTH = 4;
  localparam int unsigned DRAM_OFFSET_LSB = 0;
  localparam int unsigned DRAM_OFFSET_WIDTH = 28;
  localparam int unsigned DRAM_AREG_LSB = 28;
  localparam int unsigned DRAM_AREG_WIDTH = 4;

  // HALT: the core is done when all its units are idle
  localparam logic [5:0] OP_HALT = 6'h1;

  // SET: rd = imm
  localparam logic [5:0] OP_SET = 6'h2;
  localparam int unsigned SET_RD_LSB = 92;
  localparam int unsigned SET_RD_WIDTH = 4;
  localparam int unsigned SET_IMM_LSB = 44;
  localparam int unsigned SET_IMM_WIDTH = 48;

  // ADD: rd = R[rs] + R[rt] + imm modulo 2^48
  localparam logic [5:0] OP_ADD = 6'h3;
  localparam int unsigned ADD_RD_LSB = 92;
  localparam int unsigned ADD_RD_WIDTH = 4;
  localparam int unsigned ADD_RS_LSB = 88;
  localparam int unsigned ADD_RS_WIDTH = 4;
  localparam int unsigned ADD_RT_LSB = 84;
  localparam int unsigned ADD_RT_WIDTH = 4;
  localparam int unsigned ADD_IMM_LSB = 52;
  localparam int unsigned ADD_IMM_WIDTH = 32;

  // LDR: rd = (((value + add) >> rsh) << lsh) + R[rs]
  localparam logic [5:0] OP_LDR = 6'h4;
  localparam int unsigned LDR_RD_LSB = 92;
  localparam int unsigned LDR_RD_WIDTH = 4;
  localparam int unsigned LDR_S_LSB = 72;
  localparam int unsigned LDR_S_WIDTH = 20;
  localparam int unsigned LDR_BYTE_LSB = 66;
  localparam int unsigned LDR_BYTE_WIDTH = 6;
  localparam int unsigned LDR_SIZE_LSB = 64;
  localparam int unsigned LDR_SIZE_WIDTH = 2;
  localparam logic [1:0] LDR_SIZE_U8 = 2'h0;
  localparam logic [1:0] LDR_SIZE_U16 = 2'h1;
  localparam logic [1:0] LDR_SIZE_U32 = 2'h2;
  localparam int unsigned LDR_ADD_LSB = 48;
  localparam int unsigned LDR_ADD_WIDTH = 16;
  localparam int unsigned LDR_RSH_LSB = 43;
  localparam int unsigned LDR_RSH_WIDTH = 5;
  localparam int unsigned LDR_LSH_LSB = 38;
  localparam int unsigned LDR_LSH_WIDTH = 5;
  localparam int unsigned LDR_RS_LSB = 34;
  localparam int unsigned LDR_RS_WIDTH = 4;

  // LOOP: the next len instructions n times, stepping registers
  localparam logic [5:0] OP_LOOP = 6'h5;
  localparam int unsigned LOOP_SRC_LSB = 95;
  localparam int unsigned LOOP_SRC_WIDTH = 1;
  localparam int unsigned LOOP_N_LSB = 79;
  localparam int unsigned LOOP_N_WIDTH = 16;
  localparam int unsigned LOOP_LEN_LSB = 69;
  localparam int unsigned LOOP_LEN_WIDTH = 10;
  localparam int unsigned LOOP_AREG0_LSB = 65;
  localparam int unsigned LOOP_AREG0_WIDTH = 4;
  localparam int unsigned LOOP_INC0_LSB = 49;
  localparam int unsigned LOOP_INC0_WIDTH = 16;
  localparam int unsigned LOOP_AREG1_LSB = 45;
  localparam int unsigned LOOP_AREG1_WIDTH = 4;
  localparam int unsigned LOOP_INC1_LSB = 29;
  localparam int unsigned LOOP_INC1_WIDTH = 16;
  localparam int unsigned LOOP_AREG2_LSB = 25;
  localparam int unsigned LOOP_AREG2_WIDTH = 4;
  localparam int unsigned LOOP_INC2_LSB = 9;
  localparam int unsigned LOOP_INC2_WIDTH = 16;

  // SKIPZ: if R[rs] = 0, skip the next len instructions
  localparam logic [5:0] OP_SKIPZ = 6'h6;
  localparam int unsigned SKIPZ_RS_LSB = 92;
  localparam int unsigned SKIPZ_RS_WIDTH = 4;
  localparam int unsigned SKIPZ_LEN_LSB = 80;
  localparam int unsigned SKIPZ_LEN_WIDTH = 12;

  // SYNC: wait and post in the queue of a unit
  localparam logic [5:0] OP_SYNC = 6'h7;
  localparam int unsigned SYNC_UNIT_LSB = 93;
  localparam int unsigned SYNC_UNIT_WIDTH = 3;
  localparam int unsigned SYNC_MASK_LSB = 89;
  localparam int unsigned SYNC_MASK_WIDTH = 4;
  localparam logic [7:0] FLAG_SYNC_REMOTE = 8'h1;
  localparam logic [7:0] FLAG_SYNC_REMOTE_MASK = 8'h1;

  // CFG: configuration word = (R[rs] << sh) + imm, in the queue of its unit
  localparam logic [5:0] OP_CFG = 6'h8;
  localparam int unsigned CFG_UNIT_LSB = 93;
  localparam int unsigned CFG_UNIT_WIDTH = 3;
  localparam int unsigned CFG_KEY_LSB = 88;
  localparam int unsigned CFG_KEY_WIDTH = 5;
  localparam int unsigned CFG_RS_LSB = 84;
  localparam int unsigned CFG_RS_WIDTH = 4;
  localparam int unsigned CFG_SH_LSB = 80;
  localparam int unsigned CFG_SH_WIDTH = 4;
  localparam int unsigned CFG_IMM_LSB = 48;
  localparam int unsigned CFG_IMM_WIDTH = 32;

  // LD: 2-D copy from DRAM
  localparam logic [5:0] OP_LD = 6'h10;
  localparam int unsigned LD_D_LSB = 76;
  localparam int unsigned LD_D_WIDTH = 20;
  localparam int unsigned LD_S_LSB = 44;
  localparam int unsigned LD_S_WIDTH = 32;
  localparam int unsigned LD_ROWS_LSB = 34;
  localparam int unsigned LD_ROWS_WIDTH = 10;
  localparam int unsigned LD_LEN_LSB = 22;
  localparam int unsigned LD_LEN_WIDTH = 12;
  localparam int unsigned LD_SSTRIDE_LSB = 10;
  localparam int unsigned LD_SSTRIDE_WIDTH = 12;
  localparam int unsigned LD_DSTRIDE_LSB = 0;
  localparam int unsigned LD_DSTRIDE_WIDTH = 10;
  localparam logic [7:0] FLAG_LD_RREG = 8'h1;
  localparam logic [7:0] FLAG_LD_RREG_MASK = 8'h1;

  // LDG: gather rows from DRAM by index list
  localparam logic [5:0] OP_LDG = 6'h11;
  localparam int unsigned LDG_D_LSB = 76;
  localparam int unsigned LDG_D_WIDTH = 20;
  localparam int unsigned LDG_S_LSB = 44;
  localparam int unsigned LDG_S_WIDTH = 32;
  localparam int unsigned LDG_IDX_LSB = 24;
  localparam int unsigned LDG_IDX_WIDTH = 20;
  localparam int unsigned LDG_ROWS_LSB = 14;
  localparam int unsigned LDG_ROWS_WIDTH = 10;
  localparam int unsigned LDG_LEN_LSB = 6;
  localparam int unsigned LDG_LEN_WIDTH = 8;
  localparam logic [7:0] FLAG_LDG_RREG = 8'h1;
  localparam logic [7:0] FLAG_LDG_RREG_MASK = 8'h1;

  // LDX: expand FP4 panels from DRAM to E4M3 and scales
  localparam logic [5:0] OP_LDX = 6'h12;
  localparam int unsigned LDX_D_LSB = 76;
  localparam int unsigned LDX_D_WIDTH = 20;
  localparam int unsigned LDX_S_LSB = 44;
  localparam int unsigned LDX_S_WIDTH = 32;
  localparam int unsigned LDX_BLOCKS_LSB = 32;
  localparam int unsigned LDX_BLOCKS_WIDTH = 12;

  // ST: 2-D copy to DRAM
  localparam logic [5:0] OP_ST = 6'h18;
  localparam int unsigned ST_D_LSB = 44;
  localparam int unsigned ST_D_WIDTH = 32;
  localparam int unsigned ST_S_LSB = 76;
  localparam int unsigned ST_S_WIDTH = 20;
  localparam int unsigned ST_ROWS_LSB = 34;
  localparam int unsigned ST_ROWS_WIDTH = 10;
  localparam int unsigned ST_LEN_LSB = 22;
  localparam int unsigned ST_LEN_WIDTH = 12;
  localparam int unsigned ST_SSTRIDE_LSB = 12;
  localparam int unsigned ST_SSTRIDE_WIDTH = 10;
  localparam int unsigned ST_DSTRIDE_LSB = 0;
  localparam int unsigned ST_DSTRIDE_WIDTH = 12;
  localparam logic [7:0] FLAG_ST_RREG = 8'h1;
  localparam logic [7:0] FLAG_ST_RREG_MASK = 8'h1;

  // STG: scatter rows to DRAM by index list
  localparam logic [5:0] OP_STG = 6'h19;
  localparam int unsigned STG_D_LSB = 44;
  localparam int unsigned STG_D_WIDTH = 32;
  localparam int unsigned STG_IDX_LSB = 24;
  localparam int unsigned STG_IDX_WIDTH = 20;
  localparam int unsigned STG_S_LSB = 76;
  localparam int unsigned STG_S_WIDTH = 20;
  localparam int unsigned STG_ROWS_LSB = 14;
  localparam int unsigned STG_ROWS_WIDTH = 10;
  localparam int unsigned STG_LEN_LSB = 6;
  localparam int unsigned STG_LEN_WIDTH = 8;
  localparam logic [7:0] FLAG_STG_RREG = 8'h1;
  localparam logic [7:0] FLAG_STG_RREG_MASK = 8'h1;

  // SND: 2-D copy to a set of cores, then the post on those cores
  localparam logic [5:0] OP_SND = 6'h1c;
  localparam int unsigned SND_D_LSB = 76;
  localparam int unsigned SND_D_WIDTH = 20;
  localparam int unsigned SND_S_LSB = 56;
  localparam int unsigned SND_S_WIDTH = 20;
  localparam int unsigned SND_ROWS_LSB = 46;
  localparam int unsigned SND_ROWS_WIDTH = 10;
  localparam int unsigned SND_LEN_LSB = 34;
  localparam int unsigned SND_LEN_WIDTH = 12;
  localparam int unsigned SND_MASK_LSB = 30;
  localparam int unsigned SND_MASK_WIDTH = 4;
  localparam int unsigned SND_SSTRIDE_LSB = 20;
  localparam int unsigned SND_SSTRIDE_WIDTH = 10;
  localparam int unsigned SND_DSTRIDE_LSB = 10;
  localparam int unsigned SND_DSTRIDE_WIDTH = 10;

  // MMA: matrix multiply-accumulate
  localparam logic [5:0] OP_MMA = 6'h20;
  localparam int unsigned MMA_C_LSB = 76;
  localparam int unsigned MMA_C_WIDTH = 20;
  localparam int unsigned MMA_A_LSB = 56;
  localparam int unsigned MMA_A_WIDTH = 20;
  localparam int unsigned MMA_B_LSB = 36;
  localparam int unsigned MMA_B_WIDTH = 20;
  localparam int unsigned MMA_M_LSB = 28;
  localparam int unsigned MMA_M_WIDTH = 8;
  localparam int unsigned MMA_N_LSB = 22;
  localparam int unsigned MMA_N_WIDTH = 6;
  localparam int unsigned MMA_KG_LSB = 14;
  localparam int unsigned MMA_KG_WIDTH = 8;
  localparam logic [7:0] FLAG_MMA_CLR = 8'h1;
  localparam logic [7:0] FLAG_MMA_CLR_MASK = 8'h1;
  localparam logic [7:0] FLAG_MMA_RSC = 8'h2;
  localparam logic [7:0] FLAG_MMA_RSC_MASK = 8'h2;
  localparam logic [7:0] FLAG_MMA_BT = 8'h4;
  localparam logic [7:0] FLAG_MMA_BT_MASK = 8'h4;
  localparam logic [7:0] FLAG_MMA_BR = 8'h8;
  localparam logic [7:0] FLAG_MMA_BR_MASK = 8'h8;
  localparam logic [7:0] FLAG_MMA_DA = 8'h10;
  localparam logic [7:0] FLAG_MMA_DA_MASK = 8'h10;
  localparam logic [7:0] FLAG_MMA_DB = 8'h20;
  localparam logic [7:0] FLAG_MMA_DB_MASK = 8'h20;
  localparam logic [7:0] FLAG_MMA_G64 = 8'h40;
  localparam logic [7:0] FLAG_MMA_G64_MASK = 8'hc0;
  localparam logic [7:0] FLAG_MMA_G32 = 8'h80;
  localparam logic [7:0] FLAG_MMA_G32_MASK = 8'hc0;

  // VALU: d = func(a, b) by element
  localparam logic [5:0] OP_VALU = 6'h30;
  localparam int unsigned VALU_FUNC_LSB = 10;
  localparam int unsigned VALU_FUNC_WIDTH = 4;
  localparam logic [3:0] FUNC_VALU_ADD = 4'h0;
  localparam logic [3:0] FUNC_VALU_SUB = 4'h1;
  localparam logic [3:0] FUNC_VALU_MUL = 4'h2;
  localparam logic [3:0] FUNC_VALU_MAX = 4'h3;
  localparam logic [3:0] FUNC_VALU_MIN = 4'h4;
  localparam logic [3:0] FUNC_VALU_ABS = 4'h5;
  localparam logic [3:0] FUNC_VALU_SEL = 4'h6;
  localparam logic [3:0] FUNC_VALU_CMPGE = 4'h7;
  localparam logic [3:0] FUNC_VALU_CMPEQ = 4'h8;
  localparam int unsigned VALU_D_LSB = 76;
  localparam int unsigned VALU_D_WIDTH = 20;
  localparam int unsigned VALU_A_LSB = 56;
  localparam int unsigned VALU_A_WIDTH = 20;
  localparam int unsigned VALU_B_LSB = 36;
  localparam int unsigned VALU_B_WIDTH = 20;
  localparam int unsigned VALU_ROWS_LSB = 26;
  localparam int unsigned VALU_ROWS_WIDTH = 10;
  localparam int unsigned VALU_COLS_LSB = 14;
  localparam int unsigned VALU_COLS_WIDTH = 12;
  localparam int unsigned VALU_BC_LSB = 8;
  localparam int unsigned VALU_BC_WIDTH = 2;
  localparam logic [1:0] VALU_BC_NONE = 2'h0;
  localparam logic [1:0] VALU_BC_ROW = 2'h1;
  localparam logic [1:0] VALU_BC_COL = 2'h2;
  localparam logic [1:0] VALU_BC_SCALAR = 2'h3;
  localparam int unsigned VALU_AT_LSB = 7;
  localparam int unsigned VALU_AT_WIDTH = 1;
  localparam logic [0:0] VALU_AT_F32 = 1'h0;
  localparam logic [0:0] VALU_AT_BF16 = 1'h1;
  localparam int unsigned VALU_BT_LSB = 6;
  localparam int unsigned VALU_BT_WIDTH = 1;
  localparam logic [0:0] VALU_BT_F32 = 1'h0;
  localparam logic [0:0] VALU_BT_BF16 = 1'h1;
  localparam int unsigned VALU_DT_LSB = 5;
  localparam int unsigned VALU_DT_WIDTH = 1;
  localparam logic [0:0] VALU_DT_F32 = 1'h0;
  localparam logic [0:0] VALU_DT_BF16 = 1'h1;

  // VMULA: d = a * b + d with two roundings
  localparam logic [5:0] OP_VMULA = 6'h31;
  localparam int unsigned VMULA_D_LSB = 76;
  localparam int unsigned VMULA_D_WIDTH = 20;
  localparam int unsigned VMULA_A_LSB = 56;
  localparam int unsigned VMULA_A_WIDTH = 20;
  localparam int unsigned VMULA_B_LSB = 36;
  localparam int unsigned VMULA_B_WIDTH = 20;
  localparam int unsigned VMULA_ROWS_LSB = 26;
  localparam int unsigned VMULA_ROWS_WIDTH = 10;
  localparam int unsigned VMULA_COLS_LSB = 14;
  localparam int unsigned VMULA_COLS_WIDTH = 12;
  localparam int unsigned VMULA_BC_LSB = 8;
  localparam int unsigned VMULA_BC_WIDTH = 2;
  localparam logic [1:0] VMULA_BC_NONE = 2'h0;
  localparam logic [1:0] VMULA_BC_ROW = 2'h1;
  localparam logic [1:0] VMULA_BC_COL = 2'h2;
  localparam logic [1:0] VMULA_BC_SCALAR = 2'h3;
  localparam int unsigned VMULA_AT_LSB = 7;
  localparam int unsigned VMULA_AT_WIDTH = 1;
  localparam logic [0:0] VMULA_AT_F32 = 1'h0;
  localparam logic [0:0] VMULA_AT_BF16 = 1'h1;
  localparam int unsigned VMULA_BT_LSB = 6;
  localparam int unsigned VMULA_BT_WIDTH = 1;
  localparam logic [0:0] VMULA_BT_F32 = 1'h0;
  localparam logic [0:0] VMULA_BT_BF16 = 1'h1;
  localparam int unsigned VMULA_DT_LSB = 5;
  localparam int unsigned VMULA_DT_WIDTH = 1;
  localparam logic [0:0] VMULA_DT_F32 = 1'h0;
  localparam logic [0:0] VMULA_DT_BF16 = 1'h1;

  // VSFU: d = func(a) by element
  localparam logic [5:0] OP_VSFU = 6'h32;
  localparam int unsigned VSFU_FUNC_LSB = 10;
  localparam int unsigned VSFU_FUNC_WIDTH = 4;
  localparam logic [3:0] FUNC_VSFU_EXP2 = 4'h0;
  localparam logic [3:0] FUNC_VSFU_RCP = 4'h1;
  localparam logic [3:0] FUNC_VSFU_RSQRT = 4'h2;
  localparam int unsigned VSFU_D_LSB = 76;
  localparam int unsigned VSFU_D_WIDTH = 20;
  localparam int unsigned VSFU_A_LSB = 56;
  localparam int unsigned VSFU_A_WIDTH = 20;
  localparam int unsigned VSFU_ROWS_LSB = 26;
  localparam int unsigned VSFU_ROWS_WIDTH = 10;
  localparam int unsigned VSFU_COLS_LSB = 14;
  localparam int unsigned VSFU_COLS_WIDTH = 12;
  localparam int unsigned VSFU_AT_LSB = 7;
  localparam int unsigned VSFU_AT_WIDTH = 1;
  localparam logic [0:0] VSFU_AT_F32 = 1'h0;
  localparam logic [0:0] VSFU_AT_BF16 = 1'h1;
  localparam int unsigned VSFU_DT_LSB = 5;
  localparam int unsigned VSFU_DT_WIDTH = 1;
  localparam logic [0:0] VSFU_DT_F32 = 1'h0;
  localparam logic [0:0] VSFU_DT_BF16 = 1'h1;

  // VRED: d[r] = func over the columns of row r of a
  localparam logic [5:0] OP_VRED = 6'h33;
  localparam int unsigned VRED_FUNC_LSB = 10;
  localparam int unsigned VRED_FUNC_WIDTH = 4;
  localparam logic [3:0] FUNC_VRED_SUM = 4'h0;
  localparam logic [3:0] FUNC_VRED_MAX = 4'h1;
  localparam logic [3:0] FUNC_VRED_AMAX = 4'h2;
  localparam logic [3:0] FUNC_VRED_ARGMAX = 4'h3;
  localparam int unsigned VRED_D_LSB = 76;
  localparam int unsigned VRED_D_WIDTH = 20;
  localparam int unsigned VRED_A_LSB = 56;
  localparam int unsigned VRED_A_WIDTH = 20;
  localparam int unsigned VRED_ROWS_LSB = 26;
  localparam int unsigned VRED_ROWS_WIDTH = 10;
  localparam int unsigned VRED_COLS_LSB = 14;
  localparam int unsigned VRED_COLS_WIDTH = 12;
  localparam int unsigned VRED_AT_LSB = 7;
  localparam int unsigned VRED_AT_WIDTH = 1;
  localparam logic [0:0] VRED_AT_F32 = 1'h0;
  localparam logic [0:0] VRED_AT_BF16 = 1'h1;
  localparam int unsigned VRED_DT_LSB = 5;
  localparam int unsigned VRED_DT_WIDTH = 1;
  localparam logic [0:0] VRED_DT_F32 = 1'h0;
  localparam logic [0:0] VRED_DT_BF16 = 1'h1;

  // VQNT: quantise to E4M3 digits and scales
  localparam logic [5:0] OP_VQNT = 6'h34;
  localparam int unsigned VQNT_D_LSB = 76;
  localparam int unsigned VQNT_D_WIDTH = 20;
  localparam int unsigned VQNT_S_LSB = 36;
  localparam int unsigned VQNT_S_WIDTH = 20;
  localparam int unsigned VQNT_A_LSB = 56;
  localparam int unsigned VQNT_A_WIDTH = 20;
  localparam int unsigned VQNT_ROWS_LSB = 26;
  localparam int unsigned VQNT_ROWS_WIDTH = 10;
  localparam int unsigned VQNT_COLS_LSB = 14;
  localparam int unsigned VQNT_COLS_WIDTH = 12;
  localparam int unsigned VQNT_DIGITS_LSB = 9;
  localparam int unsigned VQNT_DIGITS_WIDTH = 1;
  localparam logic [0:0] VQNT_DIGITS_1 = 1'h0;
  localparam logic [0:0] VQNT_DIGITS_2 = 1'h1;
  localparam int unsigned VQNT_AT_LSB = 7;
  localparam int unsigned VQNT_AT_WIDTH = 1;
  localparam logic [0:0] VQNT_AT_F32 = 1'h0;
  localparam logic [0:0] VQNT_AT_BF16 = 1'h1;
  localparam logic [7:0] FLAG_VQNT_G64 = 8'h40;
  localparam logic [7:0] FLAG_VQNT_G64_MASK = 8'hc0;
  localparam logic [7:0] FLAG_VQNT_G32 = 8'h80;
  localparam logic [7:0] FLAG_VQNT_G32_MASK = 8'hc0;

  // VCVT: convert number formats
  localparam logic [5:0] OP_VCVT = 6'h35;
  localparam int unsigned VCVT_FUNC_LSB = 10;
  localparam int unsigned VCVT_FUNC_WIDTH = 4;
  localparam logic [3:0] FUNC_VCVT_F2B = 4'h0;
  localparam logic [3:0] FUNC_VCVT_B2F = 4'h1;
  localparam logic [3:0] FUNC_VCVT_I2F = 4'h2;
  localparam logic [3:0] FUNC_VCVT_F2I = 4'h3;
  localparam logic [3:0] FUNC_VCVT_Q2F = 4'h4;
  localparam int unsigned VCVT_D_LSB = 76;
  localparam int unsigned VCVT_D_WIDTH = 20;
  localparam int unsigned VCVT_A_LSB = 56;
  localparam int unsigned VCVT_A_WIDTH = 20;
  localparam int unsigned VCVT_S_LSB = 36;
  localparam int unsigned VCVT_S_WIDTH = 20;
  localparam int unsigned VCVT_ROWS_LSB = 26;
  localparam int unsigned VCVT_ROWS_WIDTH = 10;
  localparam int unsigned VCVT_COLS_LSB = 14;
  localparam int unsigned VCVT_COLS_WIDTH = 12;
  localparam logic [7:0] FLAG_VCVT_G64 = 8'h40;
  localparam logic [7:0] FLAG_VCVT_G64_MASK = 8'hc0;
  localparam logic [7:0] FLAG_VCVT_G32 = 8'h80;
  localparam logic [7:0] FLAG_VCVT_G32_MASK = 8'hc0;

  // VPRM: move or generate words
  localparam logic [5:0] OP_VPRM = 6'h36;
  localparam int unsigned VPRM_FUNC_LSB = 10;
  localparam int unsigned VPRM_FUNC_WIDTH = 4;
  localparam logic [3:0] FUNC_VPRM_COPY = 4'h0;
  localparam logic [3:0] FUNC_VPRM_TRANSPOSE = 4'h1;
  localparam logic [3:0] FUNC_VPRM_PAIRSWAP = 4'h2;
  localparam logic [3:0] FUNC_VPRM_IOTA = 4'h3;
  localparam logic [3:0] FUNC_VPRM_FILL = 4'h4;
  localparam logic [3:0] FUNC_VPRM_GATHER = 4'h5;
  localparam int unsigned VPRM_D_LSB = 76;
  localparam int unsigned VPRM_D_WIDTH = 20;
  localparam int unsigned VPRM_A_LSB = 56;
  localparam int unsigned VPRM_A_WIDTH = 20;
  localparam int unsigned VPRM_B_LSB = 36;
  localparam int unsigned VPRM_B_WIDTH = 20;
  localparam int unsigned VPRM_ROWS_LSB = 26;
  localparam int unsigned VPRM_ROWS_WIDTH = 10;
  localparam int unsigned VPRM_COLS_LSB = 14;
  localparam int unsigned VPRM_COLS_WIDTH = 12;
  localparam int unsigned VPRM_AT_LSB = 7;
  localparam int unsigned VPRM_AT_WIDTH = 1;
  localparam logic [0:0] VPRM_AT_F32 = 1'h0;
  localparam logic [0:0] VPRM_AT_BF16 = 1'h1;

  // VSEL: indices at or above a threshold, or a histogram of keys
  localparam logic [5:0] OP_VSEL = 6'h37;
  localparam int unsigned VSEL_FUNC_LSB = 10;
  localparam int unsigned VSEL_FUNC_WIDTH = 4;
  localparam logic [3:0] FUNC_VSEL_COMPRESS = 4'h0;
  localparam logic [3:0] FUNC_VSEL_HIST = 4'h1;
  localparam int unsigned VSEL_D_LSB = 76;
  localparam int unsigned VSEL_D_WIDTH = 20;
  localparam int unsigned VSEL_A_LSB = 56;
  localparam int unsigned VSEL_A_WIDTH = 20;
  localparam int unsigned VSEL_T_LSB = 36;
  localparam int unsigned VSEL_T_WIDTH = 20;
  localparam int unsigned VSEL_ROWS_LSB = 26;
  localparam int unsigned VSEL_ROWS_WIDTH = 10;
  localparam int unsigned VSEL_COLS_LSB = 14;
  localparam int unsigned VSEL_COLS_WIDTH = 12;

  // Configuration words of LD
  localparam int unsigned CFG_LD_WORDS = 2;
  localparam logic [4:0] CFG_LD_PITCH = 5'h0;
  localparam logic [4:0] CFG_LD_XSB = 5'h1;

  // Configuration words of ST
  localparam int unsigned CFG_ST_WORDS = 2;
  localparam logic [4:0] CFG_ST_PITCH = 5'h0;
  localparam logic [4:0] CFG_ST_XSB = 5'h1;

  // Configuration words of MM
  localparam int unsigned CFG_MM_WORDS = 14;
  localparam logic [4:0] CFG_MM_ARS = 5'h0;
  localparam logic [4:0] CFG_MM_AGS = 5'h1;
  localparam logic [4:0] CFG_MM_ADS = 5'h2;
  localparam logic [4:0] CFG_MM_BNS = 5'h3;
  localparam logic [4:0] CFG_MM_BGS = 5'h4;
  localparam logic [4:0] CFG_MM_BDS = 5'h5;
  localparam logic [4:0] CFG_MM_SA = 5'h6;
  localparam logic [4:0] CFG_MM_SAG = 5'h7;
  localparam logic [4:0] CFG_MM_SB = 5'h8;
  localparam logic [4:0] CFG_MM_SBSH = 5'h9;
  localparam logic [4:0] CFG_MM_SBN = 5'ha;
  localparam logic [4:0] CFG_MM_SBG = 5'hb;
  localparam logic [4:0] CFG_MM_AL = 5'hc;
  localparam logic [4:0] CFG_MM_CRS = 5'hd;

  // Configuration words of VX
  localparam int unsigned CFG_VX_WORDS = 15;
  localparam logic [4:0] CFG_VX_AOFF = 5'h0;
  localparam logic [4:0] CFG_VX_BOFF = 5'h1;
  localparam logic [4:0] CFG_VX_DOFF = 5'h2;
  localparam logic [4:0] CFG_VX_ARS = 5'h3;
  localparam logic [4:0] CFG_VX_BRS = 5'h4;
  localparam logic [4:0] CFG_VX_DRS = 5'h5;
  localparam logic [4:0] CFG_VX_QRS = 5'h6;
  localparam logic [4:0] CFG_VX_QGS = 5'h7;
  localparam logic [4:0] CFG_VX_QDS = 5'h8;
  localparam logic [4:0] CFG_VX_SRS = 5'h9;
  localparam logic [4:0] CFG_VX_SGS = 5'ha;
  localparam logic [4:0] CFG_VX_IMM = 5'hb;
  localparam logic [4:0] CFG_VX_CNT = 5'hc;
  localparam logic [4:0] CFG_VX_BYTE = 5'hd;
  localparam logic [4:0] CFG_VX_EMIN = 5'he;
endpackage
/* verilator lint_on UNUSEDPARAM */
