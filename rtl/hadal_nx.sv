// NX: copies local lines to the SPM or ACC of a set of cores, then gives them the post. Lines are read ahead into a
// buffer and sent in order; an instruction is complete when every message has been acknowledged by all its receivers.
module hadal_nx #(
  parameter int Buffer = 16,
  parameter int Flying = 4  // instructions whose messages are not all acknowledged
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic [5:0]        core_i,
  input  logic              valid_i,
  input  hadal_pkg::issue_t issue_i,
  output logic              ready_o,
  output logic              done_o,
  // network
  output logic              out_valid_o,
  output hadal_pkg::flit_t  out_o,
  input  logic              out_ready_i,
  input  logic              ack_i,
  // local reads
  output logic              r_req_o,
  output logic              r_acc_o,
  output logic [15:0]       r_line_o,
  input  logic              r_gnt_i,
  input  logic              r_valid_i,
  input  logic [511:0]      r_data_i
);
  localparam int BufW = $clog2(Buffer);
  localparam int FlyW = $clog2(Flying);

  // ---- The instruction that reads: rows of lines, then its post ----
  logic        busy_q, post_due_q, lines_due_q;
  logic        src_acc_q, dst_acc_q;
  logic [47:0] mask_q;
  logic [4:0]  sem_q;
  logic [1:0]  count_q;
  logic [9:0]  rows_q, row_q, sstride_q, dstride_q;
  logic [11:0] len_q, at_q;
  logic [15:0] src_q, dst_q;
  logic [3:0]  setup_q;
  logic        start, put_line, put_post, room, row_end, transfer_end, fly_room, empty;
  logic [9:0]  i_rows;
  logic [11:0] i_len;
  logic [1:0]  i_count;
  logic [BufW:0] reading_q;  // lines asked for
  logic        stay, free_again;

  assign i_rows  = issue_i.instr[hadal_isa_pkg::SND_ROWS_LSB +: 10];
  assign i_len   = issue_i.instr[hadal_isa_pkg::SND_LEN_LSB +: 12];
  assign i_count = issue_i.instr[hadal_isa_pkg::HEADER_PCNT_LSB +: 2];
  assign ready_o = !busy_q && fly_room;
  assign start   = valid_i && ready_o;
  assign row_end = at_q == len_q - 12'd1;
  assign transfer_end = row_end && row_q == rows_q - 10'd1;
  assign r_req_o  = busy_q && setup_q == '0 && lines_due_q && room;
  assign r_acc_o  = src_acc_q;
  assign r_line_o = src_q + {4'd0, at_q};
  assign put_line = r_req_o && r_gnt_i;
  // The post takes its place behind the lines when all of them have been read.
  assign put_post = busy_q && setup_q == '0 && !lines_due_q && post_due_q && room && reading_q == '0;
  assign empty    = issue_i.mask == '0 || ((i_rows == '0 || i_len == '0) && i_count == '0);

  // ---- Buffer: destination, then data ----
  logic [hadal_pkg::FlitW-1:0] buf_q [0:Buffer-1];
  logic [511:0]     data_q [0:Buffer-1];
  logic [BufW-1:0]  head_q, fill_q, tail_q;
  logic [BufW:0]    used_q, ready_q;
  logic             sent;
  hadal_pkg::flit_t entry, put;

  always_comb begin
    put.post  = put_post;
    put.ack   = 1'b1;
    put.from  = core_i;
    put.mask  = mask_q;
    put.acc   = dst_acc_q;
    put.line  = dst_q + {4'd0, at_q};
    put.data  = '0;
    put.sem   = sem_q;
    put.count = count_q;
  end
  assign room        = used_q != (BufW+1)'(Buffer);
  assign out_valid_o = ready_q != '0;
  assign sent        = out_valid_o && out_ready_i;
  assign entry       = buf_q[head_q];
  always_comb begin
    out_o      = entry;
    out_o.data = data_q[head_q];
  end

  always_ff @(posedge clk_i) begin
    if (put_line || put_post) buf_q[tail_q] <= put;
    if (r_valid_i) data_q[fill_q] <= r_data_i;
    if (start) begin
      src_acc_q <= issue_i.instr[hadal_isa_pkg::SND_S_LSB + 15];
      dst_acc_q <= issue_i.instr[hadal_isa_pkg::SND_D_LSB + 15];
      mask_q    <= issue_i.mask;
      sem_q     <= issue_i.instr[hadal_isa_pkg::HEADER_PSEM_LSB +: 5];
      count_q   <= i_count;
      rows_q    <= i_rows;
      len_q     <= i_len;
      sstride_q <= issue_i.instr[hadal_isa_pkg::SND_SSTRIDE_LSB +: 10];
      dstride_q <= issue_i.instr[hadal_isa_pkg::SND_DSTRIDE_LSB +: 10];
      src_q     <= issue_i.a[15:0];
      dst_q     <= issue_i.d[15:0];
      row_q     <= '0;
      at_q      <= '0;
    end else if (put_line) begin
      at_q <= row_end ? '0 : at_q + 12'd1;
      if (row_end) begin
        row_q <= row_q + 10'd1;
        src_q <= src_q + {6'd0, sstride_q};
        dst_q <= dst_q + {6'd0, dstride_q};
      end
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q      <= 1'b0;
      lines_due_q <= 1'b0;
      post_due_q  <= 1'b0;
      setup_q     <= '0;
      {head_q, fill_q, tail_q} <= '0;
      {used_q, ready_q, reading_q} <= '0;
    end else begin
      if (start) begin
        busy_q      <= 1'b1;
        lines_due_q <= !empty && i_rows != '0 && i_len != '0;
        post_due_q  <= !empty && i_count != '0;
        setup_q     <= 4'(hadal_chip_pkg::NocSetup - 2);
      end else begin
        if (stay) setup_q <= 4'(hadal_chip_pkg::NocSetup - 1);
        else if (setup_q != '0) setup_q <= setup_q - 1'b1;
        if (put_line && transfer_end) lines_due_q <= 1'b0;
        if (put_post) post_due_q <= 1'b0;
        if (busy_q && setup_q == '0 && !lines_due_q && !post_due_q) busy_q <= 1'b0;
      end
      if (put_line || put_post) tail_q <= tail_q + 1'b1;
      if (r_valid_i || put_post) fill_q <= fill_q + 1'b1;
      if (sent) head_q <= head_q + 1'b1;
      used_q    <= used_q + (BufW+1)'(put_line || put_post) - (BufW+1)'(sent);
      reading_q <= reading_q + (BufW+1)'(put_line) - (BufW+1)'(r_valid_i);
      ready_q   <= ready_q + (BufW+1)'(r_valid_i || put_post) - (BufW+1)'(sent);
    end
  end

  // ---- Messages of each instruction that are not acknowledged; instructions end in order ----
  logic [21:0]     left_q [0:Flying-1];
  logic [FlyW-1:0] old_q, new_q;
  logic [FlyW:0]   flying_q;
  logic [FlyW-1:0] acked;
  logic            end_old, self_q, meets, begun_q, mine_q, more_q, stay_q;
  logic [15:0]     low_q, high_q, first_q, end_q, a_first_q, a_end_q;
  // What this core sends to itself must be there before a later instruction reads it: the lines that are under way, SPM
  // and ACC taken together, against those of the instruction that has just started. It stays in its first cycle until
  // nothing else is under way. The ends of its lines are products, and known a cycle after its start.
  always_ff @(posedge clk_i) begin
    if (start) begin
      a_first_q <= issue_i.a[15:0];
      a_end_q   <= issue_i.a[15:0] +
          ({6'd0, i_rows} - 16'd1) * 16'(issue_i.instr[hadal_isa_pkg::SND_SSTRIDE_LSB +: 10]) + {4'd0, i_len};
      first_q   <= issue_i.d[15:0];
      end_q     <= issue_i.d[15:0] +
          ({6'd0, i_rows} - 16'd1) * 16'(issue_i.instr[hadal_isa_pkg::SND_DSTRIDE_LSB +: 10]) + {4'd0, i_len};
    end
  end
  assign meets      = a_first_q < high_q && low_q < a_end_q;
  assign stay       = (begun_q && more_q && meets) || stay_q;
  assign free_again = stay && flying_q == (FlyW+1)'(1);
  assign fly_room   = flying_q != (FlyW+1)'(Flying);
  assign acked    = end_old ? old_q + 1'b1 : old_q;  // one that ends has had all of its own
  assign end_old  = flying_q != '0 && left_q[old_q] == 22'd0;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      old_q    <= '0;
      new_q    <= '0;
      flying_q <= '0;
      self_q   <= 1'b0;
      begun_q  <= 1'b0;
      stay_q   <= 1'b0;
      done_o   <= 1'b0;
      for (int i = 0; i < Flying; i++) left_q[i] <= '0;
    end else begin
      if (start) begin
        self_q <= issue_i.mask[core_i] || (self_q && flying_q != '0);
        mine_q <= issue_i.mask[core_i];
        more_q <= self_q && flying_q != '0;
        left_q[new_q] <= issue_i.mask == '0 ? '0 : 22'(i_rows) * 22'(i_len) + 22'(i_count != '0);
        new_q <= new_q + 1'b1;
      end
      begun_q <= start;
      stay_q  <= stay && !free_again;
      // A cycle after the start, in which none starts. One that had to stay is alone then.
      if (free_again) begin
        self_q <= mine_q;
        low_q  <= first_q;
        high_q <= end_q;
      end else if (begun_q && mine_q) begin
        low_q  <= more_q && low_q < first_q ? low_q : first_q;
        high_q <= more_q && high_q > end_q ? high_q : end_q;
      end
      if (ack_i) left_q[acked] <= left_q[acked] - 22'd1;
      if (end_old) old_q <= old_q + 1'b1;
      flying_q <= flying_q + (FlyW+1)'(start) - (FlyW+1)'(end_old);
      done_o   <= end_old;
    end
  end
endmodule
