// VPRM.TRANSPOSE: a square of 16 x 16 words that shifts either way. A block comes in by rows from one side while the
// block before leaves by columns at the other; then the direction changes. A block is always 16 shifts, edges padded.
module hadal_vx_transpose (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                en_i,
  input  logic                valid_i,
  output logic                ready_o,
  input  logic [511:0]        a_i,
  input  logic                block_end_i,  // last row of its block
  input  logic [4:0]          cols_i,       // columns of the block
  input  logic                last_i,       // block of the instruction
  output logic                busy_o,
  output logic                valid_o,
  output hadal_vx_pkg::item_t item_o
);
  logic [511:0] rows_q [16];
  logic         down_q;            // rows enter at row 15 and move to row 0; otherwise at column 15, to column 0
  logic [3:0]   shift_q;           // shifts done
  logic         pad_q;             // the block that comes in has no more rows
  logic         in_q, last_in_q;   // a block comes in: something was taken
  logic [4:0]   in_cols_q;
  logic         out_q, last_out_q; // a block leaves
  logic [4:0]   out_cols_q;
  logic         take, shift, turn;

  assign ready_o = ~pad_q;
  assign take    = valid_i & ready_o;
  // The last block of an instruction is moved out alone when nothing follows at once.
  assign shift   = take | pad_q | (out_q & last_out_q & ~in_q & ~valid_i);
  assign turn    = shift & (shift_q == 4'd15);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      down_q  <= 1'b0;
      shift_q <= 4'd0;
      pad_q   <= 1'b0;
      in_q    <= 1'b0;
      out_q   <= 1'b0;
    end else if (en_i & shift) begin
      shift_q <= shift_q + 4'd1;
      if (turn) begin
        down_q <= ~down_q;
        pad_q  <= 1'b0;
        in_q   <= 1'b0;
        out_q  <= in_q | take;
      end else begin
        // Once the old block leaves alone, a new one waits until it has left.
        pad_q <= pad_q | (take & block_end_i) | (~take & ~pad_q);
        in_q  <= in_q | take;
      end
    end
  end

  logic [511:0] fill, column0;
  assign fill = take ? a_i : 512'd0;
  for (genvar r = 0; r < 16; r++) begin : g_row
    assign column0[32*r+:32] = rows_q[r][31:0];
    always_ff @(posedge clk_i) begin
      if (en_i & shift) begin
        if (down_q) rows_q[r] <= (r == 15) ? fill : rows_q[(r + 1) % 16];
        else        rows_q[r] <= {fill[32*r+:32], rows_q[r][511:32]};
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (en_i & shift) begin
      if (take) begin
        in_cols_q <= cols_i;
        last_in_q <= last_i;
      end
      if (turn) begin
        out_cols_q <= take ? cols_i : in_cols_q;
        last_out_q <= take ? last_i : last_in_q;
      end
    end
  end

  assign busy_o  = in_q | out_q | pad_q;
  assign valid_o = shift & out_q & ({1'b0, shift_q} < out_cols_q);
  always_comb begin
    item_o      = '0;
    item_o.last = last_out_q & ({1'b0, shift_q} == out_cols_q - 5'd1);
    item_o.data = down_q ? rows_q[0] : column0;
  end
endmodule
