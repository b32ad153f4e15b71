// Types that several blocks share.
package hadal_pkg;
  // An instruction on its way to a unit, its registers already read. Lines are 64 bytes.
  typedef struct packed {
    logic [127:0] instr;
    logic [25:0]  d;      // local lines; SPM or ACC is in the instruction
    logic [25:0]  a;
    logic [25:0]  b;
    logic [47:0]  dram;   // DRAM line
    logic [31:0]  rows;   // DMA
    logic [47:0]  mask;   // cores of SND and of a remote post
    logic [31:0]  value;  // CFG
  } issue_t;

  // Yosys 0.23 loses memories of structures without a word; those are vectors of this width.
  localparam int IssueW = 128 + 26 + 26 + 26 + 48 + 32 + 48 + 32;

  // A message between cores: a line to be written, or tokens for a semaphore.
  typedef struct packed {
    logic         post;
    logic         ack;    // the sender counts it
    logic [5:0]   from;
    logic [47:0]  mask;
    logic         acc;
    logic [15:0]  line;
    logic [511:0] data;
    logic [4:0]   sem;
    logic [1:0]   count;
  } flit_t;

  localparam int FlitW = 1 + 1 + 6 + 48 + 1 + 16 + 512 + 5 + 2;

  // An MMA with its defaults filled in. Lines and words are those of the SPM, c of the ACC.
  typedef struct packed {
    logic [7:0]  m;
    logic [7:0]  col_tiles;  // tiles of 8 columns
    logic [7:0]  groups;
    logic [1:0]  gcode;      // groups of 128 >> gcode
    logic        clr;
    logic        rsc;
    logic        bt;
    logic        br;
    logic        da;
    logic        db;
    logic        empty;
    logic [15:0] a;
    logic [15:0] a_row;
    logic [15:0] a_block;
    logic [15:0] a_low;
    logic [15:0] b;
    logic [15:0] b_n;
    logic [15:0] b_block;
    logic [15:0] b_low;
    logic [19:0] sa;
    logic [19:0] sa_group;
    logic [19:0] sb;
    logic [4:0]  sb_shift;
    logic [19:0] sb_n;
    logic [19:0] sb_group;
    logic [19:0] alpha;
    logic [15:0] c;
    logic [15:0] c_row;
  } mma_t;
endpackage
