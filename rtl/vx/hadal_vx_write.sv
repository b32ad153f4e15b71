// Results to memory: items find their place, neighbours in a line become one write, writes leave in order.
module hadal_vx_write (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  // Where the items of the next instruction go
  input  logic                 job_valid_i,
  input  hadal_vx_pkg::write_t job_i,
  output logic                 job_ready_o,
  // Items
  input  logic                 valid_i,
  input  hadal_vx_pkg::item_t  item_i,
  output logic                 ready_o,
  // Memory
  output logic                 req_o,
  output logic                 acc_o,
  output logic [15:0]          line_o,
  output logic [63:0]          wstrb_o,
  output logic [511:0]         wdata_o,
  input  logic                 gnt_i,
  output logic                 done_o   // the last write of an instruction was granted
);
  localparam int unsigned Aw = hadal_vx_pkg::AddressWidth;

  ////////////////////////
  // Place of an item  //
  ////////////////////////

  // A register for items, so that the datapath sees no memory in its stall.
  hadal_vx_pkg::item_t head_q, skid_q;
  logic                head_valid_q, skid_valid_q, accept;

  assign ready_o = ~skid_valid_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      head_valid_q <= 1'b0;
      skid_valid_q <= 1'b0;
    end else begin
      if (!head_valid_q | accept) head_valid_q <= skid_valid_q | (valid_i & ready_o);
      if (head_valid_q & ~accept) skid_valid_q <= skid_valid_q | (valid_i & ready_o);
      else                        skid_valid_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!head_valid_q | accept) head_q <= skid_valid_q ? skid_q : item_i;
    if (ready_o)                skid_q <= item_i;
  end

  // Both streams of the instruction at hand.
  logic                 active_q, step_main, step_aux, main_valid, aux_valid, main_last, aux_last;
  logic                 unused_seek_main, unused_seek_aux, main_acc_q, load;
  logic [Aw-1:0]        main_address, aux_address, address, end_address;
  logic [6:0]           main_bytes, aux_bytes, bytes;

  assign load        = job_valid_i & ~active_q;
  assign job_ready_o = ~active_q;
  hadal_vx_walk u_main (
    .clk_i, .rst_ni, .load_i(load), .stream_i(job_i.main), .index_valid_i(1'b0), .index_i(16'd0),
    .index_ready_o(unused_seek_main), .valid_o(main_valid), .address_o(main_address), .bytes_o(main_bytes),
    .last_o(main_last), .step_i(step_main)
  );
  hadal_vx_walk u_aux (
    .clk_i, .rst_ni, .load_i(load), .stream_i(job_i.aux), .index_valid_i(1'b0), .index_i(16'd0),
    .index_ready_o(unused_seek_aux), .valid_o(aux_valid), .address_o(aux_address), .bytes_o(aux_bytes),
    .last_o(aux_last), .step_i(step_aux)
  );
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni)                    active_q <= 1'b0;
    else if (load)                  active_q <= 1'b1;
    else if (accept & head_q.last)  active_q <= 1'b0;
  end
  always_ff @(posedge clk_i) if (load) main_acc_q <= job_i.main.acc;

  assign step_main   = accept & (head_q.advance | ~(head_q.aux | head_q.placed));
  assign step_aux    = accept & head_q.aux;
  assign address     = head_q.aux ? aux_address : head_q.placed ? main_address + {7'd0, head_q.offset} : main_address;
  assign bytes       = head_q.aux ? aux_bytes : head_q.placed ? head_q.bytes : main_bytes;
  assign end_address = address + {15'd0, bytes};

  // Moved to its place in two lines.
  logic [1023:0] data;
  logic [127:0]  strobe, ones;
  logic          high;
  assign ones   = (128'd1 << bytes) - 128'd1;
  assign data   = {512'd0, head_q.data} << {address[5:1], 4'd0};
  assign strobe = ones << {address[5:1], 1'b0};
  assign high   = |strobe[127:64];

  ////////////////
  // Two lines //
  ////////////////

  // `line` collects; `next` is the rest of an item that reached into the line after it.
  logic         line_valid_q, line_last_q, line_acc_q, next_valid_q, next_last_q;
  logic [15:0]  line_q, next_line_q;
  logic [63:0]  line_strobe_q, next_strobe_q;
  logic [511:0] line_data_q, next_data_q;
  logic         item_valid, item_acc, in_line, in_next, same, may_write, must_write, write, queue_full, base_valid;
  logic         base_last, fits_line, fits_next;
  logic [15:0]  base_line;
  logic [63:0]  base_strobe;
  logic [511:0] base_data;

  assign item_valid = head_valid_q & active_q;
  assign item_acc   = main_acc_q & ~head_q.aux;
  assign in_line    = line_q == address[Aw-1:6];
  assign in_next    = next_line_q == address[Aw-1:6];
  assign same       = in_line & (line_acc_q == item_acc);

  // A line leaves when it is full or done with.
  assign may_write  = line_valid_q & ~queue_full;
  assign must_write = may_write & (next_valid_q | line_last_q | (&line_strobe_q));
  assign write      = must_write | (may_write & item_valid & ~same);

  // What an item meets after that.
  assign base_valid  = write ? next_valid_q : line_valid_q;
  assign base_last   = write ? next_last_q : line_last_q;
  assign base_line   = write ? next_line_q : line_q;
  assign base_strobe = write ? next_strobe_q : line_strobe_q;
  assign base_data   = write ? next_data_q : line_data_q;

  // An item goes into what is left: `line`, or `next` where the line leaves. An item of another line makes it leave, so
  // both answers are formed beside the comparison.
  assign fits_line = ~line_valid_q | (same & ~line_last_q);
  assign fits_next = ~next_valid_q | (in_next & (line_acc_q == item_acc) & ~next_last_q);
  assign accept    = item_valid & ((same ? must_write : may_write) ? fits_next : ~next_valid_q & fits_line);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      line_valid_q <= 1'b0;
      next_valid_q <= 1'b0;
      line_last_q  <= 1'b0;
      next_last_q  <= 1'b0;
    end else begin
      line_valid_q <= accept | base_valid;
      line_last_q  <= accept ? (head_q.last & ~high) : (base_valid & base_last);
      next_valid_q <= accept ? high : (next_valid_q & ~write);
      next_last_q  <= accept ? (head_q.last & high) : (next_last_q & ~write);
    end
  end

  always_ff @(posedge clk_i) begin
    if (accept) begin
      line_q        <= address[Aw-1:6];
      line_acc_q    <= item_acc;
      line_strobe_q <= (base_valid ? base_strobe : 64'd0) | strobe[63:0];
      for (int i = 0; i < 64; i++) begin
        line_data_q[8*i+:8] <= strobe[i] ? data[8*i+:8] : base_data[8*i+:8];
      end
      next_line_q   <= end_address[Aw-1:6];
      next_strobe_q <= strobe[127:64];
      next_data_q   <= data[1023:512];
    end else if (write) begin
      line_q        <= base_line;
      line_strobe_q <= base_strobe;
      line_data_q   <= base_data;
    end
  end

  ////////////////////////
  // Lines on their way //
  ////////////////////////

  // A line that finds its bank taken waits here, so that the items behind it do not.
  logic head_last;
  hadal_vx_fifo #(.Width(594), .Depth(2)) u_queue (
    .clk_i, .rst_ni, .push_i(write), .data_i({line_last_q, line_acc_q, line_q, line_strobe_q, line_data_q}),
    .full_o(queue_full), .valid_o(req_o), .data_o({head_last, acc_o, line_o, wstrb_o, wdata_o}), .pop_i(req_o & gnt_i)
  );
  assign done_o = req_o & gnt_i & head_last;

  logic unused;
  assign unused = main_valid | aux_valid | main_last | aux_last | unused_seek_main | unused_seek_aux |
                  (|end_address[5:0]);
endmodule
