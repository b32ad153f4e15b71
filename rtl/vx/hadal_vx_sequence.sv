// The steps of an instruction in the order in which its operands arrive.
module hadal_vx_sequence (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                job_valid_i,
  input  hadal_vx_pkg::exec_t job_i,
  input  logic                step_i,
  output hadal_vx_pkg::step_t step_o
);
  typedef enum logic [1:0] { Amax, Scale, High, Low } phase_e;

  logic [9:0] row_q, row_d;
  logic [8:0] chunk_q, chunk_d;   // of the row; VQNT: the first of the group
  logic [3:0] inner_q, inner_d;   // VQNT: chunk of the group
  phase_e     phase_q, phase_d;

  logic       quant, transpose, last_row, last_chunk, last_inner, last_group, group_end, block_end;
  logic [8:0] quant_chunk;
  assign quant       = job_i.part == hadal_vx_pkg::UnitQuant;
  assign transpose   = job_i.part == hadal_vx_pkg::UnitTranspose;
  assign last_row    = row_q == job_i.rows - 10'd1;
  assign last_chunk  = chunk_q == job_i.chunks - 9'd1;
  assign last_inner  = inner_q == job_i.group - 4'd1;
  assign last_group  = chunk_q + {5'd0, job_i.group} >= job_i.chunks;
  assign group_end   = last_inner & (phase_q == (job_i.two_digits ? Low : High));
  assign block_end   = (row_q[3:0] == 4'd15) | last_row;
  assign quant_chunk = chunk_q + {5'd0, inner_q};

  always_comb begin
    row_d   = row_q;
    chunk_d = chunk_q;
    inner_d = inner_q;
    phase_d = phase_q;
    if (quant) begin
      inner_d = (last_inner | (phase_q == Scale)) ? 4'd0 : inner_q + 4'd1;
      case (phase_q)
        Amax:    if (last_inner) phase_d = Scale;
        Scale:   phase_d = High;
        default: if (last_inner) phase_d = group_end ? Amax : Low;
      endcase
      if (group_end) begin
        chunk_d = last_group ? 9'd0 : chunk_q + {5'd0, job_i.group};
        if (last_group) row_d = last_row ? 10'd0 : row_q + 10'd1;
      end
    end else if (transpose) begin
      row_d = last_row ? 10'd0 : row_q + 10'd1;
      if (last_row) chunk_d = last_chunk ? 9'd0 : chunk_q + 9'd1;
    end else begin
      chunk_d = last_chunk ? 9'd0 : chunk_q + 9'd1;
      if (last_chunk) row_d = last_row ? 10'd0 : row_q + 10'd1;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      row_q   <= 10'd0;
      chunk_q <= 9'd0;
      inner_q <= 4'd0;
      phase_q <= Amax;
    end else if (job_valid_i & step_i) begin
      row_q   <= row_d;
      chunk_q <= chunk_d;
      inner_q <= inner_d;
      phase_q <= phase_d;
    end
  end

  always_comb begin
    step_o           = '0;
    step_o.use_a     = job_i.use_a & ~(quant & (phase_q == Scale));
    step_o.use_b     = job_i.use_b;
    step_o.use_c     = job_i.use_c;
    step_o.chunk     = chunk_q[7:0];
    step_o.row_start = chunk_q == 9'd0;
    step_o.row_end   = last_chunk;
    step_o.count     = last_chunk ? job_i.last : 5'd16;
    step_o.finish    = last_row & last_chunk;
    case (job_i.func)
      2'd0:    step_o.red = hadal_vx_pkg::RedSum;
      2'd1:    step_o.red = hadal_vx_pkg::RedMax;
      2'd2:    step_o.red = hadal_vx_pkg::RedAmax;
      default: step_o.red = hadal_vx_pkg::RedArgmax;
    endcase
    if (quant) begin
      step_o.amax      = phase_q == Amax;
      step_o.low       = phase_q == Low;
      step_o.scale     = phase_q == Scale;
      step_o.row_start = inner_q == 4'd0;
      step_o.row_end   = last_inner;
      step_o.count     = (quant_chunk >= job_i.chunks) ? 5'd0 :
                         (quant_chunk == job_i.chunks - 9'd1) ? job_i.last : 5'd16;
      step_o.finish    = group_end & last_group & last_row;
    end
    if (transpose) begin
      step_o.row_end    = block_end;
      step_o.last_block = last_row & last_chunk;
    end
  end
endmodule
