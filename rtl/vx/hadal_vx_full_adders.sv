// Full adders side by side: of every three rows two with the same sum, and rows that are left over as they are.
// Combinational.
module hadal_vx_full_adders #(
  parameter int Width = 48,
  parameter int From  = 3,
  localparam int To   = From / 3 * 2 + From % 3
) (
  input  logic [From*Width-1:0] rows_i,
  output logic [To*Width-1:0]   rows_o
);
  for (genvar i = 0; i < From / 3; i++) begin : g_three
    logic [Width-1:0] x, y, z, carry;
    assign {x, y, z} = rows_i[3*i*Width +: 3*Width];
    assign carry     = (x & y) | (z & (x ^ y));
    assign rows_o[2*i*Width +: 2*Width] = {carry[Width-2:0], 1'b0, x ^ y ^ z};
    logic unused;
    assign unused = carry[Width-1];
  end
  if (From % 3 != 0) begin : g_rest
    assign rows_o[To*Width-1 -: From%3*Width] = rows_i[From*Width-1 -: From%3*Width];
  end
endmodule
