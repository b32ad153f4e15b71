// Lines an instruction under way will write, and whether another would read them too early.
module hadal_vx_flight (
  input  logic                  clk_i,
  input  logic                  load_i,
  input  hadal_vx_pkg::extent_t write_d_i,
  input  hadal_vx_pkg::extent_t write_aux_i,
  input  logic                  valid_i,
  input  hadal_vx_pkg::extent_t read_a_i,
  input  hadal_vx_pkg::extent_t read_b_i,
  input  hadal_vx_pkg::extent_t read_c_i,
  input  logic                  use_c_i,
  output logic                  meets_o
);
  hadal_vx_pkg::extent_t d_q, aux_q;
  logic [2:0] meets_d, meets_aux;

  always_ff @(posedge clk_i) begin
    if (load_i) begin
      d_q   <= write_d_i;
      aux_q <= write_aux_i;
    end
  end

  hadal_vx_meets u_da (.x_i(d_q), .y_i(read_a_i), .meets_o(meets_d[0]));
  hadal_vx_meets u_db (.x_i(d_q), .y_i(read_b_i), .meets_o(meets_d[1]));
  hadal_vx_meets u_dc (.x_i(d_q), .y_i(read_c_i), .meets_o(meets_d[2]));
  hadal_vx_meets u_xa (.x_i(aux_q), .y_i(read_a_i), .meets_o(meets_aux[0]));
  hadal_vx_meets u_xb (.x_i(aux_q), .y_i(read_b_i), .meets_o(meets_aux[1]));
  hadal_vx_meets u_xc (.x_i(aux_q), .y_i(read_c_i), .meets_o(meets_aux[2]));
  assign meets_o = valid_i & ((|((meets_d | meets_aux) & {use_c_i, 2'b11})));
endmodule
