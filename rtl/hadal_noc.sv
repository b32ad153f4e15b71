// Connects the network ports of N cores: a bus that carries one message at a time to all cores of its mask, taken from
// the cores in turn. A message is acknowledged to its sender when every receiver has taken it, that is, has written it.
module hadal_noc #(
  parameter int N = 1
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic [N-1:0]     valid_i,
  input  logic [N*hadal_pkg::FlitW-1:0] flit_i,
  output logic [N-1:0]     ready_o,
  output logic [N-1:0]     ack_o,
  output logic [N-1:0]     valid_o,
  output hadal_pkg::flit_t flit_o,
  input  logic [N-1:0]     ready_i
);
  logic             busy_q, free;
  logic [N-1:0]     left_q, taken, pick;
  hadal_pkg::flit_t flit_q, chosen;
  logic [5:0]       turn_q;

  assign valid_o = busy_q ? left_q : '0;
  assign flit_o  = flit_q;
  assign taken   = valid_o & ready_i;
  assign free    = !busy_q || (left_q & ~taken) == '0;

  // The first that asks, from the one whose turn it is.
  always_comb begin
    pick   = '0;
    chosen = flit_i[hadal_pkg::FlitW-1:0];
    for (int k = N - 1; k >= 0; k--) begin : choose
      int c;
      c = (32'(turn_q) + k) % N;
      if (valid_i[c]) begin
        pick    = '0;
        pick[c] = 1'b1;
        chosen  = flit_i[c*hadal_pkg::FlitW +: hadal_pkg::FlitW];
      end
    end
  end
  assign ready_o = free ? pick : '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      left_q <= '0;
      turn_q <= '0;
      ack_o  <= '0;
    end else begin
      if (busy_q && free && flit_q.ack) ack_o <= N'(1) << flit_q.from;
      else ack_o <= '0;
      if (free) begin
        busy_q <= pick != '0;
        left_q <= N'(chosen.mask);
        if (pick != '0) turn_q <= turn_q == 6'(N - 1) ? '0 : turn_q + 6'd1;
      end else begin
        left_q <= left_q & ~taken;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (free) flit_q <= chosen;
  end
endmodule
