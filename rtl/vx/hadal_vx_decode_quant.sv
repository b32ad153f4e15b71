// Streams of E4M3 tiles and of their scales, for VQNT (write) and VCVT.Q2F (read). What depends on products of
// rows and strides is right a cycle after the inputs, which stay.
module hadal_vx_decode_quant (
  input  logic                  clk_i,
  input  logic [15:0]           digits_line_i,
  input  logic                  digits_acc_i,
  input  logic [15:0]           scales_line_i,
  input  logic [15:0]           qrs_i,   // as configured: lines
  input  logic [15:0]           qgs_i,
  input  logic [15:0]           qds_i,
  input  logic [19:0]           srs_i,   // words
  input  logic [19:0]           sgs_i,
  input  logic [9:0]            rows_i,
  input  logic [9:0]            rows_less_i,   // less 1
  input  logic [11:0]           cols_less_i,
  input  logic [14:0]           blocks_rows_i, // blocks of 128 columns, less 1, times rows
  input  logic [1:0]            group_code_i,  // 0: 128, 1: 64, 2: 32
  input  logic                  two_digits_i,
  output hadal_vx_pkg::stream_t digits_write_o,
  output hadal_vx_pkg::stream_t scales_write_o,
  output hadal_vx_pkg::stream_t digits_read_o,
  output hadal_vx_pkg::stream_t scales_read_o,
  output hadal_vx_pkg::extent_t digits_write_lines_o,
  output hadal_vx_pkg::extent_t digits_read_lines_o,
  output hadal_vx_pkg::extent_t scales_lines_o,
  output logic [3:0]            group_chunks_o,
  output logic [7:0]            groups_o,
  output logic [9:0]            group_part_o   // chunks that exist in the last group, less 1
);
  localparam int unsigned Aw = hadal_vx_pkg::AddressWidth;

  logic [15:0]   qrs, qgs_q;
  logic [21:0]   srs, sgs;  // bytes
  // Products in two parts each
  logic [15:0]   rows_low_q, rows_high_q, blocks_low_q, blocks_high_q;
  logic [21:0]   scales_low_q, scales_high_q, groups_q;
  logic [11:0]   last_col;
  logic [4:0]    last_block;
  logic [5:0]    blocks;
  logic [Aw-1:0] digits_base, scales_base, digits_end, write_end, scales_end;
  logic [2:0]    last_chunk_of_group;
  logic [6:0]    last_group;
  logic [4:0]    last;

  assign qrs         = (qrs_i != 16'd0) ? qrs_i : 16'd2;
  assign srs         = (srs_i != 20'd0) ? {srs_i, 2'd0} : 22'd4;
  assign sgs         = (sgs_i != 20'd0) ? {sgs_i, 2'd0} : {10'd0, rows_i, 2'd0};
  assign last_col    = cols_less_i;
  assign last_block  = last_col[11:7];
  assign blocks      = {1'b0, last_block} + 6'd1;
  assign last        = {1'b0, last_col[3:0]} + 5'd1;
  assign digits_base = {digits_line_i, 6'd0};
  assign scales_base = {scales_line_i, 6'd0};

  always_comb begin
    case (group_code_i)
      2'd0: begin
        group_chunks_o      = 4'd8;
        last_group          = {2'd0, last_col[11:7]};
        last_chunk_of_group = last_col[6:4];
      end
      2'd1: begin
        group_chunks_o      = 4'd4;
        last_group          = {1'b0, last_col[11:6]};
        last_chunk_of_group = {1'b0, last_col[5:4]};
      end
      default: begin
        group_chunks_o      = 4'd2;
        last_group          = last_col[11:5];
        last_chunk_of_group = {2'd0, last_col[4]};
      end
    endcase
  end
  assign groups_o     = {1'b0, last_group} + 8'd1;
  assign group_part_o = {7'd0, last_chunk_of_group};

  always_ff @(posedge clk_i) begin
    qgs_q         <= (qgs_i != 16'd0) ? qgs_i : {6'd0, rows_i} * qrs;
    rows_low_q    <= {11'd0, rows_less_i[4:0]} * qrs;
    rows_high_q   <= {6'd0, rows_less_i[9:5], 5'd0} * qrs;
    blocks_low_q  <= (qgs_i != 16'd0) ? {11'd0, last_block} * qgs_i : {8'd0, blocks_rows_i[7:0]} * qrs;
    blocks_high_q <= (qgs_i != 16'd0) ? 16'd0 : {1'b0, blocks_rows_i[14:8], 8'd0} * qrs;
    scales_low_q  <= {17'd0, rows_less_i[4:0]} * srs;
    scales_high_q <= {12'd0, rows_less_i[9:5], 5'd0} * srs;
    groups_q      <= {15'd0, last_group} * sgs;
  end

  // The last lines touched: of the last block and row, two lines a row at most.
  assign digits_end = digits_base + {blocks_low_q + blocks_high_q + rows_low_q + rows_high_q + 16'd1, 6'd0};
  assign write_end  = two_digits_i ? digits_end + {qds_i, 6'd0} : digits_end;
  assign scales_end = scales_base + scales_low_q + scales_high_q + groups_q;

  assign digits_write_lines_o = {1'b1, 1'b0, digits_line_i, write_end[Aw-1:6]};
  assign digits_read_lines_o  = {1'b1, digits_acc_i, digits_line_i, digits_end[Aw-1:6]};
  assign scales_lines_o       = {1'b1, 1'b0, scales_line_i, scales_end[Aw-1:6]};

  always_comb begin
    digits_write_o            = '0;
    digits_write_o.used       = 1'b1;
    digits_write_o.base       = digits_base;
    digits_write_o.step_i     = 22'd16;
    digits_write_o.step_pass  = {qds_i, 6'd0};
    digits_write_o.step_j     = {14'd0, group_chunks_o, 4'd0};
    digits_write_o.step_block = {qgs_q, 6'd0};
    digits_write_o.step_k     = {qrs, 6'd0};
    digits_write_o.n_i        = {6'd0, group_chunks_o};
    digits_write_o.n_i_last   = {6'd0, group_chunks_o};
    digits_write_o.i_part     = {6'd0, group_chunks_o};
    digits_write_o.n_pass     = two_digits_i ? 2'd2 : 2'd1;
    digits_write_o.j_mask     = (group_code_i == 2'd0) ? 2'd0 : (group_code_i == 2'd1) ? 2'd1 : 2'd3;
    digits_write_o.n_j        = groups_o;
    digits_write_o.n_k        = rows_i;
    digits_write_o.bytes      = 7'd16;
    digits_write_o.bytes_last = 7'd16;
  end

  always_comb begin
    digits_read_o            = digits_write_o;
    digits_read_o.acc        = digits_acc_i;
    digits_read_o.n_i        = 10'd8;
    digits_read_o.n_i_last   = {7'd0, last_col[6:4]} + 10'd1;
    digits_read_o.i_part     = {7'd0, last_col[6:4]};
    digits_read_o.n_pass     = 2'd1;
    digits_read_o.j_mask     = 2'd0;
    digits_read_o.n_j        = {2'd0, blocks};
    digits_read_o.bytes_last = {2'd0, last};
  end

  always_comb begin
    scales_write_o            = '0;
    scales_write_o.used       = 1'b1;
    scales_write_o.base       = scales_base;
    scales_write_o.step_block = sgs;
    scales_write_o.step_k     = srs;
    scales_write_o.n_i        = 10'd1;
    scales_write_o.n_i_last   = 10'd1;
    scales_write_o.n_pass     = 2'd1;
    scales_write_o.n_j        = groups_o;
    scales_write_o.n_k        = rows_i;
    scales_write_o.bytes      = 7'd4;
    scales_write_o.bytes_last = 7'd4;
  end

  // One scale for every chunk of its group.
  always_comb begin
    scales_read_o          = scales_write_o;
    scales_read_o.n_i      = {6'd0, group_chunks_o};
    scales_read_o.n_i_last = {7'd0, last_chunk_of_group} + 10'd1;
    scales_read_o.i_part   = 10'd15;
  end
endmodule
