// VSFU: a chunk in quarters through four lanes, as many quarters as it has elements for.
module hadal_vx_sfu (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                en_i,
  input  logic                valid_i,
  output logic                ready_o,     // the last quarter of the chunk before goes in
  input  logic [1:0]          func_i,
  input  logic [511:0]        a_i,
  input  logic [4:0]          count_i,     // elements
  input  logic                last_i,
  input  logic                bf16_i,
  output logic                busy_o,
  output logic                valid_o,
  output hadal_vx_pkg::item_t item_o
);
  logic         hold_q, last_q, bf16_q;   // quarters of a chunk are left
  logic [383:0] rest_q;                   // quarters 1 to 3
  logic [1:0]   quarter_q, end_q, func_q; // next quarter; the last one of the chunk
  logic         in_valid, in_end;
  logic [127:0] in;
  logic [1:0]   in_func, in_quarter;
  logic [1:0]   last_quarter;

  assign last_quarter = 2'((count_i - 5'd1) >> 2);
  assign ready_o      = ~hold_q;
  assign in_valid     = hold_q | valid_i;
  assign in           = hold_q ? rest_q[127:0] : a_i[127:0];
  assign in_func      = hold_q ? func_q : func_i;
  assign in_quarter   = hold_q ? quarter_q : 2'd0;
  assign in_end       = hold_q ? (quarter_q == end_q) : (last_quarter == 2'd0);

  // Along with the five cycles of the lanes: which quarter, whether it completes the chunk.
  logic [4:0] valid_q, done_q, lastp_q, bf_q;
  logic [9:0] place_q;
  logic [127:0] out;
  for (genvar l = 0; l < 4; l++) begin : g_lane
    hadal_vx_sfu_lane u_lane (.clk_i, .en_i, .func_i(in_func), .x_i(in[32*l+:32]), .y_o(out[32*l+:32]));
  end

  logic [383:0] before_q;                 // results of quarters 0 to 2
  logic [511:0] whole, data;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      hold_q  <= 1'b0;
      valid_q <= 5'd0;
    end else if (en_i) begin
      hold_q  <= in_valid & ~in_end;
      valid_q <= {valid_q[3:0], in_valid};
    end
  end
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      if (hold_q) begin
        rest_q    <= {128'd0, rest_q[383:128]};
        quarter_q <= quarter_q + 2'd1;
      end else begin
        rest_q    <= a_i[511:128];
        quarter_q <= 2'd1;
        end_q     <= last_quarter;
        func_q    <= func_i;
        last_q    <= last_i;
        bf16_q    <= bf16_i;
      end
      done_q  <= {done_q[3:0], in_end};
      place_q <= {place_q[7:0], in_quarter};
      lastp_q <= {lastp_q[3:0], hold_q ? last_q : last_i};
      bf_q    <= {bf_q[3:0], hold_q ? bf16_q : bf16_i};
      if (valid_q[4] && place_q[9:8] != 2'd3) before_q[128*place_q[9:8]+:128] <= out;
    end
  end

  always_comb begin
    whole = {out, before_q};
    case (place_q[9:8])
      2'd0:    whole[127:0]   = out;
      2'd1:    whole[255:128] = out;
      2'd2:    whole[383:256] = out;
      default: ;
    endcase
  end
  hadal_vx_pack u_pack (.words_i(whole), .bf16_i(bf_q[4]), .raw_i(1'b0), .data_o(data));

  assign busy_o  = hold_q | (|valid_q);
  assign valid_o = valid_q[4] & done_q[4];
  always_comb begin
    item_o      = '0;
    item_o.last = lastp_q[4];
    item_o.data = data;
  end
endmodule
