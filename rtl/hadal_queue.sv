// The queue of a unit: a FIFO of dispatched instructions, the wait of the one at its head, and the posts of those that
// are under way, given in order. SYNC stays here. CFG passes beside running instructions unless CfgInUnit: then the
// unit reports it done like any other.
module hadal_queue #(
  parameter bit CfgInUnit = 1'b0,
  parameter int Pending   = 16  // instructions under way that have a post or an end to report
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  // from CTL
  input  logic              push_i,
  input  hadal_pkg::issue_t push_issue_i,
  output logic              full_o,
  // wait
  output logic              ask_o,
  output logic [4:0]        ask_sem_o,
  output logic [5:0]        ask_count_o,
  input  logic              take_i,
  // unit
  output logic              valid_o,
  output logic              cfg_o,      // a CFG, which the unit takes at once (not with CfgInUnit)
  output hadal_pkg::issue_t issue_o,
  input  logic              ready_i,
  input  logic              done_i,     // the oldest instruction it has is complete
  // posts
  output logic              post_o,
  output logic              rpost_o,    // on the cores of a mask; held until accepted
  output logic [47:0]       post_mask_o,
  output logic [4:0]        post_sem_o,
  output logic [1:0]        post_count_o,
  input  logic              rpost_ready_i,
  output logic              idle_o
);
  localparam int Depth  = hadal_chip_pkg::FifoDepth;
  localparam int DepthW = $clog2(Depth);
  localparam int PendW  = $clog2(Pending);
  localparam int EntryW = 48 + 5 + 2 + 1 + 1;

  // ---- FIFO ----
  logic [hadal_pkg::IssueW-1:0] fifo_q [0:Depth-1];
  logic [DepthW:0]   count_q;
  logic [DepthW-1:0] head_q;
  logic              pop;
  hadal_pkg::issue_t head;

  assign full_o  = count_q == (DepthW+1)'(Depth);
  assign head    = fifo_q[head_q];
  assign issue_o = head;
  always_ff @(posedge clk_i) begin
    if (push_i) fifo_q[head_q + DepthW'(count_q)] <= push_issue_i;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q <= '0;
      head_q  <= '0;
    end else begin
      count_q <= count_q + (DepthW+1)'(push_i) - (DepthW+1)'(pop);
      if (pop) head_q <= head_q + 1'b1;
    end
  end

  // ---- Issue ----
  logic [5:0]     op;
  logic [7:0]     flags;
  logic           is_sync, is_cfg, in_unit, occupied, waits, may_go, pend_room, remote, is_snd;
  logic [1:0]     pcnt;
  logic [PendW:0] pend_count_q;

  assign op        = head.instr[hadal_isa_pkg::HEADER_OP_LSB +: 6];
  assign pcnt      = head.instr[hadal_isa_pkg::HEADER_PCNT_LSB +: 2];
  assign is_sync   = op == hadal_isa_pkg::OP_SYNC;
  assign is_cfg    = op == hadal_isa_pkg::OP_CFG;
  assign is_snd    = op == hadal_isa_pkg::OP_SND;
  assign flags     = head.instr[hadal_isa_pkg::HEADER_FLAGS_LSB +: 8];
  assign remote    = is_sync && (flags & hadal_isa_pkg::FLAG_SYNC_REMOTE) != 8'd0;
  assign in_unit   = !is_sync && (CfgInUnit || !is_cfg);
  assign occupied  = count_q != '0;
  assign pend_room = pend_count_q != (PendW+1)'(Pending);
  assign ask_sem_o   = head.instr[hadal_isa_pkg::HEADER_WSEM_LSB +: 5];
  assign ask_count_o = head.instr[hadal_isa_pkg::HEADER_WCNT_LSB +: 6];
  assign waits       = ask_count_o != 6'd0;
  assign ask_o   = occupied && pend_room && waits && (!in_unit || ready_i);
  assign may_go  = occupied && pend_room && (!waits || take_i);
  assign valid_o = may_go && in_unit;
  assign cfg_o   = may_go && is_cfg && !CfgInUnit;
  assign pop     = may_go && (!in_unit || ready_i);

  // ---- What is under way: post mask, semaphore, count; whether the post is remote; whether the unit reports it ----
  logic [EntryW-1:0] pend_q [0:Pending-1];
  logic [PendW-1:0]  pend_head_q;
  logic [PendW:0]    ends_q;  // reported, not yet retired
  logic [EntryW-1:0] oldest;
  logic              pend_push, pend_pop, ended, old_unit, old_remote;

  assign pend_push = pop && (in_unit || pcnt != 2'd0);
  assign oldest    = pend_q[pend_head_q];
  assign {post_mask_o, post_sem_o, post_count_o, old_remote, old_unit} = oldest;
  assign ended    = pend_count_q != '0 && (!old_unit || done_i || ends_q != '0);
  assign post_o   = ended && !old_remote && post_count_o != 2'd0;
  assign rpost_o  = ended && old_remote && post_count_o != 2'd0;
  assign pend_pop = ended && (!rpost_o || rpost_ready_i);
  assign idle_o   = !occupied && pend_count_q == '0;

  always_ff @(posedge clk_i) begin
    // SND sends its post itself, behind its data.
    if (pend_push) begin
      pend_q[pend_head_q + PendW'(pend_count_q)] <= {
        head.mask, head.instr[hadal_isa_pkg::HEADER_PSEM_LSB +: 5], is_snd ? 2'd0 : pcnt, remote, in_unit};
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      pend_count_q <= '0;
      pend_head_q  <= '0;
      ends_q       <= '0;
    end else begin
      pend_count_q <= pend_count_q + (PendW+1)'(pend_push) - (PendW+1)'(pend_pop);
      if (pend_pop) pend_head_q <= pend_head_q + 1'b1;
      ends_q <= ends_q + (PendW+1)'(done_i) - (PendW+1)'(pend_pop && old_unit);
    end
  end
endmodule
