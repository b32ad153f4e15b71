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
  logic [7:0]  exp_x, exp_y, distance;
  logic [23:0] man_x, man_y;
  logic [49:0] wide;
  logic [26:0] aligned, base;
  logic        a_nan, b_nan, a_inf, b_inf;

  assign swap     = b_i[30:0] > a_i[30:0];
  assign x        = swap ? b_i : a_i;
  assign y        = swap ? a_i : b_i;
  assign sub      = x[31] ^ y[31];
  assign exp_x    = (x[30:23] == 8'd0) ? 8'd1 : x[30:23];
  assign exp_y    = (y[30:23] == 8'd0) ? 8'd1 : y[30:23];
  assign man_x    = {x[30:23] != 8'd0, x[22:0]};
  assign man_y    = {y[30:23] != 8'd0, y[22:0]};
  assign distance = exp_x - exp_y;
  assign wide     = {man_y, 26'd0} >> ((distance > 8'd26) ? 5'd26 : distance[4:0]);
  assign aligned  = (distance > 8'd26) ? {26'd0, |man_y} : {wide[49:24], |wide[23:0]};
  assign base     = {man_x, 3'd0};
  assign a_nan    = (&a_i[30:23]) & (|a_i[22:0]);
  assign b_nan    = (&b_i[30:23]) & (|b_i[22:0]);
  assign a_inf    = (&a_i[30:23]) & ~(|a_i[22:0]);
  assign b_inf    = (&b_i[30:23]) & ~(|b_i[22:0]);

  logic [27:0] sum_q;
  logic [7:0]  exp_q;
  logic        sign_q, nan_q, inf_q, zero_sign_q;

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      sum_q       <= sub ? ({1'b0, base} - {1'b0, aligned}) : ({1'b0, base} + {1'b0, aligned});
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

  logic [4:0]  zeros, shift;
  logic [26:0] normal;
  logic [8:0]  exp_n, exp_r;
  logic        up;
  logic [24:0] rounded;
  logic [23:0] man_r;

  // sum_q[27] is the carry position; a left shift stops where the exponent would fall below 1.
  always_comb begin
    zeros = 5'd28;
    for (int i = 0; i < 28; i++) if (sum_q[i]) zeros = 5'(27 - i);
    shift = (zeros == 5'd0) ? 5'd0 : zeros - 5'd1;
    if ({3'd0, shift} >= exp_q) shift = 5'(exp_q - 8'd1);
    if (sum_q[27]) begin
      normal = {sum_q[27:2], sum_q[1] | sum_q[0]};
      exp_n  = {1'b0, exp_q} + 9'd1;
    end else begin
      normal = 27'(sum_q << shift);
      exp_n  = {1'b0, exp_q} - {4'd0, shift};
    end
  end
  assign up      = normal[2] & (normal[1] | normal[0] | normal[3]);
  assign rounded = {1'b0, normal[26:3]} + {24'd0, up};
  assign man_r   = rounded[24] ? rounded[24:1] : rounded[23:0];
  assign exp_r   = exp_n + {8'd0, rounded[24]};

  always_comb begin
    if (nan_q)                y_o = 32'h7FC0_0000;
    else if (inf_q)           y_o = {sign_q, 8'hFF, 23'd0};
    else if (sum_q == 28'd0)  y_o = {zero_sign_q, 31'd0};
    else if (exp_r >= 9'd255) y_o = {sign_q, 8'hFF, 23'd0};
    else                      y_o = {sign_q, man_r[23] ? exp_r[7:0] : 8'd0, man_r[22:0]};
  end
endmodule
