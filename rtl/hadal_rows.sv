// The lines of a 2-D transfer in order, one a cycle: a DRAM address and a local one. Rows lie a stride apart, or, when
// they are gathered or scattered, where an index list in the SPM says (DRAM = base + index x pitch; local rows dense).
// Panels are rows of 17 DRAM lines that begin with the last one.
module hadal_rows (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         start_i,      // with everything below; only when free_o
  input  logic         gather_i,
  input  logic         panel_i,
  input  logic [47:0]  dram_i,
  input  logic [25:0]  local_i,
  input  logic [31:0]  rows_i,
  input  logic [11:0]  len_i,
  input  logic [11:0]  dram_stride_i,
  input  logic [11:0]  local_stride_i,
  input  logic [25:0]  index_i,      // line of the index list
  input  logic [31:0]  pitch_i,
  input  logic [3:0]   setup_i,      // cycles before the first line
  input  logic         hold_i,       // do not read the index list yet
  output logic         free_o,       // may start
  output logic         valid_o,
  output logic [47:0]  dram_o,
  output logic [15:0]  local_o,
  output logic         last_o,
  output logic         none_o,       // the transfer is empty: valid, with nothing to move
  input  logic         ready_i,
  output logic         spm_req_o,
  output logic [15:0]  spm_line_o,
  input  logic         spm_gnt_i,
  input  logic         spm_valid_i,
  input  logic [511:0] spm_data_i
);
  logic         busy_q, gather_q, panel_q, none_q, row_known_q, list_ask_q, list_here_q;
  logic [3:0]   setup_q;
  logic [31:0]  rows_q, row_q, pitch_q;
  logic [11:0]  len_q, at_q;
  logic [11:0]  dstride_q, lstride_q;
  logic [47:0]  row_dram_q;
  logic [15:0]  row_local_q;
  logic [25:0]  index_q;
  logic [511:0] list_q;
  logic [31:0]  number_q;  // of the list, for the row
  // Where a row is gathered from: the product of its index and the pitch, in two parts, 0 otherwise.
  logic [47:0]  far_low_q, far_high_q, pitch;
  logic [11:0]  dram_at;
  logic         go, row_end, look;

  assign free_o  = !busy_q;
  assign go      = busy_q && setup_q == '0 && (none_q || row_known_q);
  assign valid_o = go;
  assign none_o  = none_q;
  assign dram_at = !panel_q ? at_q : at_q == '0 ? 12'd16 : at_q - 12'd1;
  assign dram_o  = row_dram_q + far_low_q + far_high_q + {36'd0, dram_at};
  assign local_o = row_local_q + {4'd0, at_q};
  assign row_end = at_q == len_q - 12'd1;
  assign last_o  = none_q || (row_end && row_q == rows_q - 32'd1);
  assign look     = busy_q && gather_q && !none_q && !row_known_q && list_here_q;
  assign pitch    = {16'd0, pitch_q};
  assign spm_req_o  = list_ask_q && !(hold_i && row_q == '0);
  assign spm_line_o = index_q[15:0] + row_q[19:4];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q      <= 1'b0;
      row_known_q <= 1'b0;
      list_ask_q  <= 1'b0;
      list_here_q <= 1'b0;
      setup_q     <= '0;
    end else if (start_i) begin
      busy_q      <= 1'b1;
      setup_q     <= setup_i;
      none_q      <= rows_i == '0 || len_i == '0;
      gather_q    <= gather_i;
      panel_q     <= panel_i;
      rows_q      <= rows_i;
      row_q       <= '0;
      len_q       <= len_i;
      at_q        <= '0;
      dstride_q   <= gather_i ? '0 : dram_stride_i;
      lstride_q   <= gather_i ? len_i : local_stride_i;
      far_low_q   <= '0;
      far_high_q  <= '0;
      row_dram_q  <= dram_i;
      row_local_q <= local_i[15:0];
      index_q     <= index_i;
      pitch_q     <= pitch_i;
      row_known_q <= !gather_i;
      list_ask_q  <= gather_i && rows_i != '0 && len_i != '0;
      list_here_q <= 1'b0;
    end else begin
      if (setup_q != '0) setup_q <= setup_q - 1'b1;
      if (list_ask_q && spm_gnt_i) list_ask_q <= 1'b0;
      if (spm_valid_i) begin
        list_q      <= spm_data_i;
        number_q    <= spm_data_i[31:0];
        list_here_q <= 1'b1;
      end
      if (look) begin
        far_low_q   <= {32'd0, number_q[15:0]} * pitch;
        far_high_q  <= {16'd0, number_q[31:16], 16'd0} * pitch;
        row_known_q <= 1'b1;
      end
      if (go && ready_i) begin
        if (last_o) busy_q <= 1'b0;
        if (row_end) begin
          at_q        <= '0;
          row_q       <= row_q + 32'd1;
          number_q    <= list_q[{row_q[3:0] + 4'd1, 5'd0} +: 32];
          row_dram_q  <= row_dram_q + {36'd0, dstride_q};
          row_local_q <= row_local_q + {4'd0, lstride_q};
          if (gather_q) begin
            row_known_q <= 1'b0;
            if (row_q[3:0] == 4'd15) begin
              list_here_q <= 1'b0;
              list_ask_q  <= !last_o;
            end
          end
        end else begin
          at_q <= at_q + 12'd1;
        end
      end
    end
  end
  logic unused;
  assign unused = &{1'b0, local_i[25:16], index_q[25:16], row_q[31:20]};
endmodule
