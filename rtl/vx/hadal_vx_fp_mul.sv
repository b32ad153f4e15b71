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
  // Stage 1: product of the significands, leading zeros //
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

  logic [47:0] product_q;
  logic [5:0]  zeros_q;
  logic [8:0]  exp_q;
  logic        sign_q, nan_q, inf_q, zero_q;

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      product_q <= man_a * man_b;
      zeros_q   <= {1'b0, zeros_a} + {1'b0, zeros_b};
      exp_q     <= {1'b0, exp_a} + {1'b0, exp_b};
      sign_q    <= a_i[31] ^ b_i[31];
      nan_q     <= a_nan | b_nan | (a_inf & b_zero) | (a_zero & b_inf);
      inf_q     <= a_inf | b_inf;
      zero_q    <= a_zero | b_zero;
    end
  end

  ///////////////////////////////
  // Stage 2: normalise, round //
  ///////////////////////////////

  logic [47:0]        normal, full;
  logic signed [10:0] exp_n, exp_r, below;
  logic [5:0]         right;
  logic [72:0]        shifted;
  logic               up;
  logic [24:0]        rounded;

  // The product of two significands in [1, 2) has its leading one in bit 47 or 46.
  assign normal  = product_q << zeros_q;
  assign full    = normal[47] ? normal : {normal[46:0], 1'b0};
  assign exp_n   = $signed({2'b00, exp_q}) - $signed({5'd0, zeros_q}) - 11'sd126 - (normal[47] ? 11'sd0 : 11'sd1);
  assign below   = 11'sd1 - exp_n;
  assign right   = (exp_n >= 11'sd1) ? 6'd0 : ((below > 11'sd25) ? 6'd25 : below[5:0]);
  assign shifted = {full, 25'd0} >> right;
  assign up      = shifted[48] & ((|shifted[47:0]) | shifted[49]);
  assign rounded = {1'b0, shifted[72:49]} + {24'd0, up};
  assign exp_r   = (exp_n >= 11'sd1) ? exp_n + $signed({10'd0, rounded[24]}) : $signed({10'd0, rounded[23]});

  always_comb begin
    if (nan_q)                    y_o = 32'h7FC0_0000;
    else if (inf_q)               y_o = {sign_q, 8'hFF, 23'd0};
    else if (zero_q)              y_o = {sign_q, 31'd0};
    else if (exp_r >= 11'sd255)   y_o = {sign_q, 8'hFF, 23'd0};
    else                          y_o = {sign_q, exp_r[7:0], rounded[24] ? rounded[23:1] : rounded[22:0]};
  end
endmodule
