// The counting semaphores. A unit takes tokens in the cycle in which it asks and there are enough; of several that ask
// for the same semaphore the lowest goes first. Posts are seen by waits of the next cycle.
module hadal_sem #(
  parameter int Units = 6
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic [Units-1:0]   ask_i,       // could issue now
  input  logic [Units*5-1:0] ask_sem_i,
  input  logic [Units*6-1:0] ask_count_i, // not 0
  output logic [Units-1:0]   take_o,
  input  logic [Units:0]     post_i,      // of the units, and last from other cores
  input  logic [Units*5+4:0] post_sem_i,
  input  logic [Units*2+1:0] post_count_i,
  output logic               fault_o      // a post went beyond the largest value
);
  localparam int N = hadal_isa_pkg::SEMAPHORES;
  logic [N*6-1:0]     value_q, value_d;
  logic [N-1:0]       beyond, beyond_q;
  logic [Units*N-1:0] asks;   // who asks for which
  logic [Units-1:0]   first;  // the lowest of those that ask for the same one, if it has enough
  logic [Units-1:0]   enough;
  logic               active;

  // Of each semaphore at most one unit takes. Posts are added while that is being decided.
  always_comb begin
    asks = '0;
    for (int u = 0; u < Units; u++) begin
      enough[u] = ask_i[u] && value_q[32'(ask_sem_i[u*5 +: 5])*6 +: 6] >= ask_count_i[u*6 +: 6];
      first[u]  = 1'b1;
      for (int v = 0; v < u; v++) begin
        if (enough[v] && ask_sem_i[v*5 +: 5] == ask_sem_i[u*5 +: 5]) first[u] = 1'b0;
      end
      for (int s = 0; s < N; s++) asks[u*N + s] = ask_sem_i[u*5 +: 5] == 5'(s);
    end
    take_o = enough & first;
  end

  assign active = |take_o || |post_i;
  for (genvar s = 0; s < N; s++) begin : gen_value
    logic [7:0] posted, next;
    logic [5:0] taken;
    always_comb begin
      posted = {2'd0, value_q[s*6 +: 6]};
      for (int u = 0; u <= Units; u++) begin
        if (post_i[u] && post_sem_i[u*5 +: 5] == 5'(s)) posted = posted + {6'd0, post_count_i[u*2 +: 2]};
      end
      taken = '0;
      for (int u = 0; u < Units; u++) taken = taken | (ask_count_i[u*6 +: 6] & {6{take_o[u] && asks[u*N + s]}});
      next = posted - {2'd0, taken};
    end
    assign value_d[s*6 +: 6] = next[5:0];
    assign beyond[s]         = next > 8'(hadal_isa_pkg::SEMAPHORE_MAX);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      value_q  <= '0;
      beyond_q <= '0;
      fault_o  <= 1'b0;
    end else begin
      if (active) value_q <= value_d;
      beyond_q <= active ? beyond : '0;
      fault_o  <= fault_o | (|beyond_q);
    end
  end
endmodule
