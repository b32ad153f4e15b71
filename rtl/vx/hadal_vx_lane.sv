// One lane: everything that works on an element by itself. Operands are registers outside; the result register y_o
// holds a sum, a product or a simple result two cycles later, and a multiply-add four cycles later: its product goes
// to the adder, which takes nothing else in that cycle.
module hadal_vx_lane (
  input  logic              clk_i,
  input  logic              en_i,
  input  hadal_vx_pkg::op_e op_i,
  input  logic [31:0]       a_i,
  input  logic [31:0]       b_i,
  input  logic [31:0]       c_i,
  input  logic              second_i,      // the adder takes the last product and its c
  input  logic              take_sum_i,    // what becomes y_o
  input  logic              take_product_i,
  output logic [31:0]       y_o
);
  logic [31:0] simple, simple_q, sum, product, product_q, c1_q, c2_q, add_a, add_b, from_int, to_int;
  logic        from_int_up, up_q;
  logic [31:0] key_a, key_b;
  logic        a_nan, b_nan, nan, both_zero, larger, equal;

  hadal_vx_key u_key_a (.x_i(a_i), .key_o(key_a), .nan_o(a_nan));
  hadal_vx_key u_key_b (.x_i(b_i), .key_o(key_b), .nan_o(b_nan));
  hadal_vx_i2f u_i2f (.x_i(a_i), .y_o(from_int), .up_o(from_int_up));
  hadal_vx_f2i u_f2i (.x_i(a_i), .y_o(to_int));

  assign nan       = a_nan | b_nan;
  assign both_zero = ~(|a_i[30:0]) & ~(|b_i[30:0]);
  assign larger    = key_a > key_b;
  assign equal     = (a_i == b_i) | both_zero;

  logic [31:0] picked;
  logic        picked_nan;
  always_comb begin
    picked     = a_i;
    picked_nan = a_nan;
    case (op_i)
      hadal_vx_pkg::OpMax: begin
        picked     = larger ? a_i : b_i;
        picked_nan = nan;
      end
      hadal_vx_pkg::OpMin: begin
        picked     = larger ? b_i : a_i;
        picked_nan = nan;
      end
      hadal_vx_pkg::OpAbs: picked = {1'b0, a_i[30:0]};
      hadal_vx_pkg::OpSel: begin
        if (~(|b_i[30:0])) begin
          picked     = c_i;
          picked_nan = (&c_i[30:23]) & (|c_i[22:0]);
        end
      end
      default: ;
    endcase
    case (op_i)
      hadal_vx_pkg::OpMove:  simple = a_i;
      hadal_vx_pkg::OpI2f:   simple = from_int;
      hadal_vx_pkg::OpF2i:   simple = to_int;
      hadal_vx_pkg::OpCmpge: simple = (~nan & (larger | equal)) ? 32'h3F80_0000 : 32'd0;
      hadal_vx_pkg::OpCmpeq: simple = (~nan & equal) ? 32'h3F80_0000 : 32'd0;
      default:               simple = picked_nan ? 32'h7FC0_0000 : picked;
    endcase
  end

  assign add_a = second_i ? product_q : a_i;
  assign add_b = second_i ? c2_q : {b_i[31] ^ (op_i == hadal_vx_pkg::OpSub), b_i[30:0]};

  hadal_vx_fp_add u_add (.clk_i, .en_i, .a_i(add_a), .b_i(add_b), .y_o(sum));
  hadal_vx_fp_mul u_mul (.clk_i, .en_i, .a_i, .b_i, .y_o(product));

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      simple_q  <= simple;
      up_q      <= (op_i == hadal_vx_pkg::OpI2f) & from_int_up;
      product_q <= product;
      c1_q      <= c_i;
      c2_q      <= c1_q;
      y_o       <= take_sum_i ? sum : take_product_i ? product : simple_q + {31'd0, up_q};
    end
  end
endmodule
