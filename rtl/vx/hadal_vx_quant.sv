// VQNT: chunks to E4M3 digits under the scale of their group, and the scale itself, which goes in before the digits and
// before it is known: it takes the value only where it leaves.
module hadal_vx_quant (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                en_i,
  // The largest magnitude of a group, and the smallest scale there is
  input  logic                amax_valid_i,
  input  logic [30:0]         amax_i,
  input  logic                amax_step_i, // a chunk goes into a new maximum
  input  logic [8:0]          emin_i,      // biased by 127, at least 1
  // Operands
  input  logic                valid_i,
  input  logic                scale_i,     // the scale instead of digits
  input  logic                low_i,       // the second digit
  input  logic [511:0]        a_i,
  input  logic [4:0]          count_i,     // elements; the others become zero
  input  logic                last_i,
  output logic                ready_o,     // the scale is known, or is wanted itself
  output logic                busy_o,
  output logic                valid_o,
  output hadal_vx_pkg::item_t item_o
);
  // E + 127 = max(emin, exponent field - 8, one more when 2^-E amax would pass 448).
  logic signed [9:0] wanted;
  logic [8:0]        fresh, scale, scale_q;
  logic              known_q;
  assign wanted = $signed({2'b00, amax_i[30:23]}) - 10'sd8 + ((amax_i[22:0] > 23'h60_0000) ? 10'sd1 : 10'sd0);
  assign fresh  = (wanted < $signed({1'b0, emin_i})) ? emin_i : wanted[8:0];
  assign scale  = amax_valid_i ? fresh : scale_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)   known_q <= 1'b0;
    else if (en_i) known_q <= amax_valid_i | (known_q & ~amax_step_i);
  end
  always_ff @(posedge clk_i) begin
    if (en_i) scale_q <= scale;
  end
  assign ready_o = scale_i | known_q | amax_valid_i;

  logic [127:0] digits;
  for (genvar l = 0; l < 16; l++) begin : g_lane
    hadal_vx_quant_lane u_lane (
      .clk_i, .en_i, .x_i((5'(l) < count_i) ? a_i[32*l+:32] : 32'd0), .scale_i(scale), .low_i(low_i),
      .digit_o(digits[8*l+:8])
    );
  end

  logic [2:0]  valid_q, last_q, aux_q;
  logic [8:0]  number_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)   valid_q <= 3'd0;
    else if (en_i) valid_q <= {valid_q[1:0], valid_i & ready_o};
  end
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      last_q   <= {last_q[1:0], last_i};
      aux_q    <= {aux_q[1:0], scale_i};
      number_q <= scale_q;  // of the maximum whose scale left the operand registers two cycles before
    end
  end

  assign busy_o  = |valid_q;
  assign valid_o = valid_q[2];
  always_comb begin
    item_o      = '0;
    item_o.aux  = aux_q[2];
    item_o.last = last_q[2];
    // Scales of 2^128 and beyond are infinite.
    if (aux_q[2]) item_o.data = {480'd0, 1'b0, (number_q > 9'd255) ? 8'd255 : number_q[7:0], 23'd0};
    else          item_o.data = {384'd0, digits};
  end
endmodule
