// The largest of four keys and its number, the lowest among equals. All pairs are compared side by side. Combinational.
module hadal_vx_max_of_four (
  input  logic [127:0] keys_i,
  output logic [31:0]  best_o,
  output logic [1:0]   number_o
);
  logic [3:0] best;  // one of them: above all before it, not below any behind it
  always_comb begin
    best   = 4'hF;
    best_o = '0;
    for (int low = 0; low < 4; low++) begin
      for (int high = low + 1; high < 4; high++) begin
        if (keys_i[32*high+:32] > keys_i[32*low+:32]) best[low] = 1'b0;
        else best[high] = 1'b0;
      end
    end
    for (int i = 0; i < 4; i++) best_o = best_o | (keys_i[32*i+:32] & {32{best[i]}});
  end
  assign number_o = {best[3] | best[2], best[3] | best[1]};
endmodule
