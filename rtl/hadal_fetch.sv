// Instruction memory and its prefetch. The stream lies in DRAM, four instructions a line; lines are requested in order,
// up to half of the memory ahead of CTL and never over the body of a running loop. CTL names the next address; the
// instruction follows in the next cycle.
module hadal_fetch #(
  parameter int Outstanding = 16
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic [47:0]  boot_line_i,   // where the stream lies
  input  logic [23:0]  boot_lines_i,  // its length
  input  logic [23:0]  pc_d_i,        // instruction wanted in the next cycle
  input  logic         looping_i,
  input  logic [23:0]  loop_first_i,  // first instruction of the outermost loop
  output logic         valid_o,       // instr_o is the one wanted
  output logic [127:0] instr_o,
  output logic         busy_o,        // requests are under way
  // DRAM
  output logic         ar_valid_o,
  output logic [47:0]  ar_line_o,
  output logic [5:0]   ar_id_o,
  input  logic         ar_ready_i,
  input  logic         r_valid_i,
  input  logic [5:0]   r_id_i,
  input  logic [511:0] r_data_i
);
  localparam int Lines = hadal_chip_pkg::ImemInstructions / 4;
  localparam int LineW = $clog2(Lines);
  localparam int IdW   = $clog2(Outstanding);

  logic [511:0]           read;
  logic [1:0]             word_q;
  logic [23:0]            low_q, high_q, next_q;  // present: low..high-1; requested: ..next-1; all in lines
  logic [Outstanding-1:0] arrived_q;              // by line modulo Outstanding
  logic [23:0]            want, floor;
  logic [IdW:0]           flying;
  logic                   missing, may_ask, asked, restart;

  assign want    = {2'b00, pc_d_i[23:2]};
  assign floor   = looping_i ? {2'b00, loop_first_i[23:2]} : want;
  assign flying  = (IdW+1)'(next_q - high_q);
  assign missing = want < low_q || want > next_q;
  assign restart = missing && flying == '0;
  assign may_ask = !missing && flying != (IdW+1)'(Outstanding) && next_q < boot_lines_i &&
                   (next_q == want || (next_q <= want + 24'(Lines / 2) && next_q < floor + 24'(Lines)));
  assign ar_valid_o = may_ask;
  assign ar_line_o  = boot_line_i + {24'd0, next_q};
  assign ar_id_o    = {{(6-IdW){1'b0}}, next_q[IdW-1:0]};
  assign asked      = ar_valid_o && ar_ready_i;
  assign busy_o     = flying != '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      low_q     <= '0;
      high_q    <= '0;
      next_q    <= '0;
      arrived_q <= '0;
      valid_o   <= 1'b0;
    end else begin
      if (restart) begin
        low_q  <= want;
        high_q <= want;
        next_q <= want;
      end else begin
        if (asked) begin
          next_q <= next_q + 1'b1;
          // A new line takes the place of the one Lines before it.
          if (next_q - low_q == 24'(Lines)) low_q <= low_q + 1'b1;
        end
        if (arrived_q[high_q[IdW-1:0]]) begin
          high_q <= high_q + 1'b1;
          arrived_q[high_q[IdW-1:0]] <= 1'b0;
        end
        if (r_valid_i) arrived_q[r_id_i[IdW-1:0]] <= 1'b1;
      end
      valid_o <= want >= low_q && want < high_q;
    end
  end

  // An answer belongs to the one line in flight with its number.
  logic [23:0]    answer;
  logic [IdW-1:0] behind;
  assign behind = r_id_i[IdW-1:0] - high_q[IdW-1:0];
  assign answer = high_q + {{(24-IdW){1'b0}}, behind};
  for (genvar h = 0; h < 2; h++) begin : gen_half
    hadal_sram #(.Words(Lines)) u_sram (
      .clk_i, .re_i(1'b1), .raddr_i(want[LineW-1:0]), .rdata_o(read[h*256 +: 256]), .we_i(r_valid_i),
      .waddr_i(answer[LineW-1:0]), .wstrb_i('1), .wdata_i(r_data_i[h*256 +: 256]));
  end
  always_ff @(posedge clk_i) word_q <= pc_d_i[1:0];
  assign instr_o = read[32'(word_q)*128 +: 128];
endmodule
