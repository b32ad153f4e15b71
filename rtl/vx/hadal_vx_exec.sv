// The datapath: takes operand chunks of the instruction at hand, hands them to the part that works on them, and hands
// the results on in order. `en` stops all of it when the writer is full.
module hadal_vx_exec (
  input  logic                clk_i,
  input  logic                rst_ni,
  // Instructions, in order
  input  logic                job_valid_i,
  input  hadal_vx_pkg::exec_t job_i,
  output logic                job_done_o,   // all operands taken
  output logic                idle_o,       // nothing inside
  // Operands
  input  logic                a_valid_i,
  input  logic [511:0]        a_i,
  input  logic                a_half_i,
  output logic                a_ready_o,
  input  logic                b_valid_i,
  input  logic [511:0]        b_i,
  input  logic                b_half_i,
  output logic                b_ready_o,
  input  logic                c_valid_i,
  input  logic [511:0]        c_i,
  input  logic                c_half_i,
  output logic                c_ready_o,
  // Results
  output logic                valid_o,
  output hadal_vx_pkg::item_t item_o,
  input  logic                ready_i
);
  logic en;
  assign en = ready_i;

  //////////////
  // Sequence //
  //////////////

  hadal_vx_pkg::step_t step;
  logic                issue, operands, p0_free;

  hadal_vx_sequence u_sequence (
    .clk_i, .rst_ni, .job_valid_i, .job_i, .step_i(issue), .step_o(step)
  );
  assign operands   = (a_valid_i | ~step.use_a) & (b_valid_i | ~step.use_b) & (c_valid_i | ~step.use_c);
  assign issue      = en & job_valid_i & operands & p0_free;
  assign job_done_o = issue & step.finish;
  assign a_ready_o  = issue & step.use_a;
  assign b_ready_o  = issue & step.use_b;
  assign c_ready_o  = issue & step.use_c;

  logic [511:0] a_words, b_words, c_words, a_in;
  hadal_vx_unpack u_a (.raw_i(a_i), .half_i(a_half_i), .format_i(job_i.a_format), .one_i(1'b0), .words_o(a_words));
  hadal_vx_unpack u_b (
    .raw_i(b_i), .half_i(b_half_i), .format_i(job_i.b_format), .one_i(job_i.b_one), .words_o(b_words)
  );
  hadal_vx_unpack u_c (.raw_i(c_i), .half_i(c_half_i), .format_i(job_i.c_format), .one_i(1'b0), .words_o(c_words));

  for (genvar l = 0; l < 16; l++) begin : g_source
    always_comb begin
      case (job_i.source)
        hadal_vx_pkg::SourceSwap:  a_in[32*l+:32] = a_words[32*(l^1)+:32];
        hadal_vx_pkg::SourceImm:   a_in[32*l+:32] = job_i.imm;
        hadal_vx_pkg::SourceIndex: a_in[32*l+:32] = {20'd0, step.chunk, 4'(l)};
        default:                   a_in[32*l+:32] = a_words[32*l+:32];
      endcase
    end
  end

  ///////////////////////
  // Operand registers //
  ///////////////////////

  logic                v_q;
  hadal_vx_pkg::exec_t job_q;
  hadal_vx_pkg::step_t step_q;
  logic [511:0]        a_q, b_q, c_q;
  logic                leave;

  assign p0_free = ~v_q | leave;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)                    v_q <= 1'b0;
    else if (en & (p0_free))        v_q <= issue;
  end
  always_ff @(posedge clk_i) begin
    if (issue) begin
      job_q  <= job_i;
      step_q <= step;
      a_q    <= a_in;
      b_q    <= b_words;
      c_q    <= c_words;
    end
  end

  ///////////
  // Parts //
  ///////////

  // A part may begin when no other holds anything, so results keep their order; lanes also wait for the turn of a
  // shorter operation behind a multiply-add.
  logic                lane_busy, sfu_busy, sum_busy, max_busy, quant_busy, transpose_busy, compress_busy, hist_busy;
  logic                sfu_ready, sum_ready, quant_ready, transpose_ready, compress_ready, hist_ready;
  logic                others, ready, lane_turn;
  logic [7:0]          go, busy, mine;
  logic [1:0]          slow_q;  // cycles in which a shorter operation would overtake

  assign busy = {hist_busy, compress_busy, transpose_busy, quant_busy, max_busy, sum_busy, sfu_busy, lane_busy};
  always_comb begin
    case (job_q.part)
      hadal_vx_pkg::UnitLane: mine = 8'h01;
      hadal_vx_pkg::UnitSfu:  mine = 8'h02;
      hadal_vx_pkg::UnitSum:  mine = 8'h04;
      hadal_vx_pkg::UnitMax:  mine = 8'h08;
      hadal_vx_pkg::UnitQuant: mine = 8'h18;  // and the maximum
      hadal_vx_pkg::UnitTranspose: mine = 8'h20;
      hadal_vx_pkg::UnitCompress: mine = 8'h40;
      default: mine = 8'h80;
    endcase
    case (job_q.part)
      hadal_vx_pkg::UnitLane: ready = lane_turn;
      hadal_vx_pkg::UnitSfu:  ready = sfu_ready;
      hadal_vx_pkg::UnitSum:  ready = sum_ready;
      hadal_vx_pkg::UnitMax:  ready = 1'b1;
      hadal_vx_pkg::UnitQuant: ready = step_q.amax | quant_ready;
      hadal_vx_pkg::UnitTranspose: ready = transpose_ready;
      hadal_vx_pkg::UnitCompress: ready = compress_ready;
      default: ready = hist_ready;
    endcase
  end
  assign others    = |(busy & ~mine);
  assign leave     = v_q & ready & ~others;
  assign go        = {8{v_q & ~others}} & mine;
  assign lane_turn = (slow_q == 2'd0) | (job_q.op == hadal_vx_pkg::OpMula);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) slow_q <= 2'd0;
    else if (en) begin
      if (go[0] & (job_q.op == hadal_vx_pkg::OpMula)) slow_q <= 2'd2;
      else if (slow_q != 2'd0)                        slow_q <= slow_q - 2'd1;
    end
  end

  logic                lane_valid, sfu_valid, sum_valid, max_valid, quant_valid, transpose_valid, compress_valid;
  logic                hist_valid;
  hadal_vx_pkg::item_t lane_item, sfu_item, sum_item, max_item, quant_item, transpose_item, compress_item, hist_item;
  logic [30:0]         amax;
  logic                max_done;
  logic                is_quant;
  assign is_quant = job_q.part == hadal_vx_pkg::UnitQuant;

  hadal_vx_lanes u_lanes (
    .clk_i, .rst_ni, .en_i(en), .valid_i(go[0] & lane_turn), .op_i(job_q.op), .bf16_i(job_q.d_bf16),
    .raw_i(job_q.raw), .last_i(step_q.finish), .a_i(a_q), .b_i(b_q), .c_i(c_q), .busy_o(lane_busy),
    .valid_o(lane_valid), .item_o(lane_item)
  );
  hadal_vx_sfu u_sfu (
    .clk_i, .rst_ni, .en_i(en), .valid_i(go[1]), .ready_o(sfu_ready), .func_i(job_q.func), .a_i(a_q),
    .count_i(step_q.count), .last_i(step_q.finish), .bf16_i(job_q.d_bf16), .busy_o(sfu_busy), .valid_o(sfu_valid),
    .item_o(sfu_item)
  );
  hadal_vx_sum u_sum (
    .clk_i, .rst_ni, .en_i(en), .valid_i(go[2]), .ready_o(sum_ready), .a_i(a_q), .count_i(step_q.count),
    .row_end_i(step_q.row_end), .last_i(step_q.finish), .bf16_i(job_q.d_bf16), .busy_o(sum_busy),
    .valid_o(sum_valid), .item_o(sum_item)
  );
  hadal_vx_max u_max (
    .clk_i, .rst_ni, .en_i(en), .valid_i(go[3] & (is_quant ? step_q.amax : ready)), .func_i(step_q.red),
    .skip_nan_i(is_quant), .a_i(a_q), .count_i(step_q.count), .start_i(step_q.row_start), .end_i(step_q.row_end),
    .last_i(step_q.finish), .bf16_i(job_q.d_bf16), .busy_o(max_busy), .valid_o(max_valid), .done_o(max_done),
    .amax_o(amax), .item_o(max_item)
  );
  hadal_vx_quant u_quant (
    .clk_i, .rst_ni, .en_i(en), .amax_valid_i(max_done), .amax_i(amax), .amax_step_i(go[4] & step_q.amax),
    .emin_i(job_q.emin),
    .valid_i(go[4] & ~step_q.amax), .scale_i(step_q.scale), .low_i(step_q.low), .a_i(a_q), .count_i(step_q.count),
    .last_i(step_q.finish), .ready_o(quant_ready), .busy_o(quant_busy), .valid_o(quant_valid), .item_o(quant_item)
  );
  hadal_vx_transpose u_transpose (
    .clk_i, .rst_ni, .en_i(en), .valid_i(go[5]), .ready_o(transpose_ready), .a_i(a_q), .block_end_i(step_q.row_end),
    .cols_i(step_q.count), .last_i(step_q.last_block), .busy_o(transpose_busy), .valid_o(transpose_valid),
    .item_o(transpose_item)
  );
  hadal_vx_compress u_compress (
    .clk_i, .rst_ni, .en_i(en), .valid_i(go[6]), .ready_o(compress_ready), .a_i(a_q), .t_i(b_q),
    .count_i(step_q.count), .chunk_i(step_q.chunk), .end_i(step_q.row_end), .last_i(step_q.finish),
    .row_chunks_i(job_q.chunks), .row_tail_i(job_q.last), .busy_o(compress_busy), .valid_o(compress_valid),
    .item_o(compress_item)
  );
  hadal_vx_hist u_hist (
    .clk_i, .rst_ni, .en_i(en), .valid_i(go[7]), .ready_o(hist_ready), .byte_i(job_q.byte_no), .a_i(a_q),
    .count_i(step_q.count), .end_i(step_q.row_end), .last_i(step_q.finish), .busy_o(hist_busy),
    .valid_o(hist_valid), .item_o(hist_item)
  );

  assign valid_o = en & (lane_valid | sfu_valid | sum_valid | max_valid | quant_valid | transpose_valid |
                         compress_valid | hist_valid);
  always_comb begin
    item_o = lane_item;
    if (sfu_valid)       item_o = sfu_item;
    if (sum_valid)       item_o = sum_item;
    if (max_valid)       item_o = max_item;
    if (quant_valid)     item_o = quant_item;
    if (transpose_valid) item_o = transpose_item;
    if (compress_valid)  item_o = compress_item;
    if (hist_valid)      item_o = hist_item;
  end
  assign idle_o = ~v_q & ~(|busy);
endmodule
