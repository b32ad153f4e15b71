// A banked memory (SPM or ACC) and the arbiter of its ports. A line is 64 bytes, a piece half of one; line l, half h
// lies in bank (2 l + h) mod Banks. A port holds its request until it is granted; a granted write is there for the next
// cycle's reads, read data follow two cycles after the grant. Lines and pieces have the first choice in turn.
// TwoPorts: reads and writes do not meet, and piece writes are always granted.
module hadal_mem #(
  parameter int Banks    = 8,
  parameter int Lines    = 1024,
  parameter int NLr      = 1,  // line reads
  parameter int NPr      = 1,  // piece reads
  parameter int NLw      = 1,  // line writes
  parameter bit TwoPorts = 1'b0
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic [NLr-1:0]     lr_req_i,
  input  logic [NLr*16-1:0]  lr_line_i,
  output logic [NLr-1:0]     lr_gnt_o,
  output logic [NLr-1:0]     lr_valid_o,
  output logic [NLr*512-1:0] lr_data_o,
  input  logic [NPr-1:0]     pr_req_i,
  input  logic [NPr*17-1:0]  pr_piece_i,  // line and half
  output logic [NPr-1:0]     pr_gnt_o,
  output logic [NPr*256-1:0] pr_data_o,   // two cycles after the grant
  input  logic [NLw-1:0]     lw_req_i,
  input  logic [NLw*16-1:0]  lw_line_i,
  input  logic [NLw*64-1:0]  lw_strb_i,
  input  logic [NLw*512-1:0] lw_data_i,
  output logic [NLw-1:0]     lw_gnt_o,
  input  logic               pw_req_i,    // TwoPorts only
  input  logic [16:0]        pw_piece_i,
  input  logic [255:0]       pw_data_i
);
  localparam int Slots = Banks / 2;  // lines a cycle
  localparam int SlotW = $clog2(Slots);
  localparam int RowW  = $clog2(Lines / Slots);

  // ---- Who gets which bank ----
  logic [NLr*Slots-1:0] lr_need;  // lines take a slot: two banks side by side
  logic [NPr*Banks-1:0] pr_need;
  logic [NLw*Slots-1:0] lw_need;
  logic [Banks-1:0]     pw_need, pieces;
  logic                 turn_q;
  logic [NLw-1:0]       late_q, early;  // writes that have been refused; that choose before the reads
  always_comb begin
    for (int i = 0; i < NLr; i++) lr_need[i*Slots +: Slots] = Slots'(1) << lr_line_i[i*16 +: SlotW];
    for (int i = 0; i < NPr; i++) pr_need[i*Banks +: Banks] = Banks'(1) << pr_piece_i[i*17 +: SlotW + 1];
    for (int i = 0; i < NLw; i++) lw_need[i*Slots +: Slots] = Slots'(1) << lw_line_i[i*16 +: SlotW];
    pw_need = pw_req_i ? Banks'(1) << pw_piece_i[SlotW:0] : '0;
    early   = lw_req_i & (late_q | NLw'(1));
  end

  // In every other cycle pieces may choose before lines. Port 0 writes before the lines are read, the other writes only
  // when they have been refused once: a write that waits falls behind the reads that feed it and meets them no more,
  // while a read that waits leaves a gap that brings the same two together again a latency later. In a memory of one
  // port reads and writes find each other's banks taken. Whoever asks for a slot and is refused was refused because the
  // slot is taken, so who chooses first need not know who got what: asking is enough, and all are decided side by side.
  logic [Slots-1:0] asked_early, asked_reads, asked_late, by_pieces, busy_early, busy_reads, busy_late, busy_pieces;
  always_comb begin
    asked_early = '0;
    asked_reads = '0;
    asked_late  = '0;
    pieces      = '0;
    for (int i = 0; i < NLw; i++) begin
      if (early[i]) asked_early = asked_early | lw_need[i*Slots +: Slots];
      if (lw_req_i[i] && !early[i]) asked_late = asked_late | lw_need[i*Slots +: Slots];
    end
    for (int i = 0; i < NLr; i++) begin
      if (lr_req_i[i]) asked_reads = asked_reads | lr_need[i*Slots +: Slots];
    end
    for (int i = 0; i < NPr; i++) begin
      if (pr_req_i[i] && turn_q) pieces = pieces | pr_need[i*Banks +: Banks];
    end
    for (int s = 0; s < Slots; s++) begin
      by_pieces[s]  = |pieces[2*s +: 2];
      busy_early[s] = TwoPorts ? |pw_need[2*s +: 2] : by_pieces[s];
    end
    busy_reads  = by_pieces | (TwoPorts ? '0 : asked_early);
    busy_late   = busy_early | asked_early | (TwoPorts ? '0 : asked_reads);
    busy_pieces = turn_q ? '0 : asked_reads | (TwoPorts ? '0 : asked_early | asked_late);
  end

  always_comb begin
    for (int i = 0; i < NLw; i++) begin
      lw_gnt_o[i] = lw_req_i[i] && (lw_need[i*Slots +: Slots] & (early[i] ? busy_early : busy_late)) == '0;
      for (int k = 0; k < i; k++) begin
        if (lw_req_i[k] && early[k] == early[i] && lw_line_i[k*16 +: SlotW] == lw_line_i[i*16 +: SlotW])
          lw_gnt_o[i] = 1'b0;
      end
    end
    for (int i = 0; i < NLr; i++) begin
      lr_gnt_o[i] = lr_req_i[i] && (lr_need[i*Slots +: Slots] & busy_reads) == '0;
      for (int k = 0; k < i; k++) begin
        if (lr_req_i[k] && lr_line_i[k*16 +: SlotW] == lr_line_i[i*16 +: SlotW]) lr_gnt_o[i] = 1'b0;
      end
    end
    for (int i = 0; i < NPr; i++) begin
      pr_gnt_o[i] = pr_req_i[i];
      for (int s = 0; s < Slots; s++) begin
        if (busy_pieces[s] && |pr_need[i*Banks+2*s +: 2]) pr_gnt_o[i] = 1'b0;
      end
      for (int k = 0; k < i; k++) begin
        if (pr_req_i[k] && pr_piece_i[k*17 +: SlotW+1] == pr_piece_i[i*17 +: SlotW+1]) pr_gnt_o[i] = 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      turn_q <= 1'b0;
      late_q <= '0;
    end else begin
      turn_q <= ~turn_q;
      late_q <= (lw_req_i | late_q) & ~lw_gnt_o;
    end
  end

  // ---- Banks ----
  logic [Banks-1:0]      re, we;
  logic [Banks*RowW-1:0] raddr, waddr;
  logic [Banks*32-1:0]   wstrb;
  logic [Banks*256-1:0]  wdata, rdata;

  // A bank is granted to one port at most, so what the ports ask of it is put together without priority.
  always_comb begin
    re    = '0;
    raddr = '0;
    we    = TwoPorts ? pw_need : '0;
    waddr = '0;
    wstrb = '0;
    wdata = '0;
    for (int b = 0; b < Banks; b++) begin
      for (int i = 0; i < NLr; i++) begin
        if (lr_gnt_o[i] && lr_need[i*Slots+b/2]) begin
          re[b] = 1'b1;
          raddr[b*RowW +: RowW] = raddr[b*RowW +: RowW] | lr_line_i[i*16+SlotW +: RowW];
        end
      end
      for (int i = 0; i < NPr; i++) begin
        if (pr_gnt_o[i] && pr_need[i*Banks+b]) begin
          re[b] = 1'b1;
          raddr[b*RowW +: RowW] = raddr[b*RowW +: RowW] | pr_piece_i[i*17+SlotW+1 +: RowW];
        end
      end
      if (TwoPorts && pw_need[b]) begin
        waddr[b*RowW +: RowW] = pw_piece_i[SlotW+1 +: RowW];
        wstrb[b*32 +: 32]     = '1;
        wdata[b*256 +: 256]   = pw_data_i;
      end
      for (int i = 0; i < NLw; i++) begin
        if (lw_gnt_o[i] && lw_need[i*Slots+b/2]) begin
          we[b] = 1'b1;
          waddr[b*RowW +: RowW] = waddr[b*RowW +: RowW] | lw_line_i[i*16+SlotW +: RowW];
          wstrb[b*32 +: 32]     = wstrb[b*32 +: 32] | lw_strb_i[i*64+(b%2)*32 +: 32];
          wdata[b*256 +: 256]   = wdata[b*256 +: 256] | lw_data_i[i*512+(b%2)*256 +: 256];
        end
      end
    end
  end

  for (genvar b = 0; b < Banks; b++) begin : gen_bank
    hadal_sram #(.Words(Lines / Slots)) u_sram (
      .clk_i, .re_i(re[b]), .raddr_i(raddr[b*RowW +: RowW]), .rdata_o(rdata[b*256 +: 256]),
      .we_i(we[b]), .waddr_i(waddr[b*RowW +: RowW]), .wstrb_i(wstrb[b*32 +: 32]), .wdata_i(wdata[b*256 +: 256]));
  end

  // ---- Read data: out of the bank, then through the crossbar ----
  logic [NLr-1:0]           lr_q;
  logic [NLr*SlotW-1:0]     lr_slot_q;
  logic [NPr-1:0]           pr_q;
  logic [NPr*(SlotW+1)-1:0] pr_bank_q;
  logic [NLr*512-1:0]       lr_data;
  logic [NPr*256-1:0]       pr_data;

  always_comb begin
    lr_data = '0;
    pr_data = '0;
    for (int b = 0; b < Banks; b++) begin
      for (int i = 0; i < NLr; i++) begin
        if (lr_slot_q[i*SlotW +: SlotW] == SlotW'(b / 2))
          lr_data[i*512+(b%2)*256 +: 256] = lr_data[i*512+(b%2)*256 +: 256] | rdata[b*256 +: 256];
      end
      for (int i = 0; i < NPr; i++) begin
        if (pr_bank_q[i*(SlotW+1) +: SlotW+1] == (SlotW+1)'(b))
          pr_data[i*256 +: 256] = pr_data[i*256 +: 256] | rdata[b*256 +: 256];
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      lr_q       <= '0;
      pr_q       <= '0;
      lr_valid_o <= '0;
    end else begin
      lr_q       <= lr_gnt_o;
      pr_q       <= pr_gnt_o;
      lr_valid_o <= lr_q;
    end
  end
  always_ff @(posedge clk_i) begin
    for (int i = 0; i < NLr; i++) begin
      if (lr_gnt_o[i]) lr_slot_q[i*SlotW +: SlotW] <= lr_line_i[i*16 +: SlotW];
      if (lr_q[i]) lr_data_o[i*512 +: 512] <= lr_data[i*512 +: 512];
    end
    for (int i = 0; i < NPr; i++) begin
      if (pr_gnt_o[i]) pr_bank_q[i*(SlotW+1) +: SlotW+1] <= pr_piece_i[i*17 +: SlotW+1];
      if (pr_q[i]) pr_data_o[i*256 +: 256] <= pr_data[i*256 +: 256];
    end
  end
endmodule
