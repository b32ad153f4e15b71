// Asks for the pieces of a bundle, up to four at a time, each until it is granted, and says when the bundle's data are
// there: all four then, because a port keeps its data until its next grant has answered.
module mm_pieces #(
  parameter int TagW = 8
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            load_i,    // the bundle of the next cycle; not while busy_o
  input  logic [3:0]      mask_i,
  output logic            busy_o,    // some are still to be asked for after this cycle
  input  logic [TagW-1:0] tag_i,     // of the present bundle
  output logic [3:0]      req_o,
  input  logic [3:0]      gnt_i,
  output logic            arrived_o,
  output logic [TagW-1:0] tag_o
);
  logic [3:0]      pend_q;
  logic            whole, whole1_q, whole2_q;
  logic [TagW-1:0] tag1_q, tag2_q;

  assign req_o  = pend_q;
  assign busy_o = (pend_q & ~gnt_i) != '0;
  assign whole  = pend_q != '0 && !busy_o;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      pend_q   <= '0;
      whole1_q <= 1'b0;
      whole2_q <= 1'b0;
    end else begin
      pend_q   <= load_i ? mask_i : pend_q & ~gnt_i;
      whole1_q <= whole;
      whole2_q <= whole1_q;
    end
  end
  always_ff @(posedge clk_i) begin
    tag1_q <= tag_i;
    tag2_q <= tag1_q;
  end
  assign arrived_o = whole2_q;
  assign tag_o     = tag2_q;
endmodule
