// MM: a grid of R x 8 exact dot units, Kd deep, with a fix-up lane a column. Operand tiles are fetched ahead of the dot
// units, also those of the next instruction; a step's sums are drained a row a cycle through the fix-up lanes, which
// read and write half lines of the accumulators.
module hadal_mm #(
  parameter int R  = hadal_chip_pkg::MmRows,
  parameter int Kd = hadal_chip_pkg::MmDepth
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              valid_i,
  input  logic              cfg_i,
  input  hadal_pkg::issue_t issue_i,
  output logic              ready_o,
  output logic              done_o,
  // SPM: pieces of A (0-3) and B (4-7), then lines of scales of A, alpha, scales of B
  output logic [7:0]        piece_req_o,
  output logic [135:0]      piece_o,
  input  logic [7:0]        piece_gnt_i,
  input  logic [2047:0]     piece_data_i,
  output logic [2:0]        line_req_o,
  output logic [47:0]       line_o,
  input  logic [2:0]        line_gnt_i,
  input  logic [2:0]        line_valid_i,
  input  logic [1535:0]     line_data_i,
  // ACC
  output logic              acc_req_o,
  output logic [16:0]       acc_piece_o,
  input  logic              acc_gnt_i,
  input  logic [255:0]      acc_data_i,
  output logic              acc_we_o,
  output logic [16:0]       acc_wpiece_o,
  output logic [255:0]      acc_wdata_o
);
  localparam int StepW = $clog2(128/Kd);

  // ---- Configuration, and the instruction with its defaults ----
  hadal_pkg::mma_t decoded;
  mm_config u_config (.clk_i, .rst_ni, .cfg_i, .issue_i, .mma_o(decoded));

  // ---- Two instructions: what still has to be done with each ----
  hadal_pkg::mma_t entry0_q, entry1_q, a_mma, b_mma, c_mma;
  logic [1:0] a_todo_q, b_todo_q, c_todo_q;
  logic       new_q, a_at_q, b_at_q, c_at_q, accept, a_finish, b_finish, c_finish;

  assign ready_o = !c_todo_q[new_q];
  assign accept  = valid_i && ready_o;
  assign a_mma   = a_at_q ? entry1_q : entry0_q;
  assign b_mma   = b_at_q ? entry1_q : entry0_q;
  assign c_mma   = c_at_q ? entry1_q : entry0_q;
  always_ff @(posedge clk_i) begin
    if (accept && !new_q) entry0_q <= decoded;
    if (accept && new_q) entry1_q <= decoded;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      a_todo_q <= '0;
      b_todo_q <= '0;
      c_todo_q <= '0;
      new_q    <= 1'b0;
      a_at_q   <= 1'b0;
      b_at_q   <= 1'b0;
      c_at_q   <= 1'b0;
    end else begin
      if (a_finish || (a_todo_q[a_at_q] && a_mma.empty)) begin
        a_todo_q[a_at_q] <= 1'b0;
        a_at_q <= !a_at_q;
      end
      if (b_finish || (b_todo_q[b_at_q] && b_mma.empty)) begin
        b_todo_q[b_at_q] <= 1'b0;
        b_at_q <= !b_at_q;
      end
      if (c_finish) begin
        c_todo_q[c_at_q] <= 1'b0;
        c_at_q <= !c_at_q;
      end
      if (accept) begin
        new_q <= !new_q;
        a_todo_q[new_q] <= 1'b1;
        b_todo_q[new_q] <= 1'b1;
        c_todo_q[new_q] <= 1'b1;
      end
    end
  end

  // ---- Fetch ----
  logic [2:0]     a_freed, b_freed;
  logic [3:0]     a_full, b_full;
  logic [R*4-1:0] a_we;
  logic [31:0]    b_we;
  logic [1:0]     a_wplane, b_wplane, a_wgcode, b_wgcode, b_wbyte, a_words_set, b_words_set;
  logic [7:0]     b_wstrb, a_words_mask;
  logic           b_wrows, b_wtrans, a_words_load, alpha_load, b_words_load, sa_busy, alpha_busy, sb_busy;
  logic [159:0]   sa_word, alpha_word, sb_word;

  mm_a_fetch #(.R(R)) u_a_fetch (
    .clk_i, .rst_ni, .valid_i(a_todo_q[a_at_q] && !a_mma.empty), .mma_i(a_mma), .finish_o(a_finish), .freed_i(a_freed),
    .full_set_o(a_full), .we_o(a_we), .wplane_o(a_wplane), .wgcode_o(a_wgcode), .words_load_o(a_words_load),
    .alpha_load_o(alpha_load), .words_set_o(a_words_set), .words_mask_o(a_words_mask), .sa_word_o(sa_word),
    .alpha_word_o(alpha_word), .words_busy_i(sa_busy || alpha_busy), .req_o(piece_req_o[3:0]), .piece_o(piece_o[67:0]),
    .gnt_i(piece_gnt_i[3:0]));
  mm_b_fetch u_b_fetch (
    .clk_i, .rst_ni, .valid_i(b_todo_q[b_at_q] && !b_mma.empty), .mma_i(b_mma), .finish_o(b_finish), .freed_i(b_freed),
    .full_set_o(b_full), .we_o(b_we), .wplane_o(b_wplane), .wstrb_o(b_wstrb), .wrows_o(b_wrows), .wbyte_o(b_wbyte),
    .wtrans_o(b_wtrans), .wgcode_o(b_wgcode), .words_load_o(b_words_load), .words_set_o(b_words_set),
    .sb_word_o(sb_word), .words_busy_i(sb_busy), .req_o(piece_req_o[7:4]), .piece_o(piece_o[135:68]),
    .gnt_i(piece_gnt_i[7:4]));

  // ---- Sequence ----
  logic             enable, go, first, last, push, none, ends, group0, q_room;
  logic [1:0]       a_plane, b_plane, a_set, b_set;
  logic [StepW-1:0] step;
  logic [3:0]       rows;
  logic [16:0]      c_piece;
  mm_seq #(.R(R), .Kd(Kd)) u_seq (
    .clk_i, .rst_ni, .valid_i(c_todo_q[c_at_q]), .mma_i(c_mma), .finish_o(c_finish), .enable_i(enable), .room_i(q_room),
    .a_full_set_i(a_full), .b_full_set_i(b_full), .a_freed_o(a_freed), .b_freed_o(b_freed), .a_plane_o(a_plane),
    .b_plane_o(b_plane), .a_set_o(a_set), .b_set_o(b_set), .step_o(step), .go_o(go), .first_o(first), .last_o(last),
    .push_o(push), .none_o(none), .end_o(ends), .group0_o(group0), .rows_o(rows), .piece_o(c_piece));

  // ---- Scales ----
  logic [255:0] sa, alpha, sb;
  mm_words u_sa (
    .clk_i, .rst_ni, .load_i(a_words_load), .set_i(a_words_set), .mask_i(a_words_mask), .word_i(sa_word),
    .busy_o(sa_busy), .spm_req_o(line_req_o[0]), .spm_line_o(line_o[15:0]), .spm_gnt_i(line_gnt_i[0]),
    .spm_valid_i(line_valid_i[0]), .spm_data_i(line_data_i[511:0]), .rset_i(a_set), .rdata_o(sa));
  mm_words u_alpha (
    .clk_i, .rst_ni, .load_i(alpha_load), .set_i(a_words_set), .mask_i(a_words_mask), .word_i(alpha_word),
    .busy_o(alpha_busy), .spm_req_o(line_req_o[1]), .spm_line_o(line_o[31:16]), .spm_gnt_i(line_gnt_i[1]),
    .spm_valid_i(line_valid_i[1]), .spm_data_i(line_data_i[1023:512]), .rset_i(a_set), .rdata_o(alpha));
  mm_words u_sb (
    .clk_i, .rst_ni, .load_i(b_words_load), .set_i(b_words_set), .mask_i(8'hFF), .word_i(sb_word), .busy_o(sb_busy),
    .spm_req_o(line_req_o[2]), .spm_line_o(line_o[47:32]), .spm_gnt_i(line_gnt_i[2]), .spm_valid_i(line_valid_i[2]),
    .spm_data_i(line_data_i[1535:1024]), .rset_i(b_set), .rdata_o(sb));

  // ---- Grid and drain ----
  logic [R*Kd*8-1:0] a_raw;
  logic [8*Kd*8-1:0] b_raw;
  mm_buffers #(.R(R), .Kd(Kd)) u_buffers (
    .clk_i, .a_we_i(a_we), .a_wplane_i(a_wplane), .a_wgcode_i(a_wgcode), .a_data_i(piece_data_i[1023:0]), .b_we_i(b_we),
    .b_wplane_i(b_wplane), .b_wstrb_i(b_wstrb), .b_wrows_i(b_wrows), .b_wtrans_i(b_wtrans), .b_wbyte_i(b_wbyte),
    .b_wgcode_i(b_wgcode), .b_data_i(piece_data_i[2047:1024]), .a_plane_i(a_plane), .b_plane_i(b_plane), .step_i(step),
    .a_o(a_raw), .b_o(b_raw));

  logic              sums_new, sums_free;
  logic [R*8*47-1:0] sums;
  mm_grid #(.R(R), .Kd(Kd)) u_grid (
    .clk_i, .rst_ni, .go_i(go), .first_i(first), .last_i(last), .a_i(a_raw), .b_i(b_raw), .enable_o(enable),
    .sums_free_i(sums_free), .sums_new_o(sums_new), .sums_o(sums));
  mm_drain #(.R(R)) u_drain (
    .clk_i, .rst_ni, .push_i(push), .none_i(none), .end_i(ends), .clear_i(group0 && c_mma.clr),
    .rescale_i(group0 && c_mma.rsc), .rows_i(rows), .piece_i(c_piece), .row_stride_i(c_mma.c_row), .sa_i(sa),
    .alpha_i(alpha), .sb_i(sb), .room_o(q_room), .sums_new_i(sums_new), .sums_free_o(sums_free), .sums_i(sums),
    .done_o, .acc_req_o, .acc_piece_o, .acc_gnt_i, .acc_data_i, .acc_we_o, .acc_wpiece_o, .acc_wdata_o);
endmodule
