// First in, first out; a word is visible the cycle after it was pushed.
module hadal_vx_fifo #(
  parameter int unsigned Width = 8,
  parameter int unsigned Depth = 8
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             push_i,  // not when full_o
  input  logic [Width-1:0] data_i,
  output logic             full_o,
  output logic             valid_o,
  output logic [Width-1:0] data_o,
  input  logic             pop_i    // not when !valid_o
);
  localparam int unsigned Pw = (Depth > 1) ? $clog2(Depth) : 1;

  logic [Width-1:0] words_q [Depth];
  logic [Pw-1:0]    head_q, tail_q;
  logic [Pw:0]      count_q;

  assign full_o  = count_q == (Pw + 1)'(Depth);
  assign valid_o = count_q != '0;
  assign data_o  = words_q[head_q];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      head_q  <= '0;
      tail_q  <= '0;
      count_q <= '0;
    end else begin
      if (push_i) tail_q <= (tail_q == Pw'(Depth - 1)) ? '0 : tail_q + 1'b1;
      if (pop_i)  head_q <= (head_q == Pw'(Depth - 1)) ? '0 : head_q + 1'b1;
      count_q <= count_q + (Pw + 1)'(push_i) - (Pw + 1)'(pop_i);
    end
  end
  always_ff @(posedge clk_i) begin
    if (push_i) words_q[tail_q] <= data_i;
  end
endmodule
