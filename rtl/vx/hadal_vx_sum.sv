// VRED.SUM in the architectural order of 128 lanes on 16 adders (docs/numerics.md, N9).
//
// Architectural lane l is lane l % 16 of group l / 16; a chunk adds to one group. At the end of a row groups fold as
// lanes 64, 32 and 16 apart do, then a tree adds what is left in one group. Groups a row did not reach hold +0, and
// adding that changes nothing (no lane is ever -0), so their folds are left out.
//
// What is added is decided in one cycle, which fetches the operands, and added in the two that follow: a sum is there
// for what is decided in the second. Folds wait for one another; meanwhile the next row begins, with its groups stored
// four places further, where the row that folds is done first.
module hadal_vx_sum (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                en_i,
  input  logic                valid_i,
  output logic                ready_o,
  input  logic [511:0]        a_i,
  input  logic [4:0]          count_i,      // elements
  input  logic                row_end_i,
  input  logic                last_i,
  input  logic                bf16_i,
  output logic                busy_o,
  output logic                valid_o,
  output hadal_vx_pkg::item_t item_o
);
  // The row that comes in, and the complete one that folds: groups that hold something, by place.
  logic [2:0]   next_q;                     // group of the next chunk
  logic         base_q, fold_base_q;        // group g is at place g ^ (4 base)
  logic [7:0]   seen_q, fold_seen_q;
  logic         fold_q, last_q, bf16_q;
  logic         leave_q, last_leave_q, bf16_leave_q;  // a complete row, on its way to the tree
  // Places that additions under way will write: one begins in this cycle, one ends in it
  logic [7:0]   begin_q, end_q;

  //////////////
  // Schedule //
  //////////////

  // Folds 64 lanes apart come first, then 32, then 16, each from the lowest group on: the one that was ready first.
  logic [7:0] held;        // fold_seen_q by group
  logic [2:0] from, to, place;
  logic       one_group;   // only group 0 is left: it goes to the tree
  logic       ready_pair, folding, leave, take;
  always_comb begin
    held = fold_base_q ? {fold_seen_q[3:0], fold_seen_q[7:4]} : fold_seen_q;
    from = 3'd0;
    if (held[1]) from = 3'd1;
    if (held[3]) from = 3'd3;
    if (held[2]) from = 3'd2;
    for (int g = 7; g >= 4; g--) if (held[g]) from = 3'(g);
    to = from[2] ? {1'b0, from[1:0]} : from[1] ? {2'b00, from[0]} : 3'd0;
    from[2] = from[2] ^ fold_base_q;
    to[2]   = to[2] ^ fold_base_q;
  end
  assign one_group  = held[7:1] == 7'd0;
  assign ready_pair = fold_q & ~begin_q[from] & ~begin_q[to];
  assign folding    = ready_pair & ~one_group;
  assign leave      = ready_pair & one_group;

  assign place   = {next_q[2] ^ base_q, next_q[1:0]};
  assign ready_o = ~folding & ~begin_q[place] & ~(fold_q & fold_seen_q[place] & ~leave) &
                   (~row_end_i | ~fold_q | leave);
  assign take    = valid_i & ready_o;

  ////////////
  // Adders //
  ////////////

  // An operand may be on its way into its group. `right` is also what leaves.
  logic [7:0] to_place, from_place, left, left_old, right_old;
  logic       left_new, right_new;
  assign to_place   = 8'd1 << (folding ? to : place);
  assign from_place = 8'd1 << from;
  assign left       = folding ? to_place : to_place & seen_q;
  assign left_old   = left & ~end_q;
  assign right_old  = from_place & ~end_q;
  assign left_new   = |(left & end_q);
  assign right_new  = |(from_place & end_q);

  logic [511:0] words;
  for (genvar l = 0; l < 16; l++) begin : g_lane
    logic [31:0] group_q [8];               // by place
    logic [31:0] left_q, right_q, words_q, left_d, right_d, chunk, sum;
    always_comb begin
      left_d  = sum & {32{left_new}};
      right_d = sum & {32{right_new}};
      for (int p = 0; p < 8; p++) begin
        left_d  = left_d | (group_q[p] & {32{left_old[p]}});
        right_d = right_d | (group_q[p] & {32{right_old[p]}});
      end
    end
    assign chunk = (5'(l) < count_i) ? a_i[32*l+:32] : 32'd0;
    hadal_vx_fp_add u_add (.clk_i, .en_i, .a_i(left_q), .b_i(right_q), .y_o(sum));
    always_ff @(posedge clk_i) begin
      if (en_i) begin
        left_q  <= left_d;
        right_q <= folding ? right_d : chunk;
        words_q <= right_d;
        for (int p = 0; p < 8; p++) if (end_q[p]) group_q[p] <= sum;
      end
    end
    assign words[32*l+:32] = words_q;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      next_q      <= 3'd0;
      base_q      <= 1'b0;
      seen_q      <= 8'd0;
      fold_q      <= 1'b0;
      fold_base_q <= 1'b0;
      fold_seen_q <= 8'd0;
      begin_q     <= 8'd0;
      end_q       <= 8'd0;
      leave_q     <= 1'b0;
    end else if (en_i) begin
      begin_q <= to_place & {8{take | folding}};
      end_q   <= begin_q;
      leave_q <= leave;
      if (folding) fold_seen_q[from] <= 1'b0;
      if (leave)   fold_q <= 1'b0;
      if (take) begin
        next_q        <= next_q + 3'd1;
        seen_q[place] <= 1'b1;
        if (row_end_i) begin
          next_q      <= 3'd0;
          base_q      <= ~base_q;
          seen_q      <= 8'd0;
          fold_q      <= 1'b1;
          fold_base_q <= base_q;
          fold_seen_q <= seen_q | (8'd1 << place);
        end
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      if (take & row_end_i) begin
        last_q <= last_i;
        bf16_q <= bf16_i;
      end
      last_leave_q <= last_q;
      bf16_leave_q <= bf16_q;
    end
  end

  //////////
  // Tree //
  //////////

  logic tree_busy;
  hadal_vx_sum_tree u_tree (
    .clk_i, .rst_ni, .en_i, .valid_i(leave_q), .words_i(words), .last_i(last_leave_q), .bf16_i(bf16_leave_q),
    .busy_o(tree_busy), .valid_o, .item_o
  );
  assign busy_o = fold_q | (|begin_q) | (|end_q) | leave_q | tree_busy | (|seen_q);
endmodule
