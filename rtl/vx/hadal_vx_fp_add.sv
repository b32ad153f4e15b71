// binary32 addition: round to nearest even, subnormals kept, canonical NaN. One register stage between alignment and
// normalisation; the result follows that register without another.
module hadal_vx_fp_add (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic [31:0] y_o
);
  ///////////////////////////////////////////
  // Stage 1: order, align, add or subtract //
  ///////////////////////////////////////////

  logic        swap, sub;
  logic [31:0] x, y;  // larger and smaller magnitude
  logic [7:0]  exp_a, exp_b, exp_x, a_less_b, b_less_a, distance;
  logic [23:0] man_x, man_y;
  logic [49:0] wide;
  logic [26:0] aligned, base;
  logic        a_nan, b_nan, a_inf, b_inf;

  assign swap     = b_i[30:0] > a_i[30:0];
  assign x        = swap ? b_i : a_i;
  assign y        = swap ? a_i : b_i;
  assign sub      = x[31] ^ y[31];
  assign exp_a    = (a_i[30:23] == 8'd0) ? 8'd1 : a_i[30:23];
  assign exp_b    = (b_i[30:23] == 8'd0) ? 8'd1 : b_i[30:23];
  assign exp_x    = swap ? exp_b : exp_a;
  assign man_x    = {x[30:23] != 8'd0, x[22:0]};
  assign man_y    = {y[30:23] != 8'd0, y[22:0]};
  // Both differences while the comparison decides which one counts.
  assign a_less_b = exp_a - exp_b;
  assign b_less_a = exp_b - exp_a;
  assign distance = swap ? b_less_a : a_less_b;
  assign wide     = {man_y, 26'd0} >> ((distance > 8'd26) ? 5'd26 : distance[4:0]);
  assign aligned  = (distance > 8'd26) ? {26'd0, |man_y} : {wide[49:24], |wide[23:0]};
  assign base     = {man_x, 3'd0};
  assign a_nan    = (&a_i[30:23]) & (|a_i[22:0]);
  assign b_nan    = (&b_i[30:23]) & (|b_i[22:0]);
  assign a_inf    = (&a_i[30:23]) & ~(|a_i[22:0]);
  assign b_inf    = (&b_i[30:23]) & ~(|b_i[22:0]);

  logic [27:0] sum_q;
  logic [31:0] marker_q;  // a left shift stops here, where the exponent reaches 1
  logic [7:0]  exp_q;
  logic        sign_q, nan_q, inf_q, zero_sign_q;

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      sum_q       <= sub ? ({1'b0, base} - {1'b0, aligned}) : ({1'b0, base} + {1'b0, aligned});
      marker_q    <= (exp_x > 8'd27) ? 32'd0 : 32'h8000_0000 >> exp_x[4:0];
      exp_q       <= exp_x;
      sign_q      <= x[31];  // infinity has the larger magnitude, so its sign is here
      nan_q       <= a_nan | b_nan | (a_inf & b_inf & sub);
      inf_q       <= a_inf | b_inf;
      zero_sign_q <= a_i[31] & b_i[31];
    end
  end

  ///////////////////////////////
  // Stage 2: normalise, round //
  ///////////////////////////////

  // Bit 27 of the sum is where a carry goes: with it the exponent is one more, and every zero above the leading one
  // takes one off.
  logic [4:0]  zeros;
  logic [31:0] normal;
  logic [8:0]  exponent;
  logic [30:0] magnitude;
  logic        up;
  hadal_vx_norm u_norm (.value_i({sum_q, 4'd0}), .marker_i(marker_q), .value_o(normal), .zeros_o(zeros));
  assign exponent  = {1'b0, exp_q} + 9'd1 - {4'd0, zeros};
  assign up        = normal[7] & ((|normal[6:0]) | normal[8]);
  // Rounding may carry into the exponent, up to infinity.
  assign magnitude = {normal[31] ? exponent[7:0] : 8'd0, normal[30:8]} + {30'd0, up};

  always_comb begin
    if (nan_q)                                y_o = 32'h7FC0_0000;
    else if (inf_q | (exponent == 9'd255))    y_o = {sign_q, 8'hFF, 23'd0};
    else if (sum_q == 28'd0)                  y_o = {zero_sign_q, 31'd0};
    else                                      y_o = {sign_q, magnitude};
  end
endmodule
