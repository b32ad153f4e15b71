// The vector unit: one instruction of the VX queue at a time comes in, with its wait met and its registers resolved.
//
//   ctrl -> read a, b, c -> exec -> write
//
// ctrl decodes; readers fetch lines and cut chunks of 16 elements; exec computes; write puts lines together. Port d
// serves writes and reads of d in turn. Pipelines and cycles: docs/rtl-vx.md.
module hadal_vx #(
  parameter int unsigned ReadDepth = 8  // lines on their way to an operand
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  // Instruction
  input  logic         valid_i,
  output logic         ready_o,
  input  logic [127:0] instr_i,
  input  logic [31:0]  cfg_value_i,
  input  logic [25:0]  d_line_i,
  input  logic [25:0]  a_line_i,
  input  logic [25:0]  b_line_i,
  output logic         done_o,
  output logic         fault_o,
  // Operand a
  output logic         a_req_o,
  output logic         a_we_o,
  output logic         a_acc_o,
  output logic [15:0]  a_line_o,
  output logic [63:0]  a_wstrb_o,
  output logic [511:0] a_wdata_o,
  input  logic         a_gnt_i,
  input  logic         a_rvalid_i,
  input  logic [511:0] a_rdata_i,
  // Operand b
  output logic         b_req_o,
  output logic         b_we_o,
  output logic         b_acc_o,
  output logic [15:0]  b_line_o,
  output logic [63:0]  b_wstrb_o,
  output logic [511:0] b_wdata_o,
  input  logic         b_gnt_i,
  input  logic         b_rvalid_i,
  input  logic [511:0] b_rdata_i,
  // Result, and d as an operand
  output logic         d_req_o,
  output logic         d_we_o,
  output logic         d_acc_o,
  output logic [15:0]  d_line_o,
  output logic [63:0]  d_wstrb_o,
  output logic [511:0] d_wdata_o,
  input  logic         d_gnt_i,
  input  logic         d_rvalid_i,
  input  logic [511:0] d_rdata_i
);
  hadal_vx_pkg::job_t job;
  logic               start, free, quiet, written;

  hadal_vx_ctrl u_ctrl (
    .clk_i, .rst_ni, .valid_i, .ready_o, .instr_i, .cfg_value_i, .d_line_i, .a_line_i, .b_line_i, .done_o, .fault_o,
    .start_o(start), .job_o(job), .free_i(free), .quiet_i(quiet), .written_i(written)
  );

  //////////////
  // Operands //
  //////////////

  logic         a_busy, b_busy, c_busy;
  logic         a_valid, b_valid, c_valid, a_ready, b_ready, c_ready, b_exec_ready;
  logic         a_half, b_half, c_half, index_ready, unused_index_b, unused_index_c;
  logic [511:0] a, b, c;
  logic         c_req, c_acc;
  logic [15:0]  c_line;

  hadal_vx_read #(.Depth(ReadDepth)) u_a (
    .clk_i, .rst_ni, .load_i(start), .stream_i(job.a), .busy_o(a_busy), .index_valid_i(b_valid), .index_i(b[15:0]),
    .index_ready_o(index_ready), .req_o(a_req_o), .acc_o(a_acc_o), .line_o(a_line_o), .gnt_i(a_gnt_i),
    .rvalid_i(a_rvalid_i), .rdata_i(a_rdata_i), .valid_o(a_valid), .data_o(a), .half_o(a_half), .ready_i(a_ready)
  );
  hadal_vx_read #(.Depth(ReadDepth)) u_b (
    .clk_i, .rst_ni, .load_i(start), .stream_i(job.b), .busy_o(b_busy), .index_valid_i(1'b0), .index_i(16'd0),
    .index_ready_o(unused_index_b), .req_o(b_req_o), .acc_o(b_acc_o), .line_o(b_line_o), .gnt_i(b_gnt_i),
    .rvalid_i(b_rvalid_i), .rdata_i(b_rdata_i), .valid_o(b_valid), .data_o(b), .half_o(b_half), .ready_i(b_ready)
  );
  hadal_vx_read #(.Depth(ReadDepth)) u_c (
    .clk_i, .rst_ni, .load_i(start), .stream_i(job.c), .busy_o(c_busy), .index_valid_i(1'b0), .index_i(16'd0),
    .index_ready_o(unused_index_c), .req_o(c_req), .acc_o(c_acc), .line_o(c_line), .gnt_i(d_gnt_i & ~w_turn),
    .rvalid_i(d_rvalid_i), .rdata_i(d_rdata_i), .valid_o(c_valid), .data_o(c), .half_o(c_half), .ready_i(c_ready)
  );
  // While a gather looks for its rows, what b reads are their numbers; nothing else is in the datapath then.
  assign b_ready = index_ready | b_exec_ready;

  //////////////
  // Datapath //
  //////////////

  logic                 exec_full, exec_valid, exec_done, exec_idle, item_valid, item_ready;
  hadal_vx_pkg::exec_t  exec_job;
  hadal_vx_pkg::item_t  item;

  hadal_vx_fifo #(.Width(hadal_vx_pkg::ExecWidth), .Depth(4)) u_exec_jobs (
    .clk_i, .rst_ni, .push_i(start), .data_i(job.exec), .full_o(exec_full), .valid_o(exec_valid), .data_o(exec_job),
    .pop_i(exec_done)
  );
  hadal_vx_exec u_exec (
    .clk_i, .rst_ni, .job_valid_i(exec_valid), .job_i(exec_job), .job_done_o(exec_done), .idle_o(exec_idle),
    .a_valid_i(a_valid), .a_i(a), .a_half_i(a_half), .a_ready_o(a_ready),
    .b_valid_i(b_valid), .b_i(b), .b_half_i(b_half), .b_ready_o(b_exec_ready),
    .c_valid_i(c_valid), .c_i(c), .c_half_i(c_half), .c_ready_o(c_ready),
    .valid_o(item_valid), .item_o(item), .ready_i(item_ready)
  );
  assign quiet = exec_idle & ~exec_valid;

  /////////////
  // Results //
  /////////////

  logic                 w_req, w_acc, write_full, write_valid, write_ready;
  logic [15:0]          w_line;
  hadal_vx_pkg::write_t write_job;

  hadal_vx_fifo #(.Width(hadal_vx_pkg::WriteWidth), .Depth(6)) u_write_jobs (
    .clk_i, .rst_ni, .push_i(start), .data_i(job.write), .full_o(write_full), .valid_o(write_valid),
    .data_o(write_job), .pop_i(write_valid & write_ready)
  );
  hadal_vx_write u_write (
    .clk_i, .rst_ni, .job_valid_i(write_valid), .job_i(write_job), .job_ready_o(write_ready),
    .valid_i(item_valid), .item_i(item), .ready_o(item_ready),
    .req_o(w_req), .acc_o(w_acc), .line_o(w_line), .wstrb_o(d_wstrb_o), .wdata_o(d_wdata_o), .gnt_i(d_gnt_i & w_turn),
    .done_o(written)
  );

  assign free = ~a_busy & ~b_busy & ~c_busy & ~exec_full & ~write_full;

  assign {a_we_o, a_wstrb_o, a_wdata_o} = '0;
  assign {b_we_o, b_wstrb_o, b_wdata_o} = '0;
  // In turn, so that a write that waits for its bank does not hold up the reads that would move it on.
  logic w_turn, w_last_q;
  assign w_turn = w_req & ~(c_req & w_last_q);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) w_last_q <= 1'b0;
    else         w_last_q <= w_turn;
  end
  assign d_req_o  = w_req | c_req;
  assign d_we_o   = w_turn;
  assign d_acc_o  = w_turn ? w_acc : c_acc;
  assign d_line_o = w_turn ? w_line : c_line;
endmodule
