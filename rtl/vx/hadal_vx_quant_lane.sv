// Both E4M3 digits of one element under the scale 2^E: high digit, then what it leaves, exactly, then its low digit.
// Three register stages: normalised element; high digit and rest; digits.
module hadal_vx_quant_lane (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic [31:0] x_i,
  input  logic [8:0]  scale_i,    // E + 127
  input  logic        low_i,      // the low digit is wanted
  output logic [7:0]  digit_o
);
  ////////////////////////////
  // 1: x 2^-E, normalised //
  ////////////////////////////

  logic [23:0] man;
  logic [4:0]  zeros;
  logic        nan, inf;
  assign man = {x_i[30:23] != 8'd0, x_i[22:0]};
  assign nan = (&x_i[30:23]) & (|x_i[22:0]);
  assign inf = (&x_i[30:23]) & ~(|x_i[22:0]);
  always_comb begin
    zeros = 5'd0;
    for (int i = 0; i < 24; i++) if (man[i]) zeros = 5'(23 - i);
  end

  logic [23:0]        man1_q;
  logic signed [10:0] exp1_q;
  logic               sign1_q, nan1_q, inf1_q, low1_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      man1_q  <= man << zeros;
      exp1_q  <= $signed({3'd0, (x_i[30:23] == 8'd0) ? 8'd1 : x_i[30:23]}) - $signed({6'd0, zeros}) -
                 $signed({2'd0, scale_i});
      sign1_q <= x_i[31];
      nan1_q  <= nan;
      inf1_q  <= inf;
      low1_q  <= low_i;
    end
  end

  //////////////////////////////
  // 2: high digit, the rest //
  //////////////////////////////

  logic [6:0]  high;
  logic        normal, up;
  logic [20:0] rest;       // magnitude
  logic        rest_sign, rest_tiny;

  hadal_vx_e4m3_round u_high (
    .significand_i(man1_q), .exponent_i(exp1_q), .code_o(high), .normal_o(normal), .up_o(up)
  );
  // Below 2^-6 the rest is at most half of the smallest digit, which rounds to zero: only its sign counts. It is zero
  // itself when the bits shifted out are.
  logic [23:0] lost;
  logic [4:0]  keep;
  assign keep = (exp1_q < -11'sd9) ? 5'd0 : 5'(exp1_q + 11'sd10);  // bits of the significand that count 2^-9
  assign lost = man1_q << keep;

  assign rest      = up ? 21'h10_0000 - {1'b0, man1_q[19:0]} : {1'b0, man1_q[19:0]};
  assign rest_sign = sign1_q ^ up;
  assign rest_tiny = ~normal;

  logic [6:0]         high2_q;
  logic [20:0]        rest2_q;
  logic signed [10:0] exp2_q;
  logic               sign2_q, rest_sign2_q, tiny2_q, nan2_q, inf2_q, low2_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      high2_q      <= inf1_q ? 7'h7E : high;
      rest2_q      <= rest_tiny ? {20'd0, |lost} : rest;
      exp2_q       <= exp1_q;
      sign2_q      <= sign1_q;
      rest_sign2_q <= rest_sign;
      tiny2_q      <= rest_tiny;
      nan2_q       <= nan1_q;
      inf2_q       <= inf1_q;
      low2_q       <= low1_q;
    end
  end

  ///////////////////
  // 3: low digit //
  ///////////////////

  // rest x 2^(exp - 23): its leading one to bit 23.
  logic [4:0]         rest_zeros;
  logic [23:0]        rest_man;
  logic signed [10:0] rest_exp;
  logic [6:0]         low;
  logic               unused_normal, unused_up;
  always_comb begin
    rest_zeros = 5'd0;
    for (int i = 0; i < 21; i++) if (rest2_q[i]) rest_zeros = 5'(23 - i);
  end
  assign rest_man = {3'd0, rest2_q} << rest_zeros;
  assign rest_exp = exp2_q - $signed({6'd0, rest_zeros});
  hadal_vx_e4m3_round u_low (
    .significand_i(rest_man), .exponent_i(rest_exp), .code_o(low), .normal_o(unused_normal), .up_o(unused_up)
  );

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      if (nan2_q)               digit_o <= low2_q ? 8'h00 : 8'h7F;
      else if (!low2_q)         digit_o <= {sign2_q, high2_q};
      else if (inf2_q)          digit_o <= {sign2_q, 7'h7E};
      else if (rest2_q == '0)   digit_o <= 8'h00;
      else                      digit_o <= {rest_sign2_q, tiny2_q ? 7'd0 : low};
    end
  end
endmodule
