// Fetches the tiles of A with their scales and factors into the row buffers, ahead of the dot units. A tile is R rows
// of one group; when they all fit in one row tile it is fetched once a group, otherwise again for every column tile.
module mm_a_fetch #(
  parameter int R = 8
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             valid_i,     // mma_i is to be fetched
  input  hadal_pkg::mma_t  mma_i,
  output logic             finish_o,    // its last tile has been begun
  input  logic [2:0]       freed_i,     // planes that the dot units gave back
  output logic [3:0]       full_set_o,  // by first plane of the tile
  // buffers: by row and quarter
  output logic [R*4-1:0]   we_o,
  output logic [1:0]       wplane_o,
  output logic [1:0]       wgcode_o,
  // scales and factors
  output logic             words_load_o,
  output logic             alpha_load_o,
  output logic [1:0]       words_set_o,
  output logic [7:0]       words_mask_o,
  output logic [159:0]     sa_word_o,
  output logic [159:0]     alpha_word_o,
  input  logic             words_busy_i,
  // SPM
  output logic [3:0]       req_o,
  output logic [67:0]      piece_o,
  input  logic [3:0]       gnt_i
);
  localparam int RW = $clog2(R);

  // ---- The tile to be begun next ----
  logic [7:0]  g_q, j_q;
  logic [7:0]  i_q;            // row tile
  logic        started_q;      // the bases are those of mma_i
  logic [15:0] block_q, base_q, block, base;
  logic [19:0] sa_q, sa;
  logic [7:0]  row0;
  logic [7:0]  rows_left, tile_rows;
  logic        one_row_tile, i_last, j_last, g_last, block_last, start, tile_end, can_start;
  logic [2:0]  need, used_q;
  logic        active_q;
  logic [1:0]  plane_next_q, plane_q;

  assign one_row_tile = mma_i.m <= 8'(R);
  assign row0       = {i_q[7-RW:0], {RW{1'b0}}};
  assign rows_left  = mma_i.m - row0;
  assign tile_rows  = rows_left > 8'(R) ? 8'(R) : rows_left;
  assign i_last     = rows_left <= 8'(R);
  assign j_last     = one_row_tile || j_q == mma_i.col_tiles - 8'd1;
  assign g_last     = g_q == mma_i.groups - 8'd1;
  assign block_last = (mma_i.gcode == 2'd0) || (mma_i.gcode == 2'd1 && g_q[0]) || (g_q[1:0] == 2'd3);
  assign block = started_q ? block_q : mma_i.a;
  assign base  = started_q ? base_q : mma_i.a;
  assign sa    = started_q ? sa_q : mma_i.sa;
  assign need  = mma_i.da ? 3'd2 : 3'd1;
  assign can_start = valid_i && {1'b0, used_q} + {1'b0, need} <= 4'd4;
  assign start     = can_start && (!active_q || tile_end);
  assign finish_o  = start && i_last && j_last && g_last;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      {g_q, j_q, i_q} <= '0;
      started_q <= 1'b0;
      used_q    <= '0;
    end else begin
      used_q <= used_q + (start ? need : 3'd0) - freed_i;
      if (start) begin
        started_q <= !finish_o;
        i_q       <= i_last ? '0 : i_q + 8'd1;
        if (i_last) j_q <= j_last ? '0 : j_q + 8'd1;
        if (i_last && j_last) g_q <= g_last ? '0 : g_q + 8'd1;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (start) begin
      block_q <= block;
      sa_q    <= sa;
      if (!i_last) base_q <= base + (mma_i.a_row << RW);
      else base_q <= block;
      if (i_last && j_last) begin
        sa_q <= sa + mma_i.sa_group;
        if (block_last) begin
          block_q <= block + mma_i.a_block;
          base_q  <= block + mma_i.a_block;
        end
      end
    end
  end

  always_comb begin
    for (int r = 0; r < 8; r++) begin
      words_mask_o[r] = 8'(r) < tile_rows;
      sa_word_o[r*20 +: 20]    = sa + {12'd0, row0} + 20'(r);
      alpha_word_o[r*20 +: 20] = mma_i.alpha + {12'd0, row0} + 20'(r);
    end
  end
  assign words_load_o = start;
  assign alpha_load_o = start && mma_i.rsc && g_q == '0;
  assign words_set_o  = plane_next_q;

  // ---- The tile that is being asked for ----
  logic [15:0] t_base_q, t_row_q, t_low_q;
  logic [1:0]  t_gcode_q, t_sub_q;
  logic [5:0]  t_total_q, p_q, p_next;
  logic        t_two_q, low_q, low_next, more, pieces_busy, load, next_bundle;
  logic [5:0]  total_start;

  assign total_start = {1'b0, tile_rows[4:0]} << (2'd2 - mma_i.gcode);
  assign more        = p_q + 6'd4 < t_total_q || (t_two_q && !low_q);
  assign next_bundle = active_q && !pieces_busy && more;
  assign tile_end    = active_q && !pieces_busy && !more && !words_busy_i;
  assign load        = start || next_bundle;
  assign low_next    = low_q || p_q + 6'd4 >= t_total_q;
  assign p_next      = p_q + 6'd4 < t_total_q ? p_q + 6'd4 : '0;

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
      t_row_q   <= mma_i.a_row;
      t_low_q   <= mma_i.a_low;
      t_gcode_q <= mma_i.gcode;
      t_sub_q   <= g_q[1:0] & ((2'd1 << mma_i.gcode) - 2'd1);
      t_total_q <= total_start;
      t_two_q   <= mma_i.da;
      p_q       <= '0;
      low_q     <= 1'b0;
    end else if (next_bundle) begin
      p_q   <= p_next;
      low_q <= low_next;
    end
  end

  logic [5:0] mask_p, mask_total;
  logic [3:0] mask;
  assign mask_p     = start ? 6'd0 : p_next;
  assign mask_total = start ? total_start : t_total_q;
  always_comb begin
    for (int k = 0; k < 4; k++) begin : member
      logic [5:0]  p;
      logic [3:0]  row;
      logic [1:0]  q;
      logic [15:0] line;
      mask[k] = mask_p + 6'(k) < mask_total;
      p   = p_q + 6'(k);
      row = 4'(p >> (2'd2 - t_gcode_q));
      q   = t_gcode_q == 2'd0 ? p[1:0] : t_gcode_q == 2'd1 ? {t_sub_q[0], p[0]} : t_sub_q;
      line = t_base_q + (low_q ? t_low_q : 16'd0) + 16'(row) * t_row_q + {15'd0, q[1]};
      piece_o[k*17 +: 17] = {line, q[0]};
    end
  end

  logic [9:0] tag, tag_arrived;
  logic       arrived;
  assign tag = {plane_q + {1'b0, low_q}, t_gcode_q, p_q};
  mm_pieces #(.TagW(10)) u_pieces (
    .clk_i, .rst_ni, .load_i(load), .mask_i(mask), .busy_o(pieces_busy), .tag_i(tag), .req_o, .gnt_i,
    .arrived_o(arrived), .tag_o(tag_arrived));

  // ---- Arrival ----
  logic [1:0] a_gcode;
  logic [5:0] a_p;
  assign {wplane_o, a_gcode, a_p} = tag_arrived;
  always_comb begin
    we_o = '0;
    for (int k = 0; k < 4; k++) begin : arrive
      logic [5:0] p;
      p = a_p + 6'(k);
      if (arrived && (p >> (2'd2 - a_gcode)) < 6'(R)) begin
        case (a_gcode)
          2'd0: we_o[32'(p[5:2])*4 + 32'(p[1:0])] = 1'b1;
          2'd1: we_o[32'(p[4:1])*4 + 32'(p[0])] = 1'b1;
          default: we_o[32'(p[3:0])*4] = 1'b1;
        endcase
      end
    end
  end
  assign wgcode_o = a_gcode;

  // ---- A tile is there two cycles after its last grant ----
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
