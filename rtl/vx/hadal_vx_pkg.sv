// Types of the vector unit: what a decoded instruction tells address generators, datapath and writer.
package hadal_vx_pkg;
  // A chunk is what the 16 lanes take in one pass: 16 FP32 words are a line of a memory port.
  localparam int unsigned AddressWidth = 22;  // bytes of a local memory: 2^16 lines

  // Which part of the datapath an instruction uses.
  typedef enum logic [2:0] {
    UnitLane, UnitSfu, UnitSum, UnitMax, UnitQuant, UnitTranspose, UnitCompress, UnitHist
  } unit_e;

  typedef enum logic [3:0] {
    OpMove,   // the bits of a
    OpPass,   // a with canonical NaN
    OpAdd, OpSub, OpMul, OpMula,
    OpMax, OpMin, OpAbs, OpSel, OpCmpge, OpCmpeq,
    OpI2f, OpF2i
  } op_e;

  // Where the lanes' first operand comes from.
  typedef enum logic [1:0] { SourceA, SourceSwap, SourceImm, SourceIndex } source_e;

  typedef enum logic [1:0] { FormatF32, FormatBf16, FormatE4m3 } format_e;

  typedef enum logic [1:0] { RedSum, RedMax, RedAmax, RedArgmax } red_e;

  // Addresses of a stream of chunks: nested counters k (outer), j, pass, i (inner), each with a step in bytes.
  // Chunks are `bytes` long. With `tile` the last j is `bytes_last` long and the last k has `n_i_last` chunks;
  // otherwise the last j has `n_i_last` chunks, of which number `i_part` is `bytes_last` long and later ones are empty.
  typedef struct packed {
    logic                    used;
    logic                    acc;
    logic                    tile;
    logic                    gather;     // k advances by an index from elsewhere times step_k
    logic [AddressWidth-1:0] base;
    logic [AddressWidth-1:0] step_i;
    logic [AddressWidth-1:0] step_pass;
    logic [AddressWidth-1:0] step_j;     // inside a block of j
    logic [AddressWidth-1:0] step_block; // from block to block
    logic [AddressWidth-1:0] step_k;
    logic [9:0]              n_i;
    logic [9:0]              n_i_last;
    logic [9:0]              i_part;
    logic [1:0]              n_pass;
    logic [1:0]              j_mask;     // j of a block less 1
    logic [7:0]              n_j;
    logic [9:0]              n_k;
    logic [6:0]              bytes;
    logic [6:0]              bytes_last;
  } stream_t;

  // What the datapath needs to know.
  typedef struct packed {
    unit_e       part;
    op_e         op;
    source_e     source;
    logic [1:0]  func;       // VSFU function or red_e
    format_e     a_format;
    format_e     b_format;
    logic        b_one;      // element 0 of b for all lanes
    format_e     c_format;   // d as an operand
    logic        use_a;
    logic        use_b;
    logic        use_c;
    logic        d_bf16;
    logic        raw;        // BF16 results are upper halves, not rounded
    logic [9:0]  rows;
    logic [8:0]  chunks;     // of a row; VQNT: of the columns that exist
    logic [4:0]  last;       // elements of its last chunk, 1..16
    logic [3:0]  group;      // VQNT: chunks of a group
    logic        two_digits;
    logic [8:0]  emin;       // VQNT, biased by 127: 1..511, which is beyond every number
    logic [1:0]  byte_no;    // HIST
    logic [31:0] imm;
  } exec_t;

  // A step of the datapath: a chunk of operands, or the scale that follows a group's digits.
  typedef struct packed {
    logic       use_a;
    logic       use_b;
    logic       use_c;
    red_e       red;
    logic [7:0] chunk;      // of the row
    logic [4:0] count;      // elements that exist, 0..16; TRANSPOSE: columns of the block
    logic       row_start;  // first and last chunk of the row; VQNT: of the group; TRANSPOSE: last row of the block
    logic       row_end;
    logic       amax;       // VQNT: towards the maximum
    logic       low;        //       second digits
    logic       scale;
    logic       last_block; // TRANSPOSE
    logic       finish;     // last step of the instruction
  } step_t;

  // A result for the writer: up to 64 bytes from bit 0.
  typedef struct packed {
    logic         aux;     // goes to the second stream: scales, counts
    logic         placed;  // `offset` and `bytes` instead of the stream's, which stays where it is unless `advance`
    logic         advance;
    logic         last;    // of the instruction
    logic [14:0]  offset;
    logic [6:0]   bytes;
    logic [511:0] data;
  } item_t;

  // What the writer needs to know.
  typedef struct packed {
    stream_t main;
    stream_t aux;
  } write_t;

  // What is worked out of an instruction while it comes in.
  typedef struct packed {
    logic        elementwise;  // VALU, VMULA
    logic        red;
    logic        qnt;
    logic        select;
    logic        mula;
    logic        q2f;
    logic        transpose;
    logic        swap;
    logic        gather;
    logic        compress;
    logic        hist;
    logic        a_bf16;
    logic        b_bf16;
    logic        d_bf16;
    logic        use_a;
    logic        use_b;
    logic [8:0]  a_dense;      // lines from row to row where no stride is configured
    logic [8:0]  b_dense;
    logic [8:0]  d_dense;
    logic [9:0]  rows_less;    // less 1
    logic [11:0] cols_less;
    logic [14:0] blocks_rows;  // blocks of 128 columns, less 1, times rows
  } pre_t;

  // Lines [first, last] of a memory.
  typedef struct packed {
    logic        used;
    logic        acc;
    logic [15:0] first;
    logic [15:0] last;
  } extent_t;

  typedef struct packed {
    stream_t a;
    stream_t b;
    stream_t c;
    exec_t   exec;
    write_t  write;
    extent_t read_a;
    extent_t read_b;
    extent_t write_d;  // also what VMULA and SEL read of d
    extent_t write_aux;
  } job_t;

  // Widths of the two that wait in queues.
  localparam int unsigned ExecWidth  = 95;
  localparam int unsigned WriteWidth = 404;
endpackage
