// Operand buffer of one row of A or one column of B: four planes of 128 bytes of k, written by quarters.
module mm_lane #(
  parameter int K = 16  // bytes a read
) (
  input  logic          clk_i,
  input  logic [3:0]    we_i,     // by quarter
  input  logic [1:0]    wplane_i,
  input  logic [7:0]    wstrb_i,  // by 4 bytes of a quarter
  input  logic [1023:0] wdata_i,
  input  logic [1:0]    rplane_i,
  input  logic [$clog2(128/K)-1:0] rstep_i,
  output logic [K*8-1:0] rdata_o
);
  logic [1023:0] quarters;
  for (genvar q = 0; q < 4; q++) begin : gen_quarter
    logic [255:0] mem_q [0:3];
    always_ff @(posedge clk_i) begin
      if (we_i[q]) begin
        for (int i = 0; i < 8; i++) begin
          if (wstrb_i[i]) mem_q[wplane_i][i*32 +: 32] <= wdata_i[q*256+i*32 +: 32];
        end
      end
    end
    assign quarters[q*256 +: 256] = mem_q[rplane_i];
  end
  assign rdata_o = quarters[32'(rstep_i)*K*8 +: K*8];
endmodule
