// Takes the sums of a step a row a cycle through the fix-up lanes into the accumulators. Steps come in a queue with
// their scales; an instruction without steps passes through it to be reported in order. A row waits while the same
// accumulators are still in the lanes.
module mm_drain #(
  parameter int R = 8
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              push_i,
  input  logic              none_i,
  input  logic              end_i,
  input  logic              clear_i,
  input  logic              rescale_i,
  input  logic [3:0]        rows_i,
  input  logic [16:0]       piece_i,
  input  logic [15:0]       row_stride_i,
  input  logic [255:0]      sa_i,
  input  logic [255:0]      alpha_i,
  input  logic [255:0]      sb_i,
  output logic              room_o,
  input  logic              sums_new_i,
  output logic              sums_free_o,
  input  logic [R*8*47-1:0] sums_i,
  output logic              done_o,
  output logic              acc_req_o,
  output logic [16:0]       acc_piece_o,
  input  logic              acc_gnt_i,
  input  logic [255:0]      acc_data_i,
  output logic              acc_we_o,
  output logic [16:0]       acc_wpiece_o,
  output logic [255:0]      acc_wdata_o
);
  // ---- Steps on their way ----
  localparam int StepW = 768 + 16 + 17 + 4 + 4;
  logic [StepW-1:0] queue_q [0:3];
  logic [1:0]       head_q;
  logic [2:0]       count_q;
  logic             pop, none, ends, clear, rescale;
  logic [3:0]       rows;
  logic [16:0]      piece;
  logic [15:0]      stride;
  logic [255:0]     sa, alpha, sb;
  assign room_o = count_q != 3'd4;
  assign {sa, alpha, sb, stride, piece, rows, none, ends, clear, rescale} = queue_q[head_q];
  always_ff @(posedge clk_i) begin
    if (push_i)
      queue_q[head_q + count_q[1:0]] <= {sa_i, alpha_i, sb_i, row_stride_i, piece_i, rows_i, none_i, end_i, clear_i,
                                         rescale_i};
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      head_q  <= '0;
      count_q <= '0;
    end else begin
      if (pop) head_q <= head_q + 2'd1;
      count_q <= count_q + 3'(push_i) - 3'(pop);
    end
  end

  // ---- A row a cycle ----
  logic        sums_q, take, hit, last_row;
  logic [3:0]  row_q;
  logic [15:0] line_q, line;
  localparam int Lanes = 7;  // their stages
  logic [Lanes-1:0]    busy_q;   // what they hold, and where it goes
  logic [Lanes*17-1:0] where_q;
  logic [Lanes-1:0]    ends_q;

  assign line        = row_q == '0 ? piece[16:1] : line_q;
  assign acc_piece_o = {line, piece[0]};
  assign last_row    = row_q == rows - 4'd1;
  always_comb begin
    hit = 1'b0;
    for (int i = 0; i < Lanes; i++) if (busy_q[i] && where_q[i*17 +: 17] == acc_piece_o) hit = 1'b1;
  end
  assign acc_req_o   = sums_q && !none && !clear && !hit;
  assign take        = sums_q && !none && (clear || (acc_req_o && acc_gnt_i));
  assign sums_free_o = !sums_q || (take && last_row);
  assign pop         = (take && last_row) || (count_q != '0 && none);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      sums_q <= 1'b0;
      row_q  <= '0;
      busy_q <= '0;
      ends_q <= '0;
    end else begin
      sums_q <= sums_new_i || (sums_q && !(take && last_row));
      if (take) row_q <= last_row ? '0 : row_q + 4'd1;
      busy_q <= {busy_q[Lanes-2:0], take};
      ends_q <= {ends_q[Lanes-2:0], pop && ends};
    end
  end
  always_ff @(posedge clk_i) begin
    if (take) line_q <= line + stride;
    where_q <= {where_q[(Lanes-1)*17-1:0], acc_piece_o};
  end

  // ---- Lanes ----
  logic [8*47-1:0] row_sums;
  logic [31:0]     row_sa, row_alpha, alpha1_q, alpha2_q;
  logic [2:0]      clear_q, rescale_q;
  always_comb begin
    row_sums = '0;
    for (int r = 0; r < R; r++) if (row_q == 4'(r)) row_sums = row_sums | sums_i[r*8*47 +: 8*47];
  end
  assign row_sa    = sa[32'(row_q[2:0])*32 +: 32];
  assign row_alpha = alpha[32'(row_q[2:0])*32 +: 32];
  always_ff @(posedge clk_i) begin
    clear_q   <= {clear_q[1:0], clear};
    rescale_q <= {rescale_q[1:0], rescale};
    alpha1_q  <= row_alpha;
    alpha2_q  <= alpha1_q;
  end
  for (genvar c = 0; c < 8; c++) begin : gen_lane
    mm_fix u_fix (
      .clk_i, .busy_i(busy_q[5:0]), .en_i(take), .sum_i(row_sums[c*47 +: 47]), .sa_i(row_sa), .sb_i(sb[c*32 +: 32]),
      .alpha3_i(alpha2_q), .acc3_i(acc_data_i[c*32 +: 32]), .clear4_i(clear_q[2]), .rescale4_i(rescale_q[2]),
      .y_o(acc_wdata_o[c*32 +: 32]));
  end
  assign acc_we_o     = busy_q[Lanes-1];
  assign acc_wpiece_o = acc_we_o ? where_q[Lanes*17-1 -: 17] : '0;  // defined also before the first write
  assign done_o       = ends_q[Lanes-1];
endmodule
