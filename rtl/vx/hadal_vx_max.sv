// The largest element of a row or group: VRED.MAX, AMAX, ARGMAX, and the maximum VQNT scales by.
//
// Elements compete as unsigned keys; equal keys leave it to the lower index, which comes first. What a function makes
// of NaN, of zeros and of padding is a matter of the key alone. The best of every four lanes, a register, the best of
// these beside the comparison of each with the best of the chunks before.
module hadal_vx_max (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                en_i,
  input  logic                valid_i,
  input  hadal_vx_pkg::red_e  func_i,
  input  logic                skip_nan_i,   // VQNT
  input  logic [511:0]        a_i,
  input  logic [4:0]          count_i,
  input  logic                start_i,      // first chunk of its row
  input  logic                end_i,        // last chunk
  input  logic                last_i,
  input  logic                bf16_i,
  output logic                busy_o,
  output logic                valid_o,      // of a row's maximum
  output logic                done_o,       // VQNT: the magnitude is there
  output logic [30:0]         amax_o,       // VQNT: its magnitude
  output hadal_vx_pkg::item_t item_o
);
  localparam logic [31:0] KeyNan   = 32'hFFFF_FFFF;
  localparam logic [31:0] KeyZero  = 32'h8000_0000;
  localparam logic [31:0] KeyLeast = 32'h007F_FFFF;  // of -Inf

  //////////////////////////
  // Keys, 16 down to 4  //
  //////////////////////////

  logic [511:0] key;
  logic [127:0] four;
  logic [15:0]  four_index;  // lane numbers
  logic         absolute;
  assign absolute = skip_nan_i | (func_i == hadal_vx_pkg::RedAmax);

  for (genvar l = 0; l < 16; l++) begin : g_key
    logic [31:0] x, plain;
    logic        nan;
    assign x = a_i[32*l+:32];
    hadal_vx_key u_key (.x_i({x[31] & ~absolute & ~((func_i == hadal_vx_pkg::RedArgmax) & ~(|x[30:0])), x[30:0]}),
                        .key_o(plain), .nan_o(nan));
    assign key[32*l+:32] = (5'(l) >= count_i) ? (absolute ? KeyZero : KeyLeast) :
                           nan ? (skip_nan_i ? KeyZero : KeyNan) : plain;
  end
  for (genvar q = 0; q < 4; q++) begin : g_four
    logic [1:0] lane;
    hadal_vx_max_of_four u_four (.keys_i(key[128*q+:128]), .best_o(four[32*q+:32]), .number_o(lane));
    assign four_index[4*q+:4] = {2'(q), lane};
  end

  logic [127:0]       four_q;
  logic [15:0]        four_index_q;
  logic               v1_q, start1_q, end1_q, last1_q, bf1_q, v2_q, last2_q, bf2_q;
  hadal_vx_pkg::red_e func1_q, func2_q;
  logic               quiet1_q, quiet2_q;  // VQNT: no result of VRED

  ////////////////////////////////////
  // 4 down to 1, and those before //
  ////////////////////////////////////

  logic [31:0] chunk_best, best_q;
  logic [3:0]  chunk_lane;
  logic [1:0]  chunk_four;
  logic [11:0] index_q;
  logic [7:0]  chunk_q;
  logic        better;
  hadal_vx_max_of_four u_chunk (.keys_i(four_q), .best_o(chunk_best), .number_o(chunk_four));
  assign chunk_lane = four_index_q[4*chunk_four+:4];
  always_comb begin
    better = start1_q;
    for (int q = 0; q < 4; q++) better = better | (four_q[32*q+:32] > best_q);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      v1_q <= 1'b0;
      v2_q <= 1'b0;
    end else if (en_i) begin
      v1_q <= valid_i;
      v2_q <= v1_q & end1_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      four_q       <= four;
      four_index_q <= four_index;
      start1_q     <= start_i;
      end1_q       <= end_i;
      last1_q      <= last_i;
      bf1_q        <= bf16_i;
      func1_q      <= func_i;
      quiet1_q     <= skip_nan_i;
      last2_q      <= last1_q;
      bf2_q        <= bf1_q;
      func2_q      <= func1_q;
      quiet2_q     <= quiet1_q;
      if (v1_q) begin
        chunk_q <= start1_q ? 8'd1 : chunk_q + 8'd1;
        if (better) begin
          best_q  <= chunk_best;
          index_q <= {start1_q ? 8'd0 : chunk_q, chunk_lane};
        end
      end
    end
  end

  ////////////
  // Result //
  ////////////

  logic [31:0] value, number, result;
  logic        number_up;
  logic [15:0] half;
  assign value  = (best_q == KeyNan) ? 32'h7FC0_0000 : best_q[31] ? {1'b0, best_q[30:0]} : ~best_q;
  assign result = (func2_q == hadal_vx_pkg::RedArgmax) ? number : value;
  hadal_vx_i2f u_number (.x_i({20'd0, index_q}), .y_o(number), .up_o(number_up));  // exact
  hadal_vx_bf16 u_half (.x_i(result), .y_o(half));

  assign busy_o  = v1_q | v2_q;
  assign valid_o = v2_q & ~quiet2_q;
  assign done_o  = v2_q & quiet2_q;
  assign amax_o  = best_q[30:0];
  always_comb begin
    item_o      = '0;
    item_o.last = last2_q;
    item_o.data = {480'd0, bf2_q ? {16'd0, half} : result};
  end
  logic unused;
  assign unused = number_up;
endmodule
