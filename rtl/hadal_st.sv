// ST: SPM or ACC to DRAM. Local lines are read ahead into a buffer and written in order; an instruction is complete
// when the answers to all its writes are back.
module hadal_st #(
  parameter int Outstanding = hadal_chip_pkg::DmaOutstanding
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              valid_i,
  input  logic              cfg_i,
  input  hadal_pkg::issue_t issue_i,
  output logic              ready_o,
  output logic              done_o,
  // DRAM: writes of one identifier, so they keep their order
  output logic              aw_valid_o,
  output logic [47:0]       aw_line_o,
  input  logic              aw_ready_i,
  output logic              w_valid_o,
  output logic [511:0]      w_data_o,
  output logic              w_end_o,    // the last line of an instruction; for the trace
  input  logic              w_ready_i,
  input  logic              b_valid_i,
  // index lists
  output logic              idx_req_o,
  output logic [15:0]       idx_line_o,
  input  logic              idx_gnt_i,
  input  logic              idx_valid_i,
  input  logic [511:0]      idx_data_i,
  // local reads
  output logic              r_req_o,
  output logic              r_acc_o,
  output logic [15:0]       r_line_o,
  input  logic              r_gnt_i,
  input  logic              r_valid_i,
  input  logic [511:0]      r_data_i
);
  localparam int Slots = 2 * Outstanding;  // those not sent yet are being read
  localparam int IdW   = $clog2(Slots);

  logic [31:0] pitch_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) pitch_q <= '0;
    else if (cfg_i && issue_i.instr[hadal_isa_pkg::CFG_KEY_LSB +: 5] == hadal_isa_pkg::CFG_LD_PITCH)
      pitch_q <= issue_i.value;
  end

  logic        is_stg, line_valid, line_last, line_none, line_ready, walk_free, start, acc_q;
  logic [47:0] line_dram;
  logic [15:0] line_local;
  assign is_stg  = issue_i.instr[hadal_isa_pkg::HEADER_OP_LSB +: 6] == hadal_isa_pkg::OP_STG;
  assign ready_o = walk_free;
  assign start   = valid_i && ready_o;
  hadal_rows u_rows (
    .clk_i, .rst_ni, .start_i(start), .gather_i(is_stg), .panel_i(1'b0), .dram_i(issue_i.dram), .local_i(issue_i.a),
    .rows_i(issue_i.rows),
    .len_i(is_stg ? {4'd0, issue_i.instr[hadal_isa_pkg::STG_LEN_LSB +: 8]} :
           issue_i.instr[hadal_isa_pkg::ST_LEN_LSB +: 12]),
    .dram_stride_i(issue_i.instr[hadal_isa_pkg::ST_DSTRIDE_LSB +: 12]),
    .local_stride_i({2'd0, issue_i.instr[hadal_isa_pkg::ST_SSTRIDE_LSB +: 10]}),
    .index_i(issue_i.b), .pitch_i(pitch_q), .setup_i(4'(hadal_chip_pkg::DmaSetup - 2)), .hold_i(1'b0),
    .free_o(walk_free), .valid_o(line_valid), .dram_o(line_dram), .local_o(line_local), .last_o(line_last),
    .none_o(line_none), .ready_i(line_ready), .spm_req_o(idx_req_o), .spm_line_o(idx_line_o), .spm_gnt_i(idx_gnt_i),
    .spm_valid_i(idx_valid_i), .spm_data_i(idx_data_i));
  always_ff @(posedge clk_i) begin
    if (start) acc_q <= issue_i.instr[hadal_isa_pkg::ST_S_LSB + 15];
  end

  // ---- Slots: read, filled, sent, answered, each in order ----
  logic [49:0]    slot_q [0:Slots-1];  // DRAM line, nothing to move, last of its instruction
  logic [511:0]   data_q [0:Slots-1];
  logic [IdW-1:0] tail_q, fill_q, send_q, head_q;
  logic [IdW:0]   used_q, unfilled_q, unsent_q, unanswered_q, answers_q;
  logic           room, ask, sent, answered, use_answer, skip_fill, skip_head;
  logic           f_none, h_none, h_last, p_none, may_send, aw_done_q, w_done_q;
  logic [47:0]    p_line;

  assign room       = used_q != (IdW+1)'(Slots);
  assign r_req_o    = line_valid && room && !line_none;
  assign r_acc_o    = acc_q;
  assign r_line_o   = line_local;
  assign line_ready = room && (line_none || r_gnt_i);
  assign ask        = line_valid && line_ready;
  assign f_none     = slot_q[fill_q][1];
  assign skip_fill  = unfilled_q != '0 && f_none;

  assign p_line     = slot_q[send_q][49:2];
  assign p_none     = slot_q[send_q][1];
  assign may_send   = unsent_q != '0 && !p_none && (unanswered_q < (IdW+1)'(Outstanding) || aw_done_q || w_done_q);
  assign aw_valid_o = may_send && !aw_done_q;
  assign aw_line_o  = p_line;
  assign w_valid_o  = may_send && !w_done_q;
  assign w_data_o   = data_q[send_q];
  assign w_end_o    = slot_q[send_q][0];
  assign sent = (unsent_q != '0 && p_none) || (may_send && (aw_done_q || aw_ready_i) && (w_done_q || w_ready_i));

  assign h_none    = slot_q[head_q][1];
  assign h_last    = slot_q[head_q][0];
  assign skip_head = unanswered_q != '0 && h_none;
  // An answer may come while an instruction without lines is still at the head.
  assign use_answer = unanswered_q != '0 && !h_none && (b_valid_i || answers_q != '0);
  assign answered   = skip_head || use_answer;

  always_ff @(posedge clk_i) begin
    if (ask) slot_q[tail_q] <= {line_dram, line_none, line_last};
    if (r_valid_i) data_q[fill_q] <= r_data_i;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      {tail_q, fill_q, send_q, head_q} <= '0;
      {used_q, unfilled_q, unsent_q, unanswered_q, answers_q} <= '0;
      aw_done_q <= 1'b0;
      w_done_q  <= 1'b0;
      done_o    <= 1'b0;
    end else begin
      if (ask) tail_q <= tail_q + 1'b1;
      if (r_valid_i || skip_fill) fill_q <= fill_q + 1'b1;
      if (sent) send_q <= send_q + 1'b1;
      if (answered) head_q <= head_q + 1'b1;
      used_q       <= used_q + (IdW+1)'(ask) - (IdW+1)'(answered);
      unfilled_q   <= unfilled_q + (IdW+1)'(ask) - (IdW+1)'(r_valid_i || skip_fill);
      unsent_q     <= unsent_q + (IdW+1)'(r_valid_i || skip_fill) - (IdW+1)'(sent);
      unanswered_q <= unanswered_q + (IdW+1)'(sent) - (IdW+1)'(answered);
      answers_q    <= answers_q + (IdW+1)'(b_valid_i) - (IdW+1)'(use_answer);
      aw_done_q <= !sent && (aw_done_q || (aw_valid_o && aw_ready_i));
      w_done_q  <= !sent && (w_done_q || (w_valid_o && w_ready_i));
      done_o    <= answered && h_last;
    end
  end
endmodule
