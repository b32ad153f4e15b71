// Runs the dot units over the tiles of an MMA: groups outside columns outside row tiles, and within a step the digit
// passes hh, hl, lh, ll. A step whose last operands go out is described to the drain through a queue.
module mm_seq #(
  parameter int R  = 8,
  parameter int Kd = 16
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             valid_i,
  input  hadal_pkg::mma_t  mma_i,
  output logic             finish_o,    // its last operands go out
  input  logic             enable_i,    // the dot units move
  input  logic             room_i,      // the drain's queue has room
  // buffers
  input  logic [3:0]       a_full_set_i,
  input  logic [3:0]       b_full_set_i,
  output logic [2:0]       a_freed_o,
  output logic [2:0]       b_freed_o,
  output logic [1:0]       a_plane_o,   // to read
  output logic [1:0]       b_plane_o,
  output logic [1:0]       a_set_o,     // first planes of the tiles: their scales
  output logic [1:0]       b_set_o,
  output logic [$clog2(128/Kd)-1:0] step_o,
  output logic             go_o,
  output logic             first_o,
  output logic             last_o,
  // the step, with last_o; or an instruction without steps
  output logic             push_o,
  output logic             none_o,
  output logic             end_o,       // last step of the instruction
  output logic             group0_o,
  output logic [3:0]       rows_o,
  output logic [16:0]      piece_o      // of ACC: first row
);
  localparam int RW = $clog2(R);
  localparam int StepW = $clog2(128/Kd);

  logic [7:0]       g_q, j_q, i_q, row0, rows_left;
  logic [StepW-1:0] step_q, step_end;
  logic [1:0]       pass_q;     // digit of A, digit of B
  logic [3:0]       a_full_q, b_full_q;
  logic [1:0]       a_first_q, b_first_q;
  logic [15:0]      row_line_q, row_line;
  logic             one_row_tile, i_last, j_last, g_last, pass_last, step_last, go, last, a_free, b_free;

  assign one_row_tile = mma_i.m <= 8'(R);
  assign row0      = {i_q[7-RW:0], {RW{1'b0}}};
  assign rows_left = mma_i.m - row0;
  assign i_last = rows_left <= 8'(R);
  assign j_last = j_q == mma_i.col_tiles - 8'd1;
  assign g_last = g_q == mma_i.groups - 8'd1;
  assign step_end  = StepW'((8'd128 >> mma_i.gcode) / 8'(Kd) - 8'd1);
  assign step_last = step_q == step_end;
  assign pass_last = (pass_q[1] || !mma_i.da) && (pass_q[0] || !mma_i.db);
  assign last      = step_last && pass_last;
  assign go = valid_i && !mma_i.empty && enable_i && a_full_q[a_first_q] && b_full_q[b_first_q] && (!last || room_i);

  assign go_o      = go;
  assign first_o   = step_q == '0 && pass_q == '0;
  assign last_o    = last;
  assign a_set_o   = a_first_q;
  assign b_set_o   = b_first_q;
  assign a_plane_o = a_first_q + {1'b0, pass_q[1]};
  assign b_plane_o = b_first_q + {1'b0, pass_q[0]};
  assign step_o    = step_q;
  assign none_o    = valid_i && mma_i.empty && room_i && enable_i;
  assign push_o    = (go && last) || none_o;
  assign end_o     = none_o || (i_last && j_last && g_last);
  assign finish_o  = push_o && end_o;
  assign group0_o  = g_q == '0;
  assign rows_o    = none_o ? 4'd0 : i_last ? 4'(rows_left) : 4'(R);
  assign row_line  = i_q == '0 ? mma_i.c : row_line_q;
  assign piece_o   = {row_line + {9'd0, j_q[7:1]}, j_q[0]};

  assign a_free    = go && last && (j_last || !one_row_tile);
  assign b_free    = go && last && i_last;
  assign a_freed_o = a_free ? (mma_i.da ? 3'd2 : 3'd1) : 3'd0;
  assign b_freed_o = b_free ? (mma_i.db ? 3'd2 : 3'd1) : 3'd0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      {g_q, j_q, i_q} <= '0;
      step_q    <= '0;
      pass_q    <= '0;
      a_full_q  <= '0;
      b_full_q  <= '0;
      a_first_q <= '0;
      b_first_q <= '0;
    end else begin
      a_full_q <= (a_full_q & ~(a_free ? 4'd1 << a_first_q : 4'd0)) | a_full_set_i;
      b_full_q <= (b_full_q & ~(b_free ? 4'd1 << b_first_q : 4'd0)) | b_full_set_i;
      if (a_free) a_first_q <= a_first_q + a_freed_o[1:0];
      if (b_free) b_first_q <= b_first_q + b_freed_o[1:0];
      if (go) begin
        step_q <= step_last ? '0 : step_q + 1'b1;
        if (step_last) begin
          if (pass_last) pass_q <= '0;
          else if (mma_i.db && !pass_q[0]) pass_q[0] <= 1'b1;
          else pass_q <= 2'b10;
        end
        if (last) begin
          i_q <= i_last ? '0 : i_q + 8'd1;
          if (i_last) j_q <= j_last ? '0 : j_q + 8'd1;
          if (i_last && j_last) g_q <= g_last ? '0 : g_q + 8'd1;
        end
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (go && last) row_line_q <= row_line + (mma_i.c_row << RW);
  end
endmodule
