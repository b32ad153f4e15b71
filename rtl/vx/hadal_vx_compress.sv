// VSEL.COMPRESS: the column numbers of elements at or above the threshold, in order, then zeros, then their count.
//
// Numbers are gathered until they fill a line. While chunks pass that do not fill one, zeros go to the row from its end
// down; a line that needs the place later simply overwrites them, since writes keep their order. The line begun last
// and the zeros after it close the row, so that it takes the same time whatever the hits.
module hadal_vx_compress (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                en_i,
  input  logic                valid_i,
  output logic                ready_o,
  input  logic [511:0]        a_i,
  input  logic [511:0]        t_i,         // the threshold, in every word
  input  logic [4:0]          count_i,
  input  logic [7:0]          chunk_i,     // of the row
  input  logic                end_i,       // last chunk of the row
  input  logic                last_i,      // of the instruction
  input  logic [8:0]          row_chunks_i,
  input  logic [4:0]          row_tail_i,  // elements of the last one
  output logic                busy_o,
  output logic                valid_o,
  output hadal_vx_pkg::item_t item_o
);
  //////////////////////////////////
  // 1: who is at or above t      //
  //////////////////////////////////

  logic [15:0] hit, hit_q;
  for (genvar l = 0; l < 16; l++) begin : g_lane
    logic [31:0] key, key_t;
    logic        nan, nan_t;
    hadal_vx_key u_key (.x_i(a_i[32*l+:32]), .key_o(key), .nan_o(nan));
    hadal_vx_key u_key_t (.x_i(t_i[32*l+:32]), .key_o(key_t), .nan_o(nan_t));
    assign hit[l] = (5'(l) < count_i) & ~nan & ~nan_t &
                    ((key >= key_t) | (~(|a_i[32*l+:31]) & ~(|t_i[32*l+:31])));
  end

  logic       v1_q, end1_q, last1_q, take;
  logic [7:0] chunk1_q;
  logic       fill_q;           // what is left of the row, then its count
  logic       last_q;

  assign ready_o = ~fill_q & ~(v1_q & end1_q);
  assign take    = valid_i & ready_o;

  //////////////////////////////////////
  // 2: their numbers side by side    //
  //////////////////////////////////////

  logic [511:0]  gathered_q;
  logic [1023:0] merged;
  logic [4:0]    total;
  logic [3:0]    count_q;       // numbers gathered
  logic [12:0]   found_q;       // numbers written, whole lines
  logic [12:0]   zeros_q;       // the row is zero from here on
  logic [12:0]   length_q;      // elements of the row

  // Hits of a quarter lie side by side from where those before it end; places above 15 are the next line's.
  logic [11:0]  hits;           // of each quarter
  logic [3:0]   low_hits, high_hits;
  logic [19:0]  first;          // its first place
  logic [511:0] place;          // of each lane, a bit each
  logic [3:0]   lanes;          // who is at a place: one at most
  always_comb begin
    for (int q = 0; q < 4; q++) begin
      hits[3*q+:3] = {2'd0, hit_q[4*q]} + {2'd0, hit_q[4*q+1]} + {2'd0, hit_q[4*q+2]} + {2'd0, hit_q[4*q+3]};
    end
    low_hits     = {1'b0, hits[2:0]} + {1'b0, hits[5:3]};
    high_hits    = {1'b0, hits[8:6]} + {1'b0, hits[11:9]};
    first[4:0]   = {1'b0, count_q};
    first[9:5]   = {1'b0, count_q} + {2'd0, hits[2:0]};
    first[14:10] = {1'b0, count_q} + {1'b0, low_hits};
    first[19:15] = {1'b0, count_q} + {1'b0, low_hits} + {2'd0, hits[8:6]};
    for (int l = 0; l < 16; l++) begin
      place[32*l+:32] = (32'd1 << first[5*(l/4)+:5]) & {32{hit_q[l]}};
      for (int k = l / 4 * 4; k < l; k++) if (hit_q[k]) place[32*l+:32] = {place[32*l+:31], 1'b0};
    end
    merged = {512'd0, gathered_q};
    for (int p = 0; p < 32; p++) begin
      lanes = 4'd0;
      for (int l = 0; l < 16; l++) begin
        lanes = lanes | (4'(l) & {4{place[32*l+p]}});
        merged[32*p+4+:8] = merged[32*p+4+:8] | (chunk1_q & {8{place[32*l+p]}});
      end
      merged[32*p+:4] = merged[32*p+:4] | lanes;
    end
  end
  assign total = {1'b0, count_q} + {1'b0, low_hits} + {1'b0, high_hits};

  // The next zeros: up to 16 words that end at a multiple of 16, above the line begun last. That comes behind them.
  logic [12:0] below, rest;
  logic        gap, number_go, zero_go, close_go, closed_q;
  assign below     = {9'((zeros_q - 13'd1) >> 4), 4'd0};
  assign rest      = length_q - found_q;
  assign gap       = below > found_q;
  assign number_go = v1_q & total[4];
  assign zero_go   = gap & (fill_q | (v1_q & ~number_go));
  assign close_go  = fill_q & ~gap & ~closed_q & (rest != 13'd0);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      v1_q     <= 1'b0;
      fill_q   <= 1'b0;
      closed_q <= 1'b0;
      found_q  <= '0;
      count_q  <= '0;
    end else if (en_i) begin
      v1_q <= take;
      if (v1_q) begin
        if (number_go) found_q <= found_q + 13'd16;
        count_q <= total[3:0];
        fill_q  <= end1_q;
      end
      if (close_go) closed_q <= 1'b1;
      if (fill_q & ~gap & ~close_go) begin
        fill_q   <= 1'b0;
        closed_q <= 1'b0;
        found_q  <= '0;
        count_q  <= '0;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      hit_q    <= hit;
      chunk1_q <= chunk_i;
      end1_q   <= end_i;
      last1_q  <= last_i;
      if (v1_q) gathered_q <= number_go ? merged[1023:512] : merged[511:0];
      if (v1_q & end1_q) last_q <= last1_q;
      if (take & (chunk_i == 8'd0)) begin
        gathered_q <= '0;
        length_q   <= {row_chunks_i - 9'd1, 4'd0} + {8'd0, row_tail_i};
        zeros_q    <= {row_chunks_i - 9'd1, 4'd0} + {8'd0, row_tail_i};
      end else if (zero_go) begin
        zeros_q <= below;
      end
    end
  end

  assign busy_o  = v1_q | fill_q;
  assign valid_o = number_go | zero_go | fill_q;
  always_comb begin
    item_o        = '0;
    item_o.placed = 1'b1;
    item_o.offset = {found_q, 2'd0};
    item_o.bytes  = 7'd64;
    item_o.data   = merged[511:0];
    if (zero_go) begin
      item_o.offset = {below, 2'd0};
      item_o.bytes  = {5'(zeros_q - below), 2'd0};
      item_o.data   = '0;
    end else if (close_go) begin
      item_o.bytes = rest > 13'd16 ? 7'd64 : {rest[4:0], 2'd0};
      item_o.data  = gathered_q;
    end else if (fill_q) begin
      item_o.aux     = 1'b1;
      item_o.placed  = 1'b0;
      item_o.advance = 1'b1;
      item_o.data    = {499'd0, found_q + {9'd0, count_q}};
      item_o.last    = last_q;
    end
  end
endmodule
