// Accepts instructions, keeps the configuration, starts the rest when it is free and the operands are, reports ends.
//
// An instruction may read while results of earlier ones are still on their way, unless lines it reads are among them.
module hadal_vx_ctrl (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               valid_i,
  output logic               ready_o,
  input  logic [127:0]       instr_i,
  input  logic [31:0]        cfg_value_i,
  input  logic [25:0]        d_line_i,
  input  logic [25:0]        a_line_i,
  input  logic [25:0]        b_line_i,
  output logic               done_o,
  output logic               fault_o,
  // Start
  output logic               start_o,
  output hadal_vx_pkg::job_t job_o,
  input  logic               free_i,       // readers, datapath and writer can take it
  input  logic               quiet_i,      // nothing inside the datapath
  input  logic               written_i     // the oldest instruction started has written everything
);
  localparam int unsigned CfgWords = hadal_isa_pkg::CFG_VX_WORDS;
  localparam int unsigned Ends = 16;       // instructions accepted whose end was not reported
  localparam int unsigned Flights = 8;     // instructions started whose results are not all written

  ////////////////////
  // Configuration //
  ////////////////////

  logic                   take, is_cfg, is_vector, empty;
  logic [32*CfgWords-1:0] cfg_q;
  logic [4:0]             key;
  logic [5:0]             op;

  assign take      = valid_i & ready_o;
  assign op        = instr_i[hadal_isa_pkg::HEADER_OP_LSB+:hadal_isa_pkg::HEADER_OP_WIDTH];
  assign is_cfg    = op == hadal_isa_pkg::OP_CFG;
  assign is_vector = (op >= hadal_isa_pkg::OP_VALU) & (op <= hadal_isa_pkg::OP_VSEL);
  assign key       = instr_i[hadal_isa_pkg::CFG_KEY_LSB+:hadal_isa_pkg::CFG_KEY_WIDTH];
  assign empty     = ~is_vector | (instr_i[hadal_isa_pkg::VALU_ROWS_LSB+:hadal_isa_pkg::VALU_ROWS_WIDTH] == '0) |
                     (instr_i[hadal_isa_pkg::VALU_COLS_LSB+:hadal_isa_pkg::VALU_COLS_WIDTH] == '0);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      cfg_q <= '0;
    end else if (take & is_cfg) begin
      for (int unsigned w = 0; w < CfgWords; w++) if (key == 5'(w)) cfg_q[32*w+:32] <= cfg_value_i;
    end
  end

  ////////////
  // Decode //
  ////////////

  // Products of rows and strides take the first of two cycles; kinds and sizes are worked out before.
  logic               second_q;
  logic               raw_valid_q, raw_move, wide_q, job_valid_q, decode_fault;
  logic [127:0]       raw_q;
  logic [15:0]        d_q, a_q, b_q;
  hadal_vx_pkg::job_t decoded;
  hadal_vx_pkg::pre_t pre, pre_q;

  hadal_vx_predecode u_predecode (.instr_i, .pre_o(pre));
  hadal_vx_decode u_decode (
    .clk_i, .instr_i(raw_q), .pre_i(pre_q), .d_line_i(d_q), .a_line_i(a_q), .b_line_i(b_q), .cfg_i(cfg_q),
    .job_o(decoded), .fault_o(decode_fault)
  );

  assign raw_move = raw_valid_q & second_q & (~job_valid_q | start_o);
  assign ready_o  = ~ends_full & (~raw_valid_q | raw_move);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      raw_valid_q <= 1'b0;
      second_q    <= 1'b0;
      job_valid_q <= 1'b0;
      fault_o     <= 1'b0;
    end else begin
      raw_valid_q <= (take & ~empty) | (raw_valid_q & ~raw_move);
      second_q    <= raw_valid_q & ~raw_move;
      job_valid_q <= raw_move | (job_valid_q & ~start_o);
      fault_o     <= fault_o | (raw_move & (decode_fault | wide_q));
    end
  end
  always_ff @(posedge clk_i) begin
    if (take) begin
      raw_q  <= instr_i;
      pre_q  <= pre;
      d_q    <= d_line_i[15:0];
      a_q    <= a_line_i[15:0];
      b_q    <= b_line_i[15:0];
      wide_q <= |{d_line_i[25:16], a_line_i[25:16], b_line_i[25:16]};
    end
    if (raw_move) job_o <= decoded;
  end

  //////////////////////////
  // Results on their way //
  //////////////////////////

  logic [Flights-1:0]   flying_q, meets;
  logic [2:0]           first_q, next_q;
  logic                 hazard;

  for (genvar f = 0; f < Flights; f++) begin : g_flight
    hadal_vx_flight u_flight (
      .clk_i, .load_i(start_o & (next_q == 3'(f))), .write_d_i(job_o.write_d), .write_aux_i(job_o.write_aux),
      .valid_i(flying_q[f]), .read_a_i(job_o.read_a), .read_b_i(job_o.read_b), .read_c_i(job_o.write_d),
      .use_c_i(job_o.c.used), .meets_o(meets[f])
    );
  end
  assign hazard  = |meets;
  assign start_o = job_valid_q & free_i & ~hazard & ~flying_q[next_q] & (quiet_i | ~job_o.a.gather);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      flying_q <= '0;
      first_q  <= 3'd0;
      next_q   <= 3'd0;
    end else begin
      if (written_i) begin
        flying_q[first_q] <= 1'b0;
        first_q           <= first_q + 3'd1;
      end
      if (start_o) begin
        flying_q[next_q] <= 1'b1;
        next_q           <= next_q + 3'd1;
      end
    end
  end

  //////////
  // Ends //
  //////////

  // In order of arrival: at once for what writes nothing, otherwise with its last write.
  logic       ends_full, end_valid, end_at_once;
  logic [3:0] written_q;   // ends that wait for their turn
  logic       use_written;
  hadal_vx_fifo #(.Width(1), .Depth(Ends)) u_ends (
    .clk_i, .rst_ni, .push_i(take), .data_i(empty), .full_o(ends_full), .valid_o(end_valid), .data_o(end_at_once),
    .pop_i(done_o)
  );
  assign done_o      = end_valid & (end_at_once | written_i | (written_q != 4'd0));
  assign use_written = end_valid & ~end_at_once & done_o;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) written_q <= 4'd0;
    else         written_q <= written_q + {3'd0, written_i} - {3'd0, use_written};
  end
endmodule
