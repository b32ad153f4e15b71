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
  logic [N*6-1:0]   value_q, value_d;
  logic [Units-1:0] enough;
  logic             active, overflow;
  logic [7:0]       next;

  always_comb begin
    for (int u = 0; u < Units; u++) begin
      enough[u] = ask_i[u] && value_q[32'(ask_sem_i[u*5 +: 5])*6 +: 6] >= ask_count_i[u*6 +: 6];
      take_o[u] = enough[u];
      for (int v = 0; v < u; v++) begin
        if (enough[v] && ask_sem_i[v*5 +: 5] == ask_sem_i[u*5 +: 5]) take_o[u] = 1'b0;
      end
    end
  end

  assign active = |take_o || |post_i;
  always_comb begin
    value_d  = value_q;
    next     = '0;
    overflow = 1'b0;
    if (active) begin
      for (int s = 0; s < N; s++) begin
        next = {2'd0, value_q[s*6 +: 6]};
        for (int u = 0; u < Units; u++) begin
          if (take_o[u] && ask_sem_i[u*5 +: 5] == 5'(s)) next = next - {2'd0, ask_count_i[u*6 +: 6]};
        end
        for (int u = 0; u <= Units; u++) begin
          if (post_i[u] && post_sem_i[u*5 +: 5] == 5'(s)) next = next + {6'd0, post_count_i[u*2 +: 2]};
        end
        if (next > 8'(hadal_isa_pkg::SEMAPHORE_MAX)) overflow = 1'b1;
        value_d[s*6 +: 6] = next[5:0];
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      value_q <= '0;
      fault_o <= 1'b0;
    end else if (active) begin
      value_q <= value_d;
      fault_o <= fault_o | overflow;
    end
  end
endmodule
