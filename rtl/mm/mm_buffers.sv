// The operand buffers: a lane for each row of A and each column of B, and the way of arriving pieces into them.
module mm_buffers #(
  parameter int R  = 8,
  parameter int Kd = 16
) (
  input  logic              clk_i,
  input  logic [R*4-1:0]    a_we_i,
  input  logic [1:0]        a_wplane_i,
  input  logic [1:0]        a_wgcode_i,
  input  logic [1023:0]     a_data_i,
  input  logic [31:0]       b_we_i,
  input  logic [1:0]        b_wplane_i,
  input  logic [7:0]        b_wstrb_i,
  input  logic              b_wrows_i,
  input  logic              b_wtrans_i,
  input  logic [1:0]        b_wbyte_i,
  input  logic [1:0]        b_wgcode_i,
  input  logic [1023:0]     b_data_i,
  input  logic [1:0]        a_plane_i,
  input  logic [1:0]        b_plane_i,
  input  logic [$clog2(128/Kd)-1:0] step_i,
  output logic [R*Kd*8-1:0] a_o,
  output logic [8*Kd*8-1:0] b_o
);
  for (genvar r = 0; r < R; r++) begin : gen_row
    logic [1023:0] data;
    // Which piece goes to a quarter of this row: groups of 128 have four pieces a row, of 64 two, of 32 one.
    always_comb begin
      case (a_wgcode_i)
        2'd0: data = a_data_i;
        2'd1: data = {2{(r % 2) != 0 ? a_data_i[1023:512] : a_data_i[511:0]}};
        default: data = {4{a_data_i[(r%4)*256 +: 256]}};
      endcase
    end
    mm_lane #(.K(Kd)) u_lane (
      .clk_i, .we_i(a_we_i[r*4 +: 4]), .wplane_i(a_wplane_i), .wstrb_i(8'hFF), .wdata_i(data), .rplane_i(a_plane_i),
      .rstep_i(step_i), .rdata_o(a_o[r*Kd*8 +: Kd*8]));
  end
  for (genvar c = 0; c < 8; c++) begin : gen_column
    logic [1023:0] data;
    logic [31:0]   bytes;    // BT: this column's byte of each piece
    logic [127:0]  words;    // blocked: its four bytes of each
    always_comb begin
      for (int k = 0; k < 4; k++) begin
        bytes[k*8 +: 8]   = '0;
        for (int i = 0; i < 4; i++) if (b_wbyte_i == 2'(i)) bytes[k*8 +: 8] = b_data_i[k*256+i*64+c*8 +: 8];
        words[k*32 +: 32] = b_data_i[k*256 + c*32 +: 32];
      end
      if (b_wtrans_i) data = {32{bytes}};
      else if (!b_wrows_i) data = {8{words}};
      else begin
        case (b_wgcode_i)
          2'd0: data = b_data_i;
          2'd1: data = {2{(c % 2) != 0 ? b_data_i[1023:512] : b_data_i[511:0]}};
          default: data = {4{b_data_i[(c%4)*256 +: 256]}};
        endcase
      end
    end
    mm_lane #(.K(Kd)) u_lane (
      .clk_i, .we_i(b_we_i[c*4 +: 4]), .wplane_i(b_wplane_i), .wstrb_i(b_wstrb_i), .wdata_i(data), .rplane_i(b_plane_i),
      .rstep_i(step_i), .rdata_o(b_o[c*Kd*8 +: Kd*8]));
  end
endmodule
