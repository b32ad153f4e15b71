// VSEL.HIST: 256 counts of one byte of the monotone key, an element a cycle, then 16 counts a cycle to memory.
module hadal_vx_hist (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                en_i,
  input  logic                valid_i,
  output logic                ready_o,
  input  logic [1:0]          byte_i,
  input  logic [511:0]        a_i,
  input  logic [4:0]          count_i,
  input  logic                end_i,     // last chunk of the row
  input  logic                last_i,    // of the instruction
  output logic                busy_o,
  output logic                valid_o,
  output hadal_vx_pkg::item_t item_o
);
  logic [127:0] bytes, bytes_q;
  for (genvar l = 0; l < 16; l++) begin : g_lane
    logic [31:0] key;
    logic        unused_nan;
    hadal_vx_key u_key (.x_i(a_i[32*l+:32]), .key_o(key), .nan_o(unused_nan));
    assign bytes[8*l+:8] = key[8*byte_i+:8];
  end

  logic [191:0] counts_q [16];      // 16 counts of 12 bits a line of the result
  logic [4:0]   left_q;             // elements to count
  logic         end_q, last_q, drain_q, used_q;
  logic [3:0]   line_q;
  logic [7:0]   bin;

  assign ready_o = ~drain_q & ((left_q == 5'd0) | ((left_q == 5'd1) & ~end_q));
  assign bin     = bytes_q[7:0];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      left_q  <= 5'd0;
      drain_q <= 1'b0;
      line_q  <= 4'd0;
      used_q  <= 1'b0;
    end else if (en_i) begin
      if (valid_i & ready_o)    left_q <= count_i;
      else if (left_q != 5'd0)  left_q <= left_q - 5'd1;
      if (left_q == 5'd1 && end_q) drain_q <= 1'b1;
      if (drain_q) begin
        line_q <= line_q + 4'd1;
        if (line_q == 4'd15) drain_q <= 1'b0;
      end
      used_q <= (used_q | valid_i) & ~(drain_q & (line_q == 4'd15));
    end
  end
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      if (valid_i & ready_o) begin
        bytes_q <= bytes;
        end_q   <= end_i;
        last_q  <= last_i;
      end else begin
        bytes_q <= {8'd0, bytes_q[127:8]};
      end
    end
  end

  for (genvar n = 0; n < 16; n++) begin : g_line
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        counts_q[n] <= '0;
      end else if (en_i) begin
        if (drain_q && line_q == 4'(n)) begin
          counts_q[n] <= '0;
        end else if (left_q != 5'd0 && bin[7:4] == 4'(n)) begin
          counts_q[n][12*bin[3:0]+:12] <= counts_q[n][12*bin[3:0]+:12] + 12'd1;
        end
      end
    end
  end

  logic [191:0] line;
  assign line    = counts_q[line_q];
  assign busy_o  = drain_q | (left_q != 5'd0) | used_q;
  assign valid_o = drain_q;
  always_comb begin
    item_o      = '0;
    item_o.last = last_q & (line_q == 4'd15);
    for (int l = 0; l < 16; l++) item_o.data[32*l+:32] = {20'd0, line[12*l+:12]};
  end
endmodule
