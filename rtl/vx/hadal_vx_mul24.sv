// 24 x 24 bits, unsigned, 48 bits out: thirteen rows of the first operand, of which two bits of the second choose 0,
// 1 or 2 times it, or less the same (Booth, radix 4), summed by full adders that keep carries until the last.
// Combinational.
module hadal_vx_mul24 (
  input  logic [23:0] a_i,
  input  logic [23:0] b_i,
  output logic [47:0] y_o
);
  localparam int Rows = 13;
  logic [26:0] b;
  logic [Rows*48-1:0] row;
  assign b = {2'b00, b_i, 1'b0};
  for (genvar i = 0; i < Rows; i++) begin : g_row
    logic        once, twice, less;
    logic [24:0] times;
    assign less  = b[2*i+2] & ~(b[2*i+1] & b[2*i]);
    assign once  = b[2*i+1] ^ b[2*i];
    assign twice = (b[2*i+2] & ~b[2*i+1] & ~b[2*i]) | (~b[2*i+2] & b[2*i+1] & b[2*i]);
    assign times = ({1'b0, a_i & {24{once}}} | {a_i & {24{twice}}, 1'b0}) ^ {25{less}};
    // A row less something is its bits inverted and one more, in the two places that the next row leaves free; its sign
    // reaches to the top as constants, which are summed here.
    if (i == 0) assign row[48*i +: 48] = {20'd0, ~less, {2{less}}, times};
    else if (i < Rows - 1)
      assign row[48*i +: 48] = {19'd0, 1'b1, ~less, times, 1'b0, g_row[i-1].less} << (2 * i - 2);
    else assign row[48*i +: 48] = {times[23:0], 1'b0, g_row[i-1].less, 22'd0};
    logic unused;
    assign unused = times[24];  // of the last row
  end

  logic [9*48-1:0] nine;
  logic [6*48-1:0] six;
  logic [4*48-1:0] four;
  logic [3*48-1:0] three;
  logic [2*48-1:0] two;
  hadal_vx_full_adders #(.From(13)) u_nine  (.rows_i(row), .rows_o(nine));
  hadal_vx_full_adders #(.From(9))  u_six   (.rows_i(nine), .rows_o(six));
  hadal_vx_full_adders #(.From(6))  u_four  (.rows_i(six), .rows_o(four));
  hadal_vx_full_adders #(.From(4))  u_three (.rows_i(four), .rows_o(three));
  hadal_vx_full_adders #(.From(3))  u_two   (.rows_i(three), .rows_o(two));
  // Carries by doubling: after each step a place has looked at twice as many below it.
  logic [47:0] x, y, g1, g2, g4, g8, g16, g32, g64, p1, p2, p4, p8, p16, p32;
  assign x   = two[47:0];
  assign y   = two[95:48];
  assign g1  = x & y;
  assign p1  = x ^ y;
  assign g2  = g1 | (p1 & (g1 << 1));
  assign p2  = p1 & (p1 << 1);
  assign g4  = g2 | (p2 & (g2 << 2));
  assign p4  = p2 & (p2 << 2);
  assign g8  = g4 | (p4 & (g4 << 4));
  assign p8  = p4 & (p4 << 4);
  assign g16 = g8 | (p8 & (g8 << 8));
  assign p16 = p8 & (p8 << 8);
  assign g32 = g16 | (p16 & (g16 << 16));
  assign p32 = p16 & (p16 << 16);
  assign g64 = g32 | (p32 & (g32 << 32));
  assign y_o = p1 ^ {g64[46:0], 1'b0};
  logic unused_top;
  assign unused_top = g64[47];
endmodule
