// Fetches the tiles of B with their scales into the column buffers, ahead of the dot units: 8 columns of one group,
// from panels (blocked), rows of n (BR) or rows of k (BT).
module mm_b_fetch (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             valid_i,
  input  hadal_pkg::mma_t  mma_i,
  output logic             finish_o,
  input  logic [2:0]       freed_i,
  output logic [3:0]       full_set_o,
  // buffers: by column and quarter
  output logic [31:0]      we_o,
  output logic [1:0]       wplane_o,
  output logic [7:0]       wstrb_o,
  output logic             wrows_o,      // whole pieces; otherwise four bytes of each piece a column
  output logic [1:0]       wbyte_o,      // BT: which 8 bytes of a piece
  output logic             wtrans_o,     // BT
  output logic [1:0]       wgcode_o,
  // scales
  output logic             words_load_o,
  output logic [1:0]       words_set_o,
  output logic [159:0]     sb_word_o,
  input  logic             words_busy_i,
  // SPM
  output logic [3:0]       req_o,
  output logic [67:0]      piece_o,
  input  logic [3:0]       gnt_i
);
  // ---- The tile to be begun next ----
  logic [7:0]  g_q, j_q;
  logic        started_q;
  logic [15:0] block_q, base_q, block, base, block_next, group_next;
  logic [19:0] sb_q, sb;
  logic        j_last, g_last, block_last, start, tile_end, can_start;
  logic [2:0]  need, used_q;
  logic        active_q;
  logic [1:0]  plane_next_q, plane_q;
  logic [7:0]  group_k;

  assign group_k    = 8'd128 >> mma_i.gcode;
  assign j_last     = j_q == mma_i.col_tiles - 8'd1;
  assign g_last     = g_q == mma_i.groups - 8'd1;
  assign block_last = (mma_i.gcode == 2'd0) || (mma_i.gcode == 2'd1 && g_q[0]) || (g_q[1:0] == 2'd3);
  assign block = started_q ? block_q : mma_i.b;  // first line of the group's first column tile
  assign base  = started_q ? base_q : mma_i.b;
  assign sb    = started_q ? sb_q : mma_i.sb;
  assign need  = mma_i.db ? 3'd2 : 3'd1;
  assign can_start = valid_i && {1'b0, used_q} + {1'b0, need} <= 4'd4;
  assign start     = can_start && (!active_q || tile_end);
  assign finish_o  = start && j_last && g_last;

  // From one group to the next inside a block of 128 k, and from block to block.
  logic [15:0] origin_q, origin;
  assign origin = started_q ? origin_q : mma_i.b;  // of the block
  always_comb begin
    if (mma_i.bt) group_next = block + 16'(group_k) * mma_i.b_n;
    else if (mma_i.br) group_next = block;          // the quarter is chosen below
    else group_next = block + {10'd0, group_k[7:2]};
    block_next = block_last ? origin + mma_i.b_block : group_next;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      {g_q, j_q} <= '0;
      started_q  <= 1'b0;
      used_q     <= '0;
    end else begin
      used_q <= used_q + (start ? need : 3'd0) - freed_i;
      if (start) begin
        started_q <= !finish_o;
        j_q       <= j_last ? '0 : j_q + 8'd1;
        if (j_last) g_q <= g_last ? '0 : g_q + 8'd1;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (start) begin
      origin_q <= origin;
      block_q  <= block;
      sb_q     <= sb;
      if (mma_i.bt) base_q <= base;
      else if (mma_i.br) base_q <= base + (mma_i.b_n << 3);
      else base_q <= j_q[0] ? base + mma_i.b_n : base;
      if (j_last) begin
        block_q <= block_next;
        base_q  <= block_next;
        sb_q    <= sb + mma_i.sb_group;
        if (block_last) origin_q <= origin + mma_i.b_block;
      end
    end
  end

  // The tile's first column and the other seven apart: a shift by less than three loses nothing of the first, one by
  // more leaves nothing of the others. (8 j >> shift) x n of the first is a sum over the tiles before it, without a
  // product: up to a shift of three each adds n or its multiple, above it every so many add one n.
  logic [19:0] sb_tile_q, sb_step;
  logic [4:0]  above;
  logic [7:0]  dropped;  // bits of j that the shift drops
  assign above   = mma_i.sb_shift - 5'd3;
  assign dropped = ~(8'hFF << above);
  assign sb_step = mma_i.sb_shift <= 5'd3 ? mma_i.sb_n << (2'd3 - mma_i.sb_shift[1:0]) :
                   (j_q & dropped) == dropped ? mma_i.sb_n : 20'd0;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) sb_tile_q <= '0;
    else if (start) sb_tile_q <= j_last ? '0 : sb_tile_q + sb_step;
  end
  always_comb begin
    for (int c = 0; c < 8; c++) begin : scale
      sb_word_o[c*20 +: 20] = sb + sb_tile_q + (20'(c) >> mma_i.sb_shift) * mma_i.sb_n;
    end
  end
  assign words_load_o = start;
  assign words_set_o  = plane_next_q;

  // ---- The tile that is being asked for ----
  logic [15:0] t_base_q, t_n_q, t_low_q;
  logic [1:0]  t_gcode_q, t_sub_q;
  logic [7:0]  t_j_q;
  logic [7:0]  t_total_q, p_q, p_next, total_start;
  logic        t_two_q, t_br_q, t_bt_q, low_q, low_next, more, pieces_busy, load, next_bundle;

  assign total_start = mma_i.bt ? group_k : group_k >> 2;
  assign more        = p_q + 8'd4 < t_total_q || (t_two_q && !low_q);
  assign next_bundle = active_q && !pieces_busy && more;
  assign tile_end    = active_q && !pieces_busy && !more && !words_busy_i;
  assign load        = start || next_bundle;
  assign low_next    = low_q || p_q + 8'd4 >= t_total_q;
  assign p_next      = p_q + 8'd4 < t_total_q ? p_q + 8'd4 : '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      active_q     <= 1'b0;
      plane_next_q <= '0;
    end else begin
      if (start) begin
        active_q     <= 1'b1;
        plane_next_q <= plane_next_q + need[1:0];
      end else if (tile_end) begin
        active_q <= 1'b0;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (start) begin
      plane_q   <= plane_next_q;
      t_base_q  <= base;
      t_n_q     <= mma_i.b_n;
      t_low_q   <= mma_i.b_low;
      t_gcode_q <= mma_i.gcode;
      t_sub_q   <= g_q[1:0] & ((2'd1 << mma_i.gcode) - 2'd1);
      t_j_q     <= j_q;
      t_total_q <= total_start;
      t_two_q   <= mma_i.db;
      t_br_q    <= mma_i.br;
      t_bt_q    <= mma_i.bt;
      p_q       <= '0;
      low_q     <= 1'b0;
    end else if (next_bundle) begin
      p_q   <= p_next;
      low_q <= low_next;
    end
  end

  always_comb begin
    for (int k = 0; k < 4; k++) begin : member
      logic [7:0]  p;
      logic [3:0]  column;
      logic [1:0]  q;
      logic [15:0] line;
      logic        half;
      p      = p_q + 8'(k);
      column = 4'(p >> (2'd2 - t_gcode_q));
      q      = t_gcode_q == 2'd0 ? p[1:0] : t_gcode_q == 2'd1 ? {t_sub_q[0], p[0]} : t_sub_q;
      line   = t_base_q + (low_q ? t_low_q : 16'd0);
      if (t_bt_q) begin
        line = line + 16'(p) * t_n_q + {11'd0, t_j_q[7:3]};
        half = t_j_q[2];
      end else if (t_br_q) begin
        line = line + 16'(column) * t_n_q + {15'd0, q[1]};
        half = q[0];
      end else begin
        line = line + {8'd0, p};
        half = t_j_q[0];
      end
      piece_o[k*17 +: 17] = {line, half};
    end
  end

  logic [15:0] tag, tag_arrived;
  logic        arrived;
  assign tag = {plane_q + {1'b0, low_q}, t_br_q, t_bt_q, t_j_q[1:0], t_gcode_q, p_q};
  mm_pieces #(.TagW(16)) u_pieces (
    .clk_i, .rst_ni, .load_i(load), .mask_i(4'hF), .busy_o(pieces_busy), .tag_i(tag), .req_o, .gnt_i,
    .arrived_o(arrived), .tag_o(tag_arrived));

  // ---- Arrival ----
  logic       a_br, a_bt;
  logic [1:0] a_j, a_gcode;
  logic [7:0] a_p;
  assign {wplane_o, a_br, a_bt, a_j, a_gcode, a_p} = tag_arrived;
  assign wrows_o  = a_br;
  assign wtrans_o = a_bt;
  assign wbyte_o  = a_j;
  assign wgcode_o = a_gcode;
  always_comb begin
    we_o    = '0;
    wstrb_o = '1;
    if (a_bt) begin
      wstrb_o = 8'd1 << a_p[4:2];
      for (int c = 0; c < 8; c++) we_o[c*4 + 32'(a_p[6:5])] = arrived;
    end else if (!a_br) begin
      wstrb_o = 8'h0F << {a_p[2], 2'b00};
      for (int c = 0; c < 8; c++) we_o[c*4 + 32'(a_p[4:3])] = arrived;
    end
    for (int k = 0; k < 4; k++) begin : arrive
      logic [4:0] p;
      p = a_p[4:0] + 5'(k);
      if (a_br) begin
        case (a_gcode)
          2'd0: we_o[32'(p[4:2])*4 + 32'(p[1:0])] = arrived;
          2'd1: we_o[32'(p[3:1])*4 + 32'(p[0])] = arrived;
          default: we_o[32'(p[2:0])*4] = arrived;
        endcase
      end
    end
  end

  logic       end1_q, end2_q;
  logic [1:0] end1_plane_q, end2_plane_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      end1_q <= 1'b0;
      end2_q <= 1'b0;
    end else begin
      end1_q <= tile_end;
      end2_q <= end1_q;
    end
  end
  always_ff @(posedge clk_i) begin
    end1_plane_q <= plane_q;
    end2_plane_q <= end1_plane_q;
  end
  assign full_set_o = end2_q ? 4'd1 << end2_plane_q : 4'd0;
endmodule
