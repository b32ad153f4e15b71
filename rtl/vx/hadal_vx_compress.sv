// VSEL.COMPRESS: the column numbers of elements at or above the threshold, in order, then zeros, then their count.
//
// While chunks without a hit pass, zeros go to the row from its end down; a number that needs the place later simply
// overwrites them, since writes keep their order. What is left between the two is filled after the last chunk.
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
  logic       fill_q;           // zeros of the row, then its count
  logic       last_q;

  assign ready_o = ~fill_q & ~(v1_q & end1_q);
  assign take    = valid_i & ready_o;

  //////////////////////////////////////
  // 2: their numbers side by side    //
  //////////////////////////////////////

  logic [511:0] numbers;
  logic [4:0]   hits;
  logic [12:0]  found_q;        // numbers of the row so far
  logic [12:0]  zeros_q;        // the row is zero from here on
  always_comb begin
    numbers = '0;
    hits    = 5'd0;
    for (int l = 0; l < 16; l++) begin
      if (hit_q[l]) begin
        numbers[32*hits[3:0]+:32] = {20'd0, chunk1_q, 4'(l)};
        hits = hits + 5'd1;
      end
    end
  end
  // The next zeros: up to 16 words below those that are there, ending at a multiple of 16.
  logic [12:0] below, lowest;
  logic        gap, zero_go, number_go;
  assign below     = {9'((zeros_q - 13'd1) >> 4), 4'd0};
  assign lowest    = (below > found_q) ? below : found_q;
  assign gap       = zeros_q > found_q;
  assign number_go = v1_q & (hits != 5'd0);
  assign zero_go   = gap & (fill_q | (v1_q & ~number_go));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      v1_q    <= 1'b0;
      fill_q  <= 1'b0;
      found_q <= '0;
    end else if (en_i) begin
      v1_q <= take;
      if (v1_q) begin
        found_q <= found_q + {8'd0, hits};
        fill_q  <= end1_q;
      end
      if (fill_q & ~gap) begin
        fill_q  <= 1'b0;
        found_q <= '0;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      hit_q    <= hit;
      chunk1_q <= chunk_i;
      end1_q   <= end_i;
      last1_q  <= last_i;
      if (v1_q & end1_q) last_q <= last1_q;
      if (take & (chunk_i == 8'd0)) zeros_q <= {row_chunks_i - 9'd1, 4'd0} + {8'd0, row_tail_i};
      else if (zero_go)             zeros_q <= lowest;
    end
  end

  assign busy_o  = v1_q | fill_q;
  assign valid_o = number_go | zero_go | fill_q;
  always_comb begin
    item_o        = '0;
    item_o.placed = 1'b1;
    item_o.offset = {found_q, 2'd0};
    item_o.bytes  = {hits, 2'd0};
    item_o.data   = numbers;
    if (zero_go) begin
      item_o.offset = {lowest, 2'd0};
      item_o.bytes  = {5'(zeros_q - lowest), 2'd0};
      item_o.data   = '0;
    end else if (fill_q) begin
      item_o.aux     = 1'b1;
      item_o.placed  = 1'b0;
      item_o.advance = 1'b1;
      item_o.data    = {499'd0, found_q};
      item_o.last    = last_q;
    end
  end
endmodule
