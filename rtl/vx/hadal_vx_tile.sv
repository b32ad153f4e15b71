// The stream of a tile operand and the lines it covers: rows of chunks, or one element a row. The lines are right a
// cycle after the inputs, which stay: the way from the first row to the last is a product, kept in two
// parts.
module hadal_vx_tile (
  input  logic                  clk_i,
  input  logic                  used_i,
  input  logic                  acc_i,
  input  logic [15:0]           line_i,
  input  logic [3:0]            offset_i,    // words
  input  logic [15:0]           stride_i,    // configured, lines; 0: dense
  input  logic                  bf16_i,
  input  logic [8:0]            dense_i,     // lines of a dense row
  input  logic [9:0]            rows_i,
  input  logic [9:0]            rows_less_i, // less 1
  input  logic [11:0]           cols_i,      // of the tile in memory; ignored with element_i
  input  logic [9:0]            n_i,         // chunks a row in the stream
  input  logic                  same_row_i,  // every row is row 0
  input  logic                  element_i,   // one element a row, in every chunk
  output hadal_vx_pkg::stream_t stream_o,
  output hadal_vx_pkg::extent_t extent_o
);
  localparam int unsigned Aw = hadal_vx_pkg::AddressWidth;

  logic [15:0]   stride;
  logic [Aw-1:0] base, step_k, row_bytes, low_q, high_q, last_byte;
  logic [6:0]    last_bytes;
  logic [4:0]    last;

  assign stride     = (stride_i != 16'd0) ? stride_i : {7'd0, dense_i};
  assign base       = {line_i, 6'd0} + {16'd0, offset_i, 2'd0};
  assign last       = {1'b0, cols_i[3:0] - 4'd1} + 5'd1;
  assign last_bytes = bf16_i ? {1'b0, last, 1'b0} : {last, 2'd0};
  assign row_bytes  = element_i ? (bf16_i ? 22'd2 : 22'd4) : (bf16_i ? {9'd0, cols_i, 1'b0} : {8'd0, cols_i, 2'd0});
  always_ff @(posedge clk_i) begin
    low_q  <= {17'd0, rows_less_i[4:0]} * step_k;
    high_q <= {12'd0, rows_less_i[9:5], 5'd0} * step_k;
  end
  assign last_byte  = base + low_q + high_q + row_bytes - 22'd1;

  always_comb begin
    step_k = {stride, 6'd0};
    if (element_i && stride_i == 16'd0) step_k = bf16_i ? 22'd2 : 22'd4;
    if (same_row_i) step_k = '0;
  end

  always_comb begin
    stream_o            = '0;
    stream_o.used       = used_i;
    stream_o.acc        = acc_i;
    stream_o.base       = base;
    stream_o.step_i     = element_i ? 22'd0 : (bf16_i ? 22'd32 : 22'd64);
    stream_o.step_k     = step_k;
    stream_o.n_i        = n_i;
    stream_o.n_i_last   = n_i;
    stream_o.i_part     = n_i - 10'd1;
    stream_o.n_pass     = 2'd1;
    stream_o.n_j        = 8'd1;
    stream_o.n_k        = rows_i;
    stream_o.bytes      = element_i ? row_bytes[6:0] : (bf16_i ? 7'd32 : 7'd64);
    stream_o.bytes_last = element_i ? row_bytes[6:0] : last_bytes;
  end

  assign extent_o = {used_i, acc_i, base[Aw-1:6], last_byte[Aw-1:6]};
endmodule
