// N cores and the network between them. Each core has its own memory port; ports are vectors with core 0 lowest.
module hadal_top #(
  parameter int N = hadal_chip_pkg::Cores
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic [N*48-1:0]   boot_line_i,
  input  logic [N*24-1:0]   boot_lines_i,
  output logic [N-1:0]      done_o,
  output logic [N*4-1:0]    fault_o,
  output logic [N-1:0]      ar_valid_o,
  output logic [N*7-1:0]    ar_id_o,
  output logic [N*48-1:0]   ar_line_o,
  input  logic [N-1:0]      ar_ready_i,
  input  logic [N-1:0]      r_valid_i,
  input  logic [N*7-1:0]    r_id_i,
  input  logic [N*512-1:0]  r_data_i,
  output logic [N-1:0]      aw_valid_o,
  output logic [N*48-1:0]   aw_line_o,
  input  logic [N-1:0]      aw_ready_i,
  output logic [N-1:0]      w_valid_o,
  output logic [N*512-1:0]  w_data_o,
  input  logic [N-1:0]      w_ready_i,
  input  logic [N-1:0]      b_valid_i,
  output logic [N*24-1:0]   t_pc_o,
  output logic [N*6-1:0]    t_issue_o,
  output logic [N*6-1:0]    t_done_o,
  output logic [N*4-1:0]    t_write_o,
  output logic [N*4-1:0]    t_acc_o,
  output logic [N*64-1:0]   t_line_o,
  output logic [N-1:0]      t_half_o,
  output logic [N*64-1:0]   t_strb_o,
  output logic [N-1:0]      t_end_o,
  output logic [N*2048-1:0] t_data_o,
  output logic [5:0]        t_from_o    // sender of what the network delivers
);
  logic [N-1:0]                    out_valid, out_ready, ack, in_valid, in_ready;
  logic [N*hadal_pkg::FlitW-1:0]   out_flit;
  hadal_pkg::flit_t                in_flit;
  assign t_from_o = in_flit.from;

  for (genvar c = 0; c < N; c++) begin : gen_core
    hadal_core u_core (
      .clk_i, .rst_ni, .core_i(6'(c)), .boot_line_i(boot_line_i[c*48 +: 48]), .boot_lines_i(boot_lines_i[c*24 +: 24]),
      .done_o(done_o[c]), .fault_o(fault_o[c*4 +: 4]), .ar_valid_o(ar_valid_o[c]), .ar_id_o(ar_id_o[c*7 +: 7]),
      .ar_line_o(ar_line_o[c*48 +: 48]), .ar_ready_i(ar_ready_i[c]), .r_valid_i(r_valid_i[c]),
      .r_id_i(r_id_i[c*7 +: 7]), .r_data_i(r_data_i[c*512 +: 512]), .aw_valid_o(aw_valid_o[c]),
      .aw_line_o(aw_line_o[c*48 +: 48]), .aw_ready_i(aw_ready_i[c]), .w_valid_o(w_valid_o[c]),
      .w_data_o(w_data_o[c*512 +: 512]), .w_ready_i(w_ready_i[c]), .b_valid_i(b_valid_i[c]),
      .out_valid_o(out_valid[c]), .out_o(out_flit[c*hadal_pkg::FlitW +: hadal_pkg::FlitW]), .out_ready_i(out_ready[c]),
      .ack_i(ack[c]), .in_valid_i(in_valid[c]), .in_i(in_flit), .in_ready_o(in_ready[c]), .t_pc_o(t_pc_o[c*24 +: 24]),
      .t_issue_o(t_issue_o[c*6 +: 6]), .t_done_o(t_done_o[c*6 +: 6]), .t_write_o(t_write_o[c*4 +: 4]),
      .t_acc_o(t_acc_o[c*4 +: 4]), .t_line_o(t_line_o[c*64 +: 64]), .t_half_o(t_half_o[c]),
      .t_strb_o(t_strb_o[c*64 +: 64]), .t_end_o(t_end_o[c]), .t_data_o(t_data_o[c*2048 +: 2048]));
  end
  hadal_noc #(.N(N)) u_noc (
    .clk_i, .rst_ni, .valid_i(out_valid), .flit_i(out_flit), .ready_o(out_ready), .ack_o(ack), .valid_o(in_valid),
    .flit_o(in_flit), .ready_i(in_ready));
endmodule
