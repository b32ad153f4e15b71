// Whether two extents have a line in common. Combinational.
module hadal_vx_meets (
  input  hadal_vx_pkg::extent_t x_i,
  input  hadal_vx_pkg::extent_t y_i,
  output logic                  meets_o
);
  assign meets_o = x_i.used & y_i.used & (x_i.acc == y_i.acc) & (x_i.first <= y_i.last) & (y_i.first <= x_i.last);
endmodule
