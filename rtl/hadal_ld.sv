// LD: DRAM to SPM or ACC. Lines are asked for in order, several at a time, come back in any order into a buffer, and
// are
// written in order, so the writes of the unit are visible in program order. LDX asks for the scales of a panel first.
module hadal_ld #(
  parameter int Outstanding = hadal_chip_pkg::DmaOutstanding
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              valid_i,
  input  logic              cfg_i,
  input  hadal_pkg::issue_t issue_i,
  output logic              ready_o,
  output logic              done_o,
  output logic              fault_o,
  // DRAM
  output logic              ar_valid_o,
  output logic [47:0]       ar_line_o,
  output logic [5:0]        ar_id_o,
  input  logic              ar_ready_i,
  input  logic              r_valid_i,
  input  logic [5:0]        r_id_i,
  input  logic [511:0]      r_data_i,
  // index lists
  output logic              spm_req_o,
  output logic [15:0]       spm_line_o,
  input  logic              spm_gnt_i,
  input  logic              spm_valid_i,
  input  logic [511:0]      spm_data_i,
  // local writes
  output logic              w_req_o,
  output logic              w_acc_o,
  output logic [15:0]       w_line_o,
  output logic [511:0]      w_data_o,
  input  logic              w_gnt_i
);
  localparam int IdW = $clog2(Outstanding);

  logic [IdW:0] used_q;  // slots taken; an index list may be what they hold

  // ---- Configuration ----
  logic [31:0] pitch_q, xsb_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      pitch_q <= '0;
      xsb_q   <= '0;
    end else if (cfg_i) begin
      if (issue_i.instr[hadal_isa_pkg::CFG_KEY_LSB +: 5] == hadal_isa_pkg::CFG_LD_PITCH) pitch_q <= issue_i.value;
      if (issue_i.instr[hadal_isa_pkg::CFG_KEY_LSB +: 5] == hadal_isa_pkg::CFG_LD_XSB) xsb_q <= issue_i.value;
    end
  end

  // ---- The instruction that asks. A panel of LDX is a row of 17 lines, its last line first. ----
  logic [5:0]  op;
  logic        is_ldg, is_ldx, start, line_valid, line_last, line_none, line_ready, walk_free;
  logic [47:0] line_dram;
  logic [15:0] line_local;
  logic        ldx_q, acc_q;
  logic [4:0]  panel_line_q;
  logic [15:0] panel_local_q, panel_scale_q;

  assign op      = issue_i.instr[hadal_isa_pkg::HEADER_OP_LSB +: 6];
  assign is_ldg  = op == hadal_isa_pkg::OP_LDG;
  assign is_ldx  = op == hadal_isa_pkg::OP_LDX;
  assign ready_o = walk_free;
  assign start   = valid_i && ready_o;

  hadal_rows u_rows (
    .clk_i, .rst_ni, .start_i(start), .gather_i(is_ldg), .panel_i(is_ldx), .dram_i(issue_i.dram), .local_i(issue_i.d),
    .rows_i(is_ldx ? {20'd0, issue_i.instr[hadal_isa_pkg::LDX_BLOCKS_LSB +: 12]} : issue_i.rows),
    .len_i(is_ldx ? 12'd17 : is_ldg ? {4'd0, issue_i.instr[hadal_isa_pkg::LDG_LEN_LSB +: 8]} :
           issue_i.instr[hadal_isa_pkg::LD_LEN_LSB +: 12]),
    .dram_stride_i(is_ldx ? 12'd17 : issue_i.instr[hadal_isa_pkg::LD_SSTRIDE_LSB +: 12]),
    .local_stride_i(is_ldx ? 12'd32 : {2'd0, issue_i.instr[hadal_isa_pkg::LD_DSTRIDE_LSB +: 10]}),
    .index_i(issue_i.b), .pitch_i(pitch_q), .setup_i(4'(hadal_chip_pkg::DmaSetup - 2)), .hold_i(used_q != '0),
    .free_o(walk_free),
    .valid_o(line_valid), .dram_o(line_dram), .local_o(line_local), .last_o(line_last), .none_o(line_none),
    .ready_i(line_ready), .spm_req_o, .spm_line_o, .spm_gnt_i, .spm_valid_i, .spm_data_i);

  always_ff @(posedge clk_i) begin
    if (start) begin
      ldx_q         <= is_ldx;
      acc_q         <= issue_i.instr[hadal_isa_pkg::LD_D_LSB + 15];
      panel_line_q  <= '0;
      panel_local_q <= issue_i.d[15:0];
      panel_scale_q <= xsb_q[15:0];
    end else if (line_valid && line_ready) begin
      panel_line_q <= panel_line_q == 5'd16 ? '0 : panel_line_q + 5'd1;
      if (panel_line_q == 5'd16) begin
        panel_local_q <= panel_local_q + 16'd32;
        panel_scale_q <= panel_scale_q + 16'd1;
      end
    end
  end

  // ---- Slots: a ring of lines asked for ----
  localparam int SlotW = 16 + 1 + 1 + 1 + 4 + 1 + 1;
  logic [SlotW-1:0]       slot_q [0:Outstanding-1];
  logic [511:0]           data_q [0:Outstanding-1];
  logic [511:0]           head_data_q;                 // of the slot at the head, once it is here
  logic [Outstanding-1:0] here_q;
  logic [IdW-1:0]         head_q, head_d, head_next, tail_q;
  logic                   room, ask, free_slot;
  logic [15:0]            new_line;

  assign head_next  = head_q + 1'b1;
  assign head_d     = free_slot ? head_next : head_q;
  assign room       = used_q != (IdW+1)'(Outstanding);
  assign ar_valid_o = line_valid && room && !line_none;
  assign ar_line_o  = line_dram;
  assign ar_id_o    = {{(6-IdW){1'b0}}, tail_q};
  assign line_ready = room && (line_none || ar_ready_i);
  assign ask        = line_valid && line_ready;
  always_comb begin
    if (!ldx_q) new_line = line_local;
    else if (panel_line_q == 5'd0) new_line = panel_scale_q;
    else new_line = panel_local_q + {10'd0, panel_line_q - 5'd1, 1'b0};
  end
  always_ff @(posedge clk_i) begin
    if (ask) begin
      slot_q[tail_q] <= {new_line, acc_q, ldx_q, ldx_q && panel_line_q == 5'd0, 4'(panel_line_q - 5'd1), line_none,
                         line_last};
    end
    if (r_valid_i) data_q[r_id_i[IdW-1:0]] <= r_data_i;
    if (r_valid_i && r_id_i[IdW-1:0] == head_d) head_data_q <= r_data_i;
    else if (free_slot) head_data_q <= data_q[head_next];
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      here_q <= '0;
      head_q <= '0;
      tail_q <= '0;
      used_q <= '0;
    end else begin
      if (ask) begin
        tail_q         <= tail_q + 1'b1;
        here_q[tail_q] <= line_none;
      end
      if (r_valid_i) here_q[r_id_i[IdW-1:0]] <= 1'b1;
      head_q <= head_d;
      used_q <= used_q + (IdW+1)'(ask) - (IdW+1)'(free_slot);
    end
  end

  // ---- Writes, in order ----
  logic [15:0]  s_line;
  logic         s_acc, s_ldx, s_scales, s_none, s_last, s_valid, second_q;
  logic [3:0]   s_nibble_line;
  logic [511:0] s_data, codes, fp32;
  logic [255:0] below, below_q;
  logic [63:0]  far, far_q;

  assign {s_line, s_acc, s_ldx, s_scales, s_nibble_line, s_none, s_last} = slot_q[head_q];
  assign s_data  = head_data_q;
  assign s_valid = used_q != '0 && here_q[head_q];
  hadal_ldx u_ldx (
    .scales_i(s_data), .below_o(below), .below_i(below_q), .group_i(s_nibble_line[3:2]),
    .nibbles_i(second_q ? s_data[511:256] : s_data[255:0]), .codes_o(codes), .fp32_o(fp32), .far_o(far));
  assign w_req_o   = s_valid && !s_none;
  assign w_acc_o   = s_acc && !s_scales;
  assign w_line_o  = s_line + {15'd0, second_q};
  assign w_data_o  = !s_ldx ? s_data : s_scales ? fp32 : codes;
  assign free_slot = s_valid && (s_none || (w_gnt_i && (!s_ldx || s_scales || second_q)));

  always_ff @(posedge clk_i) begin
    if (w_gnt_i && s_scales) below_q <= below;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      second_q <= 1'b0;
      done_o   <= 1'b0;
      fault_o  <= 1'b0;
      far_q    <= '0;
    end else begin
      if (w_gnt_i) second_q <= s_ldx && !s_scales && !second_q;
      done_o <= free_slot && s_last;
      far_q   <= far & {64{w_gnt_i && s_scales}};
      fault_o <= fault_o || far_q != '0;
    end
  end
endmodule
