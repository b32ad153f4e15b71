// A memory bank, 32 bytes wide: read data one cycle after the address. With TwoPorts both may happen in a cycle, and a
// read of the word that is being written gives its old value.
module hadal_sram #(
  parameter int Words = 256
) (
  input  logic                     clk_i,
  input  logic                     re_i,
  input  logic [$clog2(Words)-1:0] raddr_i,
  output logic [255:0]             rdata_o,
  input  logic                     we_i,
  input  logic [$clog2(Words)-1:0] waddr_i,
  input  logic [31:0]              wstrb_i,
  input  logic [255:0]             wdata_i
);
  logic [255:0] mem_q [0:Words-1];

  always_ff @(posedge clk_i) begin
    if (re_i) rdata_o <= mem_q[raddr_i];
    if (we_i) begin
      for (int i = 0; i < 32; i++) begin
        if (wstrb_i[i]) mem_q[waddr_i][i*8 +: 8] <= wdata_i[i*8 +: 8];
      end
    end
  end
endmodule
