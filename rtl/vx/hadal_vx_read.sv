// One operand: requests the lines of a stream of chunks and hands the chunks out, moved to bit 0.
//
// A chunk may straddle two lines; the last line requested is kept, so that a stream costs one request a line wherever
// its rows begin, and a broadcast element none after the first. Each step of the generator leaves a note for the
// other end: whether a line comes for it, whether it completes a chunk, and how that lies.
module hadal_vx_read #(
  parameter int unsigned Depth = 8  // lines and notes under way
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic                  load_i,
  input  hadal_vx_pkg::stream_t stream_i,
  output logic                  busy_o,       // requests to come
  // Row numbers of a gather
  input  logic                  index_valid_i,
  input  logic [15:0]           index_i,
  output logic                  index_ready_o,
  // Memory
  output logic                  req_o,
  output logic                  acc_o,
  output logic [15:0]           line_o,
  input  logic                  gnt_i,
  input  logic                  rvalid_i,
  input  logic [511:0]          rdata_i,
  // Chunk
  output logic                  valid_o,
  output logic [511:0]          data_o,
  output logic                  half_o,       // its first element is the upper half of word 0
  input  logic                  ready_i
);
  localparam int unsigned Aw = hadal_vx_pkg::AddressWidth;

  ///////////////
  // Generator //
  ///////////////

  logic          walk_valid, walk_last, step;
  logic [Aw-1:0] address;
  logic [6:0]    bytes;

  hadal_vx_walk u_walk (
    .clk_i, .rst_ni, .load_i, .stream_i, .index_valid_i, .index_i, .index_ready_o,
    .valid_o(walk_valid), .address_o(address), .bytes_o(bytes), .last_o(walk_last), .step_i(step)
  );

  logic          acc_q, held_q;
  logic [15:0]   held_line_q, low, high;
  logic [Aw-1:0] end_address;
  logic          empty, need_low, need_high, note_full, go;
  logic [7:0]    note, note_head;  // fetch, emit, straddle, half, word

  assign low         = address[Aw-1:6];
  assign end_address = address + {15'd0, bytes} - 22'd1;
  assign high        = end_address[Aw-1:6];
  assign empty       = bytes == 7'd0;
  assign need_low    = ~empty & ~(held_q & (held_line_q == low));
  assign need_high   = ~empty & (high != low);
  assign req_o       = walk_valid & ~note_full & (need_low | need_high);
  assign acc_o       = acc_q;
  assign line_o      = need_low ? low : high;
  assign go          = walk_valid & ~note_full & (gnt_i | ~(need_low | need_high));
  assign step        = go & ~(need_low & need_high);
  assign note        = {need_low | need_high, step, need_high & ~need_low, address[1], address[5:2]};
  assign busy_o      = walk_valid | index_ready_o;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      held_q <= 1'b0;
    end else if (load_i) begin
      held_q <= 1'b0;
    end else if (req_o & gnt_i) begin
      held_q <= 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (load_i) acc_q <= stream_i.acc;
    if (req_o & gnt_i) held_line_q <= line_o;
  end

  //////////////
  // Answers //
  //////////////

  logic         note_valid, line_valid, pop, pop_line;
  logic [511:0] line, kept_q;
  logic         fetch, emit, straddle, unused_line_full, unused_last;
  logic [3:0]   word;
  logic [1023:0] window;

  hadal_vx_fifo #(.Width(8), .Depth(Depth)) u_notes (
    .clk_i, .rst_ni, .push_i(go), .data_i(note), .full_o(note_full),
    .valid_o(note_valid), .data_o(note_head), .pop_i(pop)
  );
  hadal_vx_fifo #(.Width(512), .Depth(Depth)) u_lines (
    .clk_i, .rst_ni, .push_i(rvalid_i), .data_i(rdata_i), .full_o(unused_line_full),
    .valid_o(line_valid), .data_o(line), .pop_i(pop_line)
  );
  assign unused_last = walk_last;

  assign {fetch, emit, straddle, half_o, word} = note_head;
  assign valid_o  = note_valid & emit & (line_valid | ~fetch);
  assign pop      = note_valid & (line_valid | ~fetch) & (ready_i | ~emit);
  assign pop_line = pop & fetch;
  assign window   = {line, (fetch & ~straddle) ? line : kept_q} >> {word, 5'd0};
  assign data_o   = window[511:0];

  always_ff @(posedge clk_i) begin
    if (pop_line) kept_q <= line;
  end
endmodule
