// VRED.SUM in the architectural order of 128 lanes on 16 adders (docs/numerics.md, N9).
//
// Architectural lane l is lane l % 16 of group l / 16; a chunk adds to one group. At the end of a row groups fold as
// lanes 64, 32 and 16 apart do, then a tree adds what is left in one group. Groups a row did not reach hold +0, and
// adding that changes nothing (no lane is ever -0), so their folds are left out.
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
  logic [511:0] group_q [8];
  logic [2:0]   next_q;        // group of the next chunk
  logic [7:0]   seen_q;        // groups of this row
  logic         fold_q;        // the row is complete
  logic         last_q, bf16_q;

  logic         v1_q;          // an addition is under way
  logic [2:0]   to1_q;         // to this group
  logic [7:0]   pending;       // groups whose sum is not written yet

  //////////////
  // Schedule //
  //////////////

  // The next fold: the highest group that still holds something goes to the group half as far.
  logic [2:0] from, to;
  logic       one_group;   // only group 0 is left: it goes to the tree, and the next row may begin
  logic       fold_go, leave, take;
  always_comb begin
    from = 3'd0;
    for (int g = 1; g < 8; g++) if (seen_q[g]) from = 3'(g);
    to = from[2] ? {1'b0, from[1:0]} : from[1] ? {2'b00, from[0]} : 3'd0;
  end
  assign one_group = from == 3'd0;
  assign pending = v1_q ? (8'd1 << to1_q) : 8'd0;
  assign fold_go = fold_q & ~pending[from] & ~pending[to];
  assign leave   = fold_go & one_group;
  assign ready_o = fold_q ? leave : ~pending[next_q];
  assign take    = valid_i & ready_o;

  ////////////
  // Adders //
  ////////////

  logic [511:0] left, right, sum;
  logic         folding;
  assign folding = fold_q & ~one_group;
  for (genvar l = 0; l < 16; l++) begin : g_lane
    assign left[32*l+:32]  = folding ? group_q[to][32*l+:32] : (seen_q[next_q] & ~fold_q) ? group_q[next_q][32*l+:32] : 32'd0;
    assign right[32*l+:32] = folding ? group_q[from][32*l+:32] : (5'(l) < count_i) ? a_i[32*l+:32] : 32'd0;
    hadal_vx_fp_add u_add (.clk_i, .en_i, .a_i(left[32*l+:32]), .b_i(right[32*l+:32]), .y_o(sum[32*l+:32]));
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      next_q <= 3'd0;
      seen_q <= 8'd0;
      fold_q <= 1'b0;
      v1_q   <= 1'b0;
    end else if (en_i) begin
      v1_q <= take | (fold_go & ~one_group);
      if (fold_go & ~one_group) seen_q[from] <= 1'b0;
      if (leave) begin
        fold_q <= 1'b0;
        seen_q <= 8'd0;
      end
      if (take) begin
        next_q         <= row_end_i ? 3'd0 : next_q + 3'd1;
        seen_q[next_q] <= 1'b1;
        fold_q         <= row_end_i;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      to1_q <= folding ? to : next_q;
      if (v1_q) group_q[to1_q] <= sum;
      if (take) begin
        last_q <= last_i;
        bf16_q <= bf16_i;
      end
    end
  end

  //////////
  // Tree //
  //////////

  logic tree_busy;
  hadal_vx_sum_tree u_tree (
    .clk_i, .rst_ni, .en_i, .valid_i(leave), .words_i(group_q[0]), .last_i(last_q), .bf16_i(bf16_q),
    .busy_o(tree_busy), .valid_o, .item_o
  );
  assign busy_o = fold_q | v1_q | tree_busy | (|seen_q);
endmodule
