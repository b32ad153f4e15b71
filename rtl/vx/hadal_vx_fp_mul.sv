// binary32 multiplication: round to nearest even, subnormals kept, canonical NaN. One register stage between the
// product and its rounding; the result follows that register without another.
module hadal_vx_fp_mul (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic [31:0] y_o
);
  //////////////////////////////////////////////////////////
  // Stage 1: product of the significands, shift amounts //
  //////////////////////////////////////////////////////////

  logic [23:0] man_a, man_b;
  logic [4:0]  zeros_a, zeros_b;
  logic [7:0]  exp_a, exp_b;
  logic        a_nan, b_nan, a_inf, b_inf, a_zero, b_zero;

  assign man_a = {a_i[30:23] != 8'd0, a_i[22:0]};
  assign man_b = {b_i[30:23] != 8'd0, b_i[22:0]};
  assign exp_a = (a_i[30:23] == 8'd0) ? 8'd1 : a_i[30:23];
  assign exp_b = (b_i[30:23] == 8'd0) ? 8'd1 : b_i[30:23];
  always_comb begin
    zeros_a = 5'd24;
    zeros_b = 5'd24;
    for (int i = 0; i < 24; i++) begin
      if (man_a[i]) zeros_a = 5'(23 - i);
      if (man_b[i]) zeros_b = 5'(23 - i);
    end
  end
  assign a_nan  = (&a_i[30:23]) & (|a_i[22:0]);
  assign b_nan  = (&b_i[30:23]) & (|b_i[22:0]);
  assign a_inf  = (&a_i[30:23]) & ~(|a_i[22:0]);
  assign b_inf  = (&b_i[30:23]) & ~(|b_i[22:0]);
  assign a_zero = ~(|a_i[30:0]);
  assign b_zero = ~(|b_i[30:0]);

  // Exponent of a product whose leading one is in bit 47. It is there after shifting by the operands' zeros, or one
  // place below. Where that would take the exponent below 1, the shift stops there, or goes right.
  logic signed [10:0] exp_top, exp_left;
  logic [5:0]         zeros, left, right;
  logic [10:0]        below;
  assign zeros    = {1'b0, zeros_a} + {1'b0, zeros_b};
  assign exp_top  = $signed({3'd0, exp_a}) + $signed({3'd0, exp_b}) - 11'sd126;
  assign left     = (exp_top <= 11'sd1) ? 6'd0 : (exp_top > $signed({5'd0, zeros})) ? zeros : 6'(exp_top - 11'sd1);
  assign below    = 11'(11'sd1 - exp_top);
  assign right    = (exp_top >= 11'sd1) ? 6'd0 : (below > 11'd25) ? 6'd25 : below[5:0];
  assign exp_left = exp_top - $signed({5'd0, left});

  logic [47:0]        product, product_q;
  hadal_vx_mul24 u_mul (.a_i(man_a), .b_i(man_b), .y_o(product));
  logic [5:0]         left_q, right_q;
  logic signed [10:0] exp_q;    // after the left shift; 1 and below: the result may be subnormal
  logic               sign_q, nan_q, inf_q, zero_q;

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      product_q <= product;
      left_q    <= left;
      right_q   <= right;
      exp_q     <= exp_left;
      sign_q    <= a_i[31] ^ b_i[31];
      nan_q     <= a_nan | b_nan | (a_inf & b_zero) | (a_zero & b_inf);
      inf_q     <= a_inf | b_inf;
      zero_q    <= a_zero | b_zero;
    end
  end

  ///////////////////////////////
  // Stage 2: normalise, round //
  ///////////////////////////////

  logic [47:0]        shifted_left, one_more;
  logic [72:0]        shifted_right, full;
  logic               more, up;
  logic signed [10:0] exponent;
  logic [30:0]        magnitude;

  assign shifted_left  = product_q << left_q;
  assign shifted_right = {product_q, 25'd0} >> right_q;
  assign more          = ~shifted_left[47] & (exp_q > 11'sd1);
  assign one_more      = more ? {shifted_left[46:0], 1'b0} : shifted_left;
  assign full          = (exp_q < 11'sd1) ? shifted_right : {one_more, 25'd0};
  assign exponent      = exp_q - $signed({10'd0, more});
  assign up            = full[48] & ((|full[47:0]) | full[49]);
  // Rounding may carry into the exponent, up to infinity.
  assign magnitude     = {full[72] ? exponent[7:0] : 8'd0, full[71:49]} + {30'd0, up};

  always_comb begin
    if (nan_q)                                    y_o = 32'h7FC0_0000;
    else if (inf_q | (~zero_q & (exponent >= 11'sd255))) y_o = {sign_q, 8'hFF, 23'd0};
    else if (zero_q)                              y_o = {sign_q, 31'd0};
    else                                          y_o = {sign_q, magnitude};
  end
endmodule
