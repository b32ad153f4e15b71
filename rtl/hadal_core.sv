// A core: CTL and five units behind queues, semaphores, SPM and ACC, a memory port and a network port. The trace
// outputs
// say what is committed; nothing depends on them.
module hadal_core (
  input  logic             clk_i,
  input  logic             rst_ni,       // a launch begins with its end
  input  logic [5:0]       core_i,
  input  logic [47:0]      boot_line_i,
  input  logic [23:0]      boot_lines_i,
  output logic             done_o,       // halted, and every unit idle
  output logic [3:0]       fault_o,      // CTL, LD, semaphores, VX
  // memory port: reads are answered in any order, writes keep theirs; bursts of one line
  output logic             ar_valid_o,
  output logic [6:0]       ar_id_o,
  output logic [47:0]      ar_line_o,
  input  logic             ar_ready_i,
  input  logic             r_valid_i,
  input  logic [6:0]       r_id_i,
  input  logic [511:0]     r_data_i,
  output logic             aw_valid_o,
  output logic [47:0]      aw_line_o,
  input  logic             aw_ready_i,
  output logic             w_valid_o,
  output logic [511:0]     w_data_o,
  input  logic             w_ready_i,
  input  logic             b_valid_i,
  // network port
  output logic             out_valid_o,
  output logic [hadal_pkg::FlitW-1:0] out_o,  // a flit_t; ports of structures keep Verilator from compiling a core once
  input  logic             out_ready_i,
  input  logic             ack_i,
  input  logic             in_valid_i,
  input  logic [hadal_pkg::FlitW-1:0] in_i,
  output logic             in_ready_o,
  // trace
  output logic [23:0]      t_pc_o,
  output logic [5:0]       t_issue_o,    // by unit
  output logic [5:0]       t_done_o,
  output logic [3:0]       t_write_o,    // LD, network, MM (half a line), VX
  output logic [3:0]       t_acc_o,
  output logic [63:0]      t_line_o,
  output logic             t_half_o,
  output logic [63:0]      t_strb_o,     // VX
  output logic             t_end_o,      // ST: the write it offers is the last of its instruction
  output logic [2047:0]    t_data_o
);
  /*verilator hier_block*/  // with several cores, one is compiled and used N times
  localparam int NLr = 11, NLa = 5;  // line reads of SPM and of ACC
  localparam logic [2:0] Ctl = hadal_isa_pkg::UNIT_CTL, Ld = hadal_isa_pkg::UNIT_LD, St = hadal_isa_pkg::UNIT_ST,
                         Nx = hadal_isa_pkg::UNIT_NX, Mm = hadal_isa_pkg::UNIT_MM, Vx = hadal_isa_pkg::UNIT_VX;

  hadal_pkg::flit_t in_flit;
  assign in_flit = in_i;

  // ---- SPM and ACC ----
  logic [NLr-1:0]     s_req, s_gnt, s_valid;
  logic [NLr*16-1:0]  s_line;
  logic [NLr*512-1:0] s_data;
  logic [7:0]         p_req, p_gnt;
  logic [135:0]       p_piece;
  logic [2047:0]      p_data;
  logic [NLa-1:0]     a_req, a_gnt, a_valid;
  logic [NLa*16-1:0]  a_line;
  logic [NLa*512-1:0] a_data;
  logic [2:0]         sw_req, sw_gnt, aw_req, aw_gnt;  // writes: LD, network, VX
  logic [47:0]        w_line;
  logic [191:0]       w_strb;
  logic [1535:0]      w_data;
  logic               mr_req, mr_gnt, mw_req;
  logic [16:0]        mr_piece, mw_piece;
  logic [255:0]       mr_data, mw_data;

  hadal_mem #(
    .Banks(hadal_chip_pkg::SpmBanks), .Lines(hadal_chip_pkg::SpmLines), .NLr(NLr), .NPr(8), .NLw(3), .TwoPorts(1'b0)
  ) u_spm (
    .clk_i, .rst_ni, .lr_req_i(s_req), .lr_line_i(s_line), .lr_gnt_o(s_gnt), .lr_valid_o(s_valid), .lr_data_o(s_data),
    .pr_req_i(p_req), .pr_piece_i(p_piece), .pr_gnt_o(p_gnt), .pr_data_o(p_data), .lw_req_i(sw_req), .lw_line_i(w_line),
    .lw_strb_i(w_strb), .lw_data_i(w_data), .lw_gnt_o(sw_gnt), .pw_req_i(1'b0), .pw_piece_i('0), .pw_data_i('0));
  hadal_mem #(
    .Banks(hadal_chip_pkg::AccBanks), .Lines(hadal_chip_pkg::AccLines), .NLr(NLa), .NPr(1), .NLw(3), .TwoPorts(1'b1)
  ) u_acc (
    .clk_i, .rst_ni, .lr_req_i(a_req), .lr_line_i(a_line), .lr_gnt_o(a_gnt), .lr_valid_o(a_valid), .lr_data_o(a_data),
    .pr_req_i(mr_req), .pr_piece_i(mr_piece), .pr_gnt_o(mr_gnt), .pr_data_o(mr_data), .lw_req_i(aw_req),
    .lw_line_i(w_line), .lw_strb_i(w_strb), .lw_data_i(w_data), .lw_gnt_o(aw_gnt), .pw_req_i(mw_req),
    .pw_piece_i(mw_piece), .pw_data_i(mw_data));

  // Ports that reach both memories: ST, NX, VX d, a, b are SPM reads 3..7 and ACC reads 0..4; d, which two streams
  // share, chooses before the others.
  logic [4:0]    x_req, x_acc, x_gnt, x_valid;
  logic [79:0]   x_line;
  logic [2559:0] x_data;
  assign s_req[7:3]      = x_req & ~x_acc;
  assign s_line[127:48]  = x_line;
  assign a_req           = x_req & x_acc;
  assign a_line          = x_line;
  assign x_gnt           = s_gnt[7:3] | a_gnt;
  assign x_valid         = s_valid[7:3] | a_valid;
  for (genvar i = 0; i < 5; i++) begin : gen_both
    assign x_data[i*512 +: 512] = a_valid[i] ? a_data[i*512 +: 512] : s_data[(i+3)*512 +: 512];
  end

  // ---- CTL and fetch ----
  logic [23:0]       pc_d, loop_first;
  logic              looping, instr_valid, fetch_busy, halted, f_ar_valid, f_ar_ready, f_r_valid;
  logic [127:0]      instr;
  logic [47:0]       f_ar_line;
  logic [5:0]        f_ar_id, push, full;
  hadal_pkg::issue_t dispatched;
  logic [5:0]        ask, take, post, rpost, rpost_ready, idle;
  logic [29:0]       ask_sem, post_sem;
  logic [35:0]       ask_count;
  logic [11:0]       post_count;
  logic [287:0]      rpost_mask;

  hadal_fetch u_fetch (
    .clk_i, .rst_ni, .boot_line_i, .boot_lines_i, .pc_d_i(pc_d), .looping_i(looping), .loop_first_i(loop_first),
    .valid_o(instr_valid), .instr_o(instr), .busy_o(fetch_busy), .ar_valid_o(f_ar_valid), .ar_line_o(f_ar_line),
    .ar_id_o(f_ar_id), .ar_ready_i(f_ar_ready), .r_valid_i(f_r_valid), .r_id_i(r_id_i[5:0]), .r_data_i);
  hadal_ctl u_ctl (
    .clk_i, .rst_ni, .pc_d_o(pc_d), .looping_o(looping), .loop_first_o(loop_first), .instr_valid_i(instr_valid),
    .instr_i(instr), .push_o(push), .issue_o(dispatched), .full_i(full), .ask_o(ask[Ctl]), .ask_sem_o(ask_sem[4:0]),
    .ask_count_o(ask_count[5:0]), .take_i(take[Ctl]), .post_o(post[Ctl]), .rpost_o(rpost[Ctl]),
    .rpost_mask_o(rpost_mask[47:0]), .post_sem_o(post_sem[4:0]), .post_count_o(post_count[1:0]),
    .rpost_ready_i(rpost_ready[Ctl]), .spm_req_o(s_req[0]), .spm_line_o(s_line[15:0]), .spm_gnt_i(s_gnt[0]),
    .spm_valid_i(s_valid[0]), .spm_data_i(s_data[511:0]), .halted_o(halted), .fault_o(fault_o[0]), .pc_o(t_pc_o));
  assign full[Ctl] = 1'b0;
  assign idle[Ctl] = halted;

  // ---- Queues ----
  logic [5:0]        u_valid, u_cfg, u_ready, u_done;
  hadal_pkg::issue_t ld_issue, st_issue, nx_issue, mm_issue, vx_issue;
  `define HADAL_QUEUE(U, CFG, ISSUE) \
    hadal_queue #(.CfgInUnit(CFG)) u_queue_``ISSUE ( \
      .clk_i, .rst_ni, .push_i(push[U]), .push_issue_i(dispatched), .full_o(full[U]), .ask_o(ask[U]), \
      .ask_sem_o(ask_sem[U*5 +: 5]), .ask_count_o(ask_count[U*6 +: 6]), .take_i(take[U]), .valid_o(u_valid[U]), \
      .cfg_o(u_cfg[U]), .issue_o(ISSUE), .ready_i(u_ready[U]), .done_i(u_done[U]), .post_o(post[U]), \
      .rpost_o(rpost[U]), .post_mask_o(rpost_mask[U*48 +: 48]), .post_sem_o(post_sem[U*5 +: 5]), \
      .post_count_o(post_count[U*2 +: 2]), .rpost_ready_i(rpost_ready[U]), .idle_o(idle[U]));
  `HADAL_QUEUE(1, 1'b0, ld_issue)
  `HADAL_QUEUE(2, 1'b0, st_issue)
  `HADAL_QUEUE(3, 1'b0, nx_issue)
  `HADAL_QUEUE(4, 1'b0, mm_issue)
  `HADAL_QUEUE(5, 1'b1, vx_issue)
  `undef HADAL_QUEUE
  assign {u_valid[Ctl], u_cfg[Ctl], u_ready[Ctl], u_done[Ctl]} = '0;

  // ---- Semaphores ----
  logic in_post;
  hadal_sem #(.Units(6)) u_sem (
    .clk_i, .rst_ni, .ask_i(ask), .ask_sem_i(ask_sem), .ask_count_i(ask_count), .take_o(take), .post_i({in_post, post}),
    .post_sem_i({in_flit.sem, post_sem}), .post_count_i({in_flit.count, post_count}), .fault_o(fault_o[2]));

  // ---- LD, and the read port it shares with the fetch ----
  logic        l_ar_valid, l_ar_ready, l_r_valid;
  logic [47:0] l_ar_line;
  logic [5:0]  l_ar_id;
  logic        lw_req, lw_acc, lw_gnt;
  hadal_ld u_ld (
    .clk_i, .rst_ni, .valid_i(u_valid[Ld]), .cfg_i(u_cfg[Ld]), .issue_i(ld_issue), .ready_o(u_ready[Ld]),
    .done_o(u_done[Ld]), .fault_o(fault_o[1]), .ar_valid_o(l_ar_valid), .ar_line_o(l_ar_line), .ar_id_o(l_ar_id),
    .ar_ready_i(l_ar_ready), .r_valid_i(l_r_valid), .r_id_i(r_id_i[5:0]), .r_data_i, .spm_req_o(s_req[1]),
    .spm_line_o(s_line[31:16]), .spm_gnt_i(s_gnt[1]), .spm_valid_i(s_valid[1]), .spm_data_i(s_data[1023:512]),
    .w_req_o(lw_req), .w_acc_o(lw_acc), .w_line_o(w_line[15:0]), .w_data_o(w_data[511:0]), .w_gnt_i(lw_gnt));
  assign ar_valid_o = f_ar_valid || l_ar_valid;
  assign ar_id_o    = {f_ar_valid, f_ar_valid ? f_ar_id : l_ar_id};
  assign ar_line_o  = f_ar_valid ? f_ar_line : l_ar_line;
  assign f_ar_ready = ar_ready_i;
  assign l_ar_ready = ar_ready_i && !f_ar_valid;
  assign f_r_valid  = r_valid_i && r_id_i[6];
  assign l_r_valid  = r_valid_i && !r_id_i[6];
  assign sw_req[0]  = lw_req && !lw_acc;
  assign aw_req[0]  = lw_req && lw_acc;
  assign lw_gnt     = sw_gnt[0] || aw_gnt[0];

  // ---- ST ----
  hadal_st u_st (
    .clk_i, .rst_ni, .valid_i(u_valid[St]), .cfg_i(u_cfg[St]), .issue_i(st_issue), .ready_o(u_ready[St]),
    .done_o(u_done[St]), .aw_valid_o, .aw_line_o, .aw_ready_i, .w_valid_o, .w_data_o, .w_end_o(t_end_o), .w_ready_i,
        .b_valid_i,
    .idx_req_o(s_req[2]), .idx_line_o(s_line[47:32]), .idx_gnt_i(s_gnt[2]), .idx_valid_i(s_valid[2]),
    .idx_data_i(s_data[1535:1024]), .r_req_o(x_req[0]), .r_acc_o(x_acc[0]), .r_line_o(x_line[15:0]),
    .r_gnt_i(x_gnt[0]), .r_valid_i(x_valid[0]), .r_data_i(x_data[511:0]));

  // ---- NX, remote posts of all units, and what comes in ----
  logic             nx_valid, nx_ready;
  hadal_pkg::flit_t nx_flit, out_flit;
  assign out_o = out_flit;
  hadal_nx u_nx (
    .clk_i, .rst_ni, .core_i, .valid_i(u_valid[Nx]), .issue_i(nx_issue), .ready_o(u_ready[Nx]), .done_o(u_done[Nx]),
    .out_valid_o(nx_valid), .out_o(nx_flit), .out_ready_i(nx_ready), .ack_i, .r_req_o(x_req[1]), .r_acc_o(x_acc[1]),
    .r_line_o(x_line[31:16]), .r_gnt_i(x_gnt[1]), .r_valid_i(x_valid[1]), .r_data_i(x_data[1023:512]));
  hadal_outbox u_outbox (
    .core_i, .nx_valid_i(nx_valid), .nx_i(nx_flit), .nx_ready_o(nx_ready), .rpost_i(rpost), .mask_i(rpost_mask),
    .sem_i(post_sem), .count_i(post_count), .rpost_ready_o(rpost_ready), .out_valid_o, .out_o(out_flit), .out_ready_i);
  assign in_post         = in_valid_i && in_flit.post;
  assign sw_req[1]       = in_valid_i && !in_flit.post && !in_flit.acc;
  assign aw_req[1]       = in_valid_i && !in_flit.post && in_flit.acc;
  assign w_line[31:16]   = in_flit.line;
  assign w_data[1023:512] = in_flit.data;
  assign w_strb[127:0]   = '1;
  assign in_ready_o      = in_flit.post || sw_gnt[1] || aw_gnt[1];

  // ---- MM ----
  hadal_mm u_mm (
    .clk_i, .rst_ni, .valid_i(u_valid[Mm]), .cfg_i(u_cfg[Mm]), .issue_i(mm_issue), .ready_o(u_ready[Mm]),
    .done_o(u_done[Mm]), .piece_req_o(p_req), .piece_o(p_piece), .piece_gnt_i(p_gnt), .piece_data_i(p_data),
    .line_req_o(s_req[10:8]), .line_o(s_line[175:128]), .line_gnt_i(s_gnt[10:8]), .line_valid_i(s_valid[10:8]),
    .line_data_i(s_data[5631:4096]), .acc_req_o(mr_req), .acc_piece_o(mr_piece), .acc_gnt_i(mr_gnt),
    .acc_data_i(mr_data), .acc_we_o(mw_req), .acc_wpiece_o(mw_piece), .acc_wdata_o(mw_data));

  // ---- VX: port d reads and writes ----
  logic         vd_req, vd_we, vd_acc, a_we, b_we;
  logic [63:0]  a_wstrb, b_wstrb;
  logic [511:0] a_wdata, b_wdata;
  hadal_vx u_vx (
    .clk_i, .rst_ni, .valid_i(u_valid[Vx]), .ready_o(u_ready[Vx]), .instr_i(vx_issue.instr),
    .cfg_value_i(vx_issue.value), .d_line_i(vx_issue.d), .a_line_i(vx_issue.a), .b_line_i(vx_issue.b),
    .done_o(u_done[Vx]), .fault_o(fault_o[3]),
    .a_req_o(x_req[3]), .a_we_o(a_we), .a_acc_o(x_acc[3]), .a_line_o(x_line[63:48]), .a_wstrb_o(a_wstrb),
        .a_wdata_o(a_wdata),
    .a_gnt_i(x_gnt[3]), .a_rvalid_i(x_valid[3]), .a_rdata_i(x_data[2047:1536]),
    .b_req_o(x_req[4]), .b_we_o(b_we), .b_acc_o(x_acc[4]), .b_line_o(x_line[79:64]), .b_wstrb_o(b_wstrb),
        .b_wdata_o(b_wdata),
    .b_gnt_i(x_gnt[4]), .b_rvalid_i(x_valid[4]), .b_rdata_i(x_data[2559:2048]),
    .d_req_o(vd_req), .d_we_o(vd_we), .d_acc_o(vd_acc), .d_line_o(x_line[47:32]), .d_wstrb_o(w_strb[191:128]),
    .d_wdata_o(w_data[1535:1024]), .d_gnt_i(x_gnt[2] || sw_gnt[2] || aw_gnt[2]), .d_rvalid_i(x_valid[2]),
    .d_rdata_i(x_data[1535:1024]));
  assign x_req[2]      = vd_req && !vd_we;
  assign x_acc[2]      = vd_acc;
  assign sw_req[2]     = vd_req && vd_we && !vd_acc;
  assign aw_req[2]     = vd_req && vd_we && vd_acc;
  assign w_line[47:32] = x_line[47:32];

  assign done_o = &idle && !fetch_busy;

  // ---- Trace ----
  assign t_issue_o = u_valid & u_ready;
  // MM reports an end with its last write; in the trace ends follow the writes.
  logic mm_done_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) mm_done_q <= 1'b0;
    else mm_done_q <= u_done[Mm];
  end
  assign t_done_o  = {u_done[5], mm_done_q, u_done[3:1], halted};
  assign t_write_o = {sw_gnt[2] || aw_gnt[2], mw_req, sw_gnt[1] || aw_gnt[1], lw_gnt};
  assign t_acc_o   = {vd_acc, 1'b1, in_flit.acc, lw_acc};
  assign t_line_o  = {x_line[47:32], mw_piece[16:1], in_flit.line, w_line[15:0]};
  assign t_half_o  = mw_piece[0];
  assign t_strb_o  = w_strb[191:128];
  assign t_data_o  = {w_data[1535:1024], 256'd0, mw_data, w_data[1023:0]};
  logic unused;
  assign unused = &{1'b0, u_cfg[Nx], u_cfg[Vx], in_flit.ack, in_flit.from, in_flit.mask, nx_issue.value, a_we, a_wstrb,
      a_wdata, b_we, b_wstrb,
                    b_wdata};  // a and b are never written
endmodule
