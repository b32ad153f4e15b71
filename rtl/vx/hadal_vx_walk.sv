// Addresses of a stream of chunks, one a step (hadal_vx_pkg::stream_t).
module hadal_vx_walk (
  input  logic                                  clk_i,
  input  logic                                  rst_ni,
  input  logic                                  load_i,   // start `stream_i`; not while valid_o
  input  hadal_vx_pkg::stream_t                 stream_i,
  // Row numbers of a gather
  input  logic                                  index_valid_i,
  input  logic [15:0]                           index_i,
  output logic                                  index_ready_o,
  // Chunk
  output logic                                  valid_o,
  output logic [hadal_vx_pkg::AddressWidth-1:0] address_o,
  output logic [6:0]                            bytes_o,
  output logic                                  last_o,   // of the stream
  input  logic                                  step_i
);
  localparam int unsigned Aw = hadal_vx_pkg::AddressWidth;

  hadal_vx_pkg::stream_t s_q;
  logic          active_q, seek_q;  // seek: the row waits for its index
  logic [9:0]    i_q, k_q;
  logic [1:0]    pass_q;
  logic [7:0]    j_q;
  // The last of each count: a step waits for no subtraction.
  logic [9:0]    end_i_q, end_i_last_q, end_k_q;
  logic [1:0]    end_pass_q;
  logic [7:0]    end_j_q;
  logic [Aw-1:0] row_q, block_q, group_q, address_q;  // start of the row, block of j, group j; this chunk

  logic          last_i, last_of_all, last_of_rest, last_pass, last_j, last_k, block_end;
  logic [Aw-1:0] next_row, next_group;
  logic [15:0]   offset_lines;

  assign last_j       = j_q == end_j_q;
  assign last_k       = k_q == end_k_q;
  assign last_of_all  = i_q == end_i_q;
  assign last_of_rest = i_q == end_i_last_q;
  assign last_i       = (s_q.tile ? last_k : last_j) ? last_of_rest : last_of_all;
  assign last_pass    = pass_q == end_pass_q;
  assign block_end    = (j_q[1:0] & s_q.j_mask) == s_q.j_mask;
  assign next_row     = row_q + s_q.step_k;
  assign next_group   = block_end ? block_q + s_q.step_block : group_q + s_q.step_j;
  assign offset_lines = index_i * s_q.step_k[Aw-1:6];

  always_comb begin
    bytes_o = s_q.bytes;
    if (last_j) begin
      if (s_q.tile) bytes_o = s_q.bytes_last;
      else if (i_q == s_q.i_part) bytes_o = s_q.bytes_last;
      else if (i_q > s_q.i_part) bytes_o = 7'd0;
    end
  end
  assign valid_o       = active_q & ~seek_q;
  assign address_o     = address_q;
  assign last_o        = last_i & last_pass & last_j & last_k;
  assign index_ready_o = seek_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      seek_q   <= 1'b0;
    end else if (load_i) begin
      active_q <= stream_i.used;
      seek_q   <= stream_i.used & stream_i.gather;
    end else if (seek_q) begin
      seek_q <= ~index_valid_i;
    end else if (step_i) begin
      active_q <= ~last_o;
      seek_q   <= s_q.gather & ~last_o & last_i & last_pass & last_j;
    end
  end

  always_ff @(posedge clk_i) begin
    if (load_i) begin
      s_q          <= stream_i;
      end_i_q      <= stream_i.n_i - 10'd1;
      end_i_last_q <= stream_i.n_i_last - 10'd1;
      end_pass_q   <= stream_i.n_pass - 2'd1;
      end_j_q      <= stream_i.n_j - 8'd1;
      end_k_q      <= stream_i.n_k - 10'd1;
      i_q          <= 10'd0;
      pass_q       <= 2'd0;
      j_q          <= 8'd0;
      k_q          <= 10'd0;
      row_q        <= stream_i.base;
      block_q      <= stream_i.base;
      group_q      <= stream_i.base;
      address_q    <= stream_i.base;
    end else if (seek_q) begin
      address_q <= s_q.base + {offset_lines, 6'd0};
      group_q   <= s_q.base + {offset_lines, 6'd0};
      block_q   <= s_q.base + {offset_lines, 6'd0};
    end else if (step_i) begin
      if (!last_i) begin
        i_q       <= i_q + 10'd1;
        address_q <= address_q + s_q.step_i;
      end else begin
        i_q <= 10'd0;
        if (!last_pass) begin
          pass_q    <= pass_q + 2'd1;
          address_q <= group_q + s_q.step_pass;
        end else begin
          pass_q <= 2'd0;
          if (!last_j) begin
            j_q       <= j_q + 8'd1;
            group_q   <= next_group;
            address_q <= next_group;
            if (block_end) block_q <= next_group;
          end else begin
            j_q       <= 8'd0;
            k_q       <= k_q + 10'd1;
            row_q     <= next_row;
            block_q   <= next_row;
            group_q   <= next_row;
            address_q <= next_row;
          end
        end
      end
    end
  end
  logic unused;
  assign unused = &{1'b0, s_q.n_i, s_q.n_i_last, s_q.n_pass, s_q.n_j, s_q.n_k};
endmodule
