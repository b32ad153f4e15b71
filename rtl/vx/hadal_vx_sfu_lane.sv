// EXP2, RCP and RSQRT of one element, a new one every cycle, the result five cycles later (docs/numerics.md, SFU):
// range reduction, tables, two products, their sum, composition.
module hadal_vx_sfu_lane (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic [1:0]  func_i,   // 0 EXP2, 1 RCP, 2 RSQRT
  input  logic [31:0] x_i,
  output logic [31:0] y_o
);
  ////////////////////////////////////////////////////////
  // 1: special results, or exponent, table, fraction  //
  ////////////////////////////////////////////////////////

  logic [30:0]        magnitude;
  logic [7:0]         field;
  logic               nan, inf, zero, rcp, exp2;
  logic [4:0]         zeros;
  logic [22:0]        fraction, split_fraction;
  logic signed [9:0]  exponent, split_exponent, half_exponent;
  logic [1:0]         table_no;
  logic               special;
  logic [31:0]        special_value;

  assign magnitude = x_i[30:0];
  assign field     = x_i[30:23];
  assign nan       = magnitude > 31'h7F80_0000;
  assign inf       = magnitude == 31'h7F80_0000;
  assign zero      = magnitude == 31'd0;
  assign rcp       = func_i == 2'd1;
  assign exp2      = func_i == 2'd0;

  // |x| = (1 + fraction) 2^exponent, subnormals normalised.
  always_comb begin
    zeros = 5'd0;
    for (int i = 0; i < 23; i++) if (x_i[i]) zeros = 5'(23 - i);
    split_fraction = (field != 8'd0) ? x_i[22:0] : x_i[22:0] << zeros;
    split_exponent = (field != 8'd0) ? $signed({2'b00, field}) - 10'sd127 : -10'sd126 - $signed({5'd0, zeros});
  end
  assign half_exponent = split_exponent >>> 1;

  // EXP2: x floored to 23 fraction bits.
  logic [30:0]        fixed, dropped;
  logic               below;
  logic [31:0]        fixed_signed;
  logic [7:0]         left, right;
  always_comb begin
    left    = field - 8'd127;
    right   = 8'd127 - field;
    dropped = '0;
    below   = 1'b0;
    if (field == 8'd0) begin
      fixed = '0;
      below = ~zero;
    end else if (field >= 8'd127) begin
      fixed = {7'd0, 1'b1, x_i[22:0]} << left[2:0];
    end else begin
      {fixed, dropped} = {7'd0, 1'b1, x_i[22:0], 31'd0} >> ((right > 8'd25) ? 5'd25 : right[4:0]);
      below = |dropped;
    end
  end
  assign fixed_signed = x_i[31] ? ~{1'b0, fixed} + {31'd0, ~below} : {1'b0, fixed};

  always_comb begin
    special       = 1'b1;
    special_value = 32'h7FC0_0000;
    table_no      = 2'd0;
    fraction      = split_fraction;
    exponent      = -split_exponent - 10'sd1;
    if (nan) begin
      special_value = 32'h7FC0_0000;
    end else if (exp2) begin
      fraction = fixed_signed[22:0];
      exponent = {fixed_signed[31], fixed_signed[31:23]};
      if (~x_i[31] & (field >= 8'd134))                   special_value = 32'h7F80_0000;
      else if (x_i[31] & (magnitude > 31'h4315_8000))     special_value = 32'd0;
      else                                                special = 1'b0;
    end else if (rcp) begin
      table_no = 2'd1;
      if (inf)       special_value = {x_i[31], 31'd0};
      else if (zero) special_value = {x_i[31], 31'h7F80_0000};
      else           special = 1'b0;
    end else begin
      table_no = {1'b1, split_exponent[0]};
      exponent = -half_exponent - 10'sd1;
      if (zero)         special_value = 32'h7F80_0000;
      else if (x_i[31]) special_value = 32'h7FC0_0000;
      else if (inf)     special_value = 32'd0;
      else              special = 1'b0;
    end
  end

  logic [1:0]        table1_q;
  logic [22:0]       fraction1_q;
  logic signed [9:0] exponent1_q, exponent2_q, exponent3_q, exponent4_q;
  logic              special1_q, special2_q, special3_q, special4_q;
  logic [31:0]       value1_q, value2_q, value3_q, value4_q;  // special result; otherwise its bit 31 is the sign
  logic              sign;
  assign sign = rcp & x_i[31];

  ///////////////////////////////////////
  // 2: tables; 3: products; 4: their sum //
  ///////////////////////////////////////

  logic [27:0]        c0, c0_2q, c0_3q;
  logic signed [20:0] c1, c1_2q;
  logic signed [13:0] c2, c2_2q;
  logic [15:0]        t2_q;
  logic [11:0]        square_q;
  logic [23:0]        square;
  logic signed [37:0] linear;
  logic signed [26:0] quadratic;
  logic signed [22:0] linear_q;     // after the shift
  logic signed [15:0] quadratic_q;
  logic signed [29:0] y;
  logic [24:0]        mantissa4_q;

  hadal_vx_sfu_rom u_rom (
    .table_i(table1_q), .segment_i(fraction1_q[22:16]), .c0_o(c0), .c1_o(c1), .c2_o(c2)
  );
  assign square    = fraction1_q[15:4] * fraction1_q[15:4];
  assign linear    = c1_2q * $signed({1'b0, t2_q});
  assign quadratic = c2_2q * $signed({1'b0, square_q});
  assign y         = $signed({2'b00, c0_3q}) + 30'(linear_q) + 30'(quadratic_q) + 30'sd8;

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      table1_q    <= table_no;
      fraction1_q <= fraction;
      exponent1_q <= exponent;
      special1_q  <= special;
      value1_q    <= special ? special_value : {sign, 31'd0};

      c0_2q       <= c0;
      c1_2q       <= c1;
      c2_2q       <= c2;
      t2_q        <= fraction1_q[15:0];
      square_q    <= square[23:12];
      exponent2_q <= exponent1_q;
      special2_q  <= special1_q;
      value2_q    <= value1_q;

      c0_3q       <= c0_2q;
      linear_q    <= linear[37:15];
      quadratic_q <= quadratic[26:11];
      exponent3_q <= exponent2_q;
      special3_q  <= special2_q;
      value3_q    <= value2_q;

      mantissa4_q <= y[28:4];
      exponent4_q <= exponent3_q;
      special4_q  <= special3_q;
      value4_q    <= value3_q;
    end
  end

  /////////////////////
  // 5: composition //
  /////////////////////

  // A mantissa of 2^24 is 2^23 one exponent up.
  logic               carry, up;
  logic [23:0]        mantissa, kept;
  logic signed [9:0]  exponent5, deep;
  logic [4:0]         shift;
  logic [48:0]        shifted;
  logic [30:0]        composed;
  assign carry     = mantissa4_q[24];
  assign mantissa  = carry ? 24'h80_0000 : mantissa4_q[23:0];
  assign exponent5 = exponent4_q + $signed({9'd0, carry});
  assign deep      = -10'sd126 - exponent5;
  assign shift     = (deep > 10'sd25) ? 5'd25 : deep[4:0];
  assign shifted   = {mantissa, 25'd0} >> shift;
  assign kept      = shifted[48:25];
  assign up        = shifted[24] & ((|shifted[23:0]) | kept[0]);

  logic [7:0] biased;
  assign biased = 8'(exponent5 + 10'sd127);
  always_comb begin
    if (exponent5 > 10'sd127)        composed = 31'h7F80_0000;
    else if (exponent5 >= -10'sd126) composed = {biased, mantissa[22:0]};
    else                             composed = {7'd0, kept} + {30'd0, up};
  end

  always_ff @(posedge clk_i) begin
    if (en_i) y_o <= special4_q ? value4_q : {value4_q[31], composed};
  end
endmodule
