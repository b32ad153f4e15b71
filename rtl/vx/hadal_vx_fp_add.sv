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

  // Exponents alone decide which operand is shifted: where they are equal none is, and both differences of the
  // significands are formed beside the way of the others.
  logic        swap, same, sub, b_larger;
  logic [7:0]  exp_a, exp_b, exp_x, distance;
  logic [8:0]  a_less_b, b_less_a;
  logic [23:0] man_a, man_b, man_x, man_y;
  logic [24:0] man_a_less_b, man_b_less_a;
  logic [54:0] wide;
  logic [26:0] aligned, base;
  logic        a_nan, b_nan, a_inf, b_inf;

  assign sub      = a_i[31] ^ b_i[31];
  assign exp_a    = {a_i[30:24], a_i[23] | ~(|a_i[30:23])};
  assign exp_b    = {b_i[30:24], b_i[23] | ~(|b_i[30:23])};
  assign man_a    = {|a_i[30:23], a_i[22:0]};
  assign man_b    = {|b_i[30:23], b_i[22:0]};
  assign a_less_b = {1'b0, exp_a} - {1'b0, exp_b};
  assign b_less_a = {1'b0, exp_b} - {1'b0, exp_a};
  assign swap     = a_less_b[8];
  assign same     = exp_a == exp_b;
  assign distance = swap ? b_less_a[7:0] : a_less_b[7:0];
  assign exp_x    = swap ? exp_b : exp_a;
  assign man_x    = swap ? man_b : man_a;
  assign man_y    = swap ? man_a : man_b;
  assign wide     = {man_y, 31'd0} >> distance[4:0];
  assign aligned  = (|distance[7:5]) ? {26'd0, |man_y} : {wide[54:29], |wide[28:0]};
  assign base     = {man_x, 3'd0};

  assign man_a_less_b = {1'b0, man_a} - {1'b0, man_b};
  assign man_b_less_a = {1'b0, man_b} - {1'b0, man_a};
  assign b_larger     = man_a_less_b[24];

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
      if (sub && same) sum_q <= {1'b0, b_larger ? man_b_less_a[23:0] : man_a_less_b[23:0], 3'd0};
      else sum_q <= {1'b0, base} + ({1'b0, aligned} ^ {28{sub}}) + {27'd0, sub};
      marker_q    <= (exp_x > 8'd27) ? 32'd0 : 32'h8000_0000 >> exp_x[4:0];
      exp_q       <= exp_x;
      // Of the larger magnitude: infinity's, where there is one.
      sign_q      <= (same ? b_larger : swap) ? b_i[31] : a_i[31];
      nan_q       <= a_nan | b_nan | (a_inf & b_inf & sub);
      inf_q       <= a_inf | b_inf;
      zero_sign_q <= a_i[31] & b_i[31];
    end
  end

  ///////////////////////////////
  // Stage 2: normalise, round //
  ///////////////////////////////

  // Bit 27 of the sum is where a carry goes: with it the exponent is one more, and every zero above the leading one
  // takes one off. Two ways side by side, because no sum needs a long shift and rounding: one with three zeros or more
  // is exact, as only operands at most a place apart cancel so far. One with fewer is rounded without a shifter before.
  logic [4:0]  zeros;
  logic [31:0] normal;
  logic [8:0]  exact_exp;
  logic [30:0] exact, unrounded, rounded;
  logic [7:0]  exp_more, exp_less;
  logic        place0, place1, far, up, infinite;
  hadal_vx_norm u_norm (.value_i({sum_q, 4'd0}), .marker_i(marker_q), .value_o(normal), .zeros_o(zeros));
  assign exact_exp = {1'b0, exp_q} + 9'd1 - {4'd0, zeros};
  assign exact     = {normal[31] ? exact_exp[7:0] : 8'd0, normal[30:8]};

  assign place0   = sum_q[27];  // the marker is never there
  assign place1   = sum_q[26] | marker_q[30];
  assign far      = ~(place0 | place1 | sum_q[25] | marker_q[29]);
  assign exp_more = exp_q + 8'd1;
  assign exp_less = exp_q - 8'd1;
  assign infinite = place0 & (exp_more == 8'd255);
  always_comb begin
    if (place0) begin
      unrounded = {exp_more, sum_q[26:4]};
      up     = sum_q[3] & ((|sum_q[2:0]) | sum_q[4]);
    end else if (place1) begin
      unrounded = {sum_q[26] ? exp_q : 8'd0, sum_q[25:3]};
      up     = sum_q[2] & ((|sum_q[1:0]) | sum_q[3]);
    end else begin
      unrounded = {sum_q[25] ? exp_less : 8'd0, sum_q[24:2]};
      up     = sum_q[1] & (sum_q[0] | sum_q[2]);
    end
  end
  // Rounding may carry into the exponent, up to infinity.
  assign rounded = unrounded + {30'd0, up};

  always_comb begin
    if (nan_q)                 y_o = 32'h7FC0_0000;
    else if (inf_q | infinite) y_o = {sign_q, 8'hFF, 23'd0};
    else if (sum_q == 28'd0)   y_o = {zero_sign_q, 31'd0};
    else                       y_o = {sign_q, far ? exact : rounded};
  end
  logic unused;
  assign unused = &{1'b0, normal[7:0], exact_exp[8], marker_q[31], b_less_a[8], man_b_less_a[24]};
endmodule
