// CTL: executes its own instructions in order and dispatches the others, with their registers read, to the queues of
// the
// units. One instruction a cycle; the end of a loop body costs nothing unless a surrounding body ends there too, or its
// last instruction writes a register that the loop steps.
module hadal_ctl (
  input  logic              clk_i,
  input  logic              rst_ni,
  // fetch
  output logic [23:0]       pc_d_o,
  output logic              looping_o,
  output logic [23:0]       loop_first_o,
  input  logic              instr_valid_i,
  input  logic [127:0]      instr_i,
  // dispatch
  output logic [5:0]        push_o,     // by unit; CTL's own is not used
  output hadal_pkg::issue_t issue_o,
  input  logic [5:0]        full_i,
  // its own wait and post
  output logic              ask_o,
  output logic [4:0]        ask_sem_o,
  output logic [5:0]        ask_count_o,
  input  logic              take_i,
  output logic              post_o,
  output logic              rpost_o,
  output logic [47:0]       rpost_mask_o,
  output logic [4:0]        post_sem_o,
  output logic [1:0]        post_count_o,
  input  logic              rpost_ready_i,
  // LDR
  output logic              spm_req_o,
  output logic [15:0]       spm_line_o,
  input  logic              spm_gnt_i,
  input  logic              spm_valid_i,
  input  logic [511:0]      spm_data_i,
  output logic              halted_o,
  output logic              fault_o,    // an opcode that does not exist
  output logic [23:0]       pc_o
);
  typedef enum logic [2:0] {Run, LdrRead, LdrData, LdrWrite, Bubble, RemotePost, Halted} state_e;
  state_e state_q, state_d;
  logic [23:0] pc_q, pc_d;
  assign pc_o   = pc_q;
  assign pc_d_o = pc_d;

  // ---- Decode ----
  logic [5:0]  op;
  logic [7:0]  flags;
  logic [2:0]  unit;
  logic        known;
  assign op    = instr_i[hadal_isa_pkg::HEADER_OP_LSB +: 6];
  assign flags = instr_i[hadal_isa_pkg::HEADER_FLAGS_LSB +: 8];
  always_comb begin
    known = 1'b1;
    case (op)
      hadal_isa_pkg::OP_SYNC, hadal_isa_pkg::OP_CFG: unit = instr_i[hadal_isa_pkg::SYNC_UNIT_LSB +: 3];
      hadal_isa_pkg::OP_LD, hadal_isa_pkg::OP_LDG, hadal_isa_pkg::OP_LDX: unit = hadal_isa_pkg::UNIT_LD;
      hadal_isa_pkg::OP_ST, hadal_isa_pkg::OP_STG: unit = hadal_isa_pkg::UNIT_ST;
      hadal_isa_pkg::OP_SND: unit = hadal_isa_pkg::UNIT_NX;
      hadal_isa_pkg::OP_MMA: unit = hadal_isa_pkg::UNIT_MM;
      hadal_isa_pkg::OP_VALU, hadal_isa_pkg::OP_VMULA, hadal_isa_pkg::OP_VSFU, hadal_isa_pkg::OP_VRED,
      hadal_isa_pkg::OP_VQNT, hadal_isa_pkg::OP_VCVT, hadal_isa_pkg::OP_VPRM, hadal_isa_pkg::OP_VSEL:
        unit = hadal_isa_pkg::UNIT_VX;
      hadal_isa_pkg::OP_HALT, hadal_isa_pkg::OP_SET, hadal_isa_pkg::OP_ADD, hadal_isa_pkg::OP_LDR,
          hadal_isa_pkg::OP_LOOP,
      hadal_isa_pkg::OP_SKIPZ: unit = hadal_isa_pkg::UNIT_CTL;
      default: begin
        unit  = hadal_isa_pkg::UNIT_CTL;
        known = 1'b0;
      end
    endcase
  end

  // ---- Registers: the operands of the instruction ----
  logic [47:0] r_q [0:15];
  logic        is_st, is_gather;
  logic [19:0] f_d, f_a, f_b;
  logic [3:0]  count_reg, rows_reg, mask_reg;
  logic [47:0] cfg_rs, skip_value, count_value, cfg_value, line_d, line_a, line_b;
  logic [9:0]  f_rows;

  assign is_st     = op == hadal_isa_pkg::OP_ST || op == hadal_isa_pkg::OP_STG;
  assign is_gather = op == hadal_isa_pkg::OP_LDG || op == hadal_isa_pkg::OP_STG;
  assign f_d = instr_i[hadal_isa_pkg::LD_D_LSB +: 20];
  assign f_a = is_st ? instr_i[hadal_isa_pkg::ST_S_LSB +: 20] : op == hadal_isa_pkg::OP_LDR ?
               instr_i[hadal_isa_pkg::LDR_S_LSB +: 20] : instr_i[hadal_isa_pkg::MMA_A_LSB +: 20];
  assign f_b = is_gather ? instr_i[hadal_isa_pkg::LDG_IDX_LSB +: 20] : instr_i[hadal_isa_pkg::MMA_B_LSB +: 20];
  assign line_d = r_q[f_d[19:16]] + {33'd0, f_d[14:0]};
  assign line_a = r_q[f_a[19:16]] + {33'd0, f_a[14:0]};
  assign line_b = r_q[f_b[19:16]] + {33'd0, f_b[14:0]};
  always_comb begin
    f_rows = is_gather ? instr_i[hadal_isa_pkg::LDG_ROWS_LSB +: 10] : op == hadal_isa_pkg::OP_SND ?
             instr_i[hadal_isa_pkg::SND_ROWS_LSB +: 10] : instr_i[hadal_isa_pkg::LD_ROWS_LSB +: 10];
  end
  assign count_reg   = instr_i[hadal_isa_pkg::LOOP_N_LSB +: 4];
  assign rows_reg    = f_rows[3:0];
  assign mask_reg    = op == hadal_isa_pkg::OP_SND ? instr_i[hadal_isa_pkg::SND_MASK_LSB +: 4] :
                       instr_i[hadal_isa_pkg::SYNC_MASK_LSB +: 4];
  assign cfg_rs      = r_q[instr_i[hadal_isa_pkg::CFG_RS_LSB +: 4]];
  assign skip_value  = r_q[instr_i[hadal_isa_pkg::SKIPZ_RS_LSB +: 4]];
  assign count_value = r_q[count_reg];
  assign cfg_value   = (cfg_rs << instr_i[hadal_isa_pkg::CFG_SH_LSB +: 4]) +
                       {16'd0, instr_i[hadal_isa_pkg::CFG_IMM_LSB +: 32]};

  logic rows_by_reg;
  assign rows_by_reg = op != hadal_isa_pkg::OP_SND && (flags & hadal_isa_pkg::FLAG_LD_RREG) != 8'd0;
  always_comb begin
    issue_o.instr = instr_i;
    issue_o.d     = line_d[25:0];
    issue_o.a     = line_a[25:0];
    issue_o.b     = line_b[25:0];
    issue_o.dram  = r_q[instr_i[hadal_isa_pkg::LD_S_LSB+28 +: 4]] + {20'd0, instr_i[hadal_isa_pkg::LD_S_LSB +: 28]};
    issue_o.rows  = rows_by_reg ? r_q[rows_reg][31:0] : {22'd0, f_rows};
    issue_o.mask  = r_q[mask_reg];
    issue_o.value = cfg_value[31:0];
  end

  // ---- Loops ----
  // First, last, end, passes left, steps: register and increment, three times.
  localparam int LevelW = 24 + 24 + 24 + 48 + 66;
  // The innermost level stands by itself, those around it in a stack.
  logic [LevelW-1:0] top_q, outer, outer_q [0:hadal_isa_pkg::LOOP_DEPTH-2];
  logic [23:0]       bottom_first_q;
  logic [2:0]        depth_q, depth_d;
  logic [23:0]       top_first, top_last, top_end;
  logic [47:0]       top_left;
  logic [65:0]       top_steps, loop_steps;
  logic              in_loop, push_level, end_pass, unwind, stepped_too;
  logic [47:0]       passes;
  logic [23:0]       pc_next, pc_target, loop_end, loop_last, skipped, wanted;
  logic [22:0]       carried;
  logic              next_ends, target_ends;  // the innermost body

  assign in_loop = depth_q != 3'd0;
  assign {top_first, top_last, top_end, top_left, top_steps} = top_q;
  assign outer   = outer_q[2'(depth_q - 3'd2)];
  assign looping_o    = in_loop;
  assign loop_first_o = bottom_first_q;
  logic unused;
  assign unused = &{1'b0, line_d[47:26], line_a[47:26], line_b[47:26], cfg_value[47:32]};
  assign passes  = instr_i[hadal_isa_pkg::LOOP_SRC_LSB] ? count_value : {32'd0, instr_i[hadal_isa_pkg::LOOP_N_LSB +:
      16]};
  assign pc_next = pc_q + 24'd1;
  assign loop_end = pc_next + {14'd0, instr_i[hadal_isa_pkg::LOOP_LEN_LSB +: 10]};
  assign loop_last = pc_q + {14'd0, instr_i[hadal_isa_pkg::LOOP_LEN_LSB +: 10]};
  assign pc_target = pc_next + skipped;
  // A register that is named twice gets the sum of its increments with the last of them, which is written last.
  logic [3:0]         step_reg0, step_reg1, step_reg2;
  logic [17:0]        inc0, inc1, inc2;
  assign step_reg0 = instr_i[hadal_isa_pkg::LOOP_AREG0_LSB +: 4];
  assign step_reg1 = instr_i[hadal_isa_pkg::LOOP_AREG1_LSB +: 4];
  assign step_reg2 = instr_i[hadal_isa_pkg::LOOP_AREG2_LSB +: 4];
  assign inc0 = {{2{instr_i[hadal_isa_pkg::LOOP_INC0_LSB+15]}}, instr_i[hadal_isa_pkg::LOOP_INC0_LSB +: 16]};
  assign inc1 = {{2{instr_i[hadal_isa_pkg::LOOP_INC1_LSB+15]}}, instr_i[hadal_isa_pkg::LOOP_INC1_LSB +: 16]} +
                (step_reg1 == step_reg0 ? inc0 : 18'd0);
  assign inc2 = {{2{instr_i[hadal_isa_pkg::LOOP_INC2_LSB+15]}}, instr_i[hadal_isa_pkg::LOOP_INC2_LSB +: 16]} +
                (step_reg2 == step_reg1 ? inc1 : step_reg2 == step_reg0 ? inc0 : 18'd0);
  assign loop_steps = {step_reg0, inc0, step_reg1, inc1, step_reg2, inc2};
  // Bodies that end together, empty bodies and skips to the end are unwound without an instruction, a level a cycle.
  assign unwind      = in_loop && pc_q == top_end;
  assign next_ends   = in_loop && pc_q == top_last;
  // pc_q + skipped == top_last without a sum: what each digit needs as a carry is what the one below gives.
  assign skipped     = op == hadal_isa_pkg::OP_LOOP ? {14'd0, instr_i[hadal_isa_pkg::LOOP_LEN_LSB +: 10]} :
                       {12'd0, instr_i[hadal_isa_pkg::SKIPZ_LEN_LSB +: 12]};
  assign wanted      = pc_q ^ skipped ^ top_last;
  assign carried     = (pc_q[22:0] & skipped[22:0]) | ((pc_q[22:0] | skipped[22:0]) & ~top_last[22:0]);
  assign target_ends = in_loop && wanted == {carried, 1'b0};

  // ---- LDR ----
  logic [543:0] line_padded;
  logic [31:0]  ldr_raw_q;
  logic [47:0]  ldr_value_d, ldr_value_q;
  logic [8:0]   ldr_bit;
  assign spm_req_o  = state_q == LdrRead || (clear && op == hadal_isa_pkg::OP_LDR);
  assign spm_line_o = line_a[15:0];
  assign ldr_bit    = {instr_i[hadal_isa_pkg::LDR_BYTE_LSB +: 6], 3'd0};
  assign line_padded = {32'd0, spm_data_i};  // a byte at the end of the line
  always_comb begin
    case (instr_i[hadal_isa_pkg::LDR_SIZE_LSB +: 2])
      2'd0: ldr_value_d = {40'd0, ldr_raw_q[7:0]};
      2'd1: ldr_value_d = {32'd0, ldr_raw_q[15:0]};
      default: ldr_value_d = {16'd0, ldr_raw_q};
    endcase
    ldr_value_d = ldr_value_d + {32'd0, instr_i[hadal_isa_pkg::LDR_ADD_LSB +: 16]};
    ldr_value_d = (ldr_value_d >> instr_i[hadal_isa_pkg::LDR_RSH_LSB +: 5]) << instr_i[hadal_isa_pkg::LDR_LSH_LSB +: 5];
  end
  always_ff @(posedge clk_i) begin
    if (spm_valid_i) ldr_raw_q <= line_padded[{1'b0, ldr_bit} +: 32];
    ldr_value_q <= ldr_value_d;
  end

  // ---- Wait, post, dispatch ----
  logic        here, own, clear, posts, remote, retire;
  logic [1:0]  pcnt;
  assign pcnt         = instr_i[hadal_isa_pkg::HEADER_PCNT_LSB +: 2];
  assign ask_sem_o    = instr_i[hadal_isa_pkg::HEADER_WSEM_LSB +: 5];
  assign ask_count_o  = instr_i[hadal_isa_pkg::HEADER_WCNT_LSB +: 6];
  assign post_sem_o   = instr_i[hadal_isa_pkg::HEADER_PSEM_LSB +: 5];
  assign post_count_o = pcnt;
  assign rpost_mask_o = issue_o.mask;
  assign remote = op == hadal_isa_pkg::OP_SYNC && (flags & hadal_isa_pkg::FLAG_SYNC_REMOTE) != 8'd0;
  assign here   = state_q == Run && instr_valid_i && !unwind;
  assign own    = here && unit == hadal_isa_pkg::UNIT_CTL;
  assign posts  = pcnt != 2'd0;
  assign ask_o   = own && ask_count_o != 6'd0;
  assign clear   = own && (ask_count_o == 6'd0 || take_i);
  assign rpost_o = state_q == RemotePost;
  always_comb begin
    push_o = '0;
    if (here && unit != hadal_isa_pkg::UNIT_CTL && !full_i[unit]) push_o[unit] = 1'b1;
  end

  // ---- Next state ----
  logic        ldr_pending_q;
  logic        write, skip_taken;
  logic [3:0]  write_reg;
  // Every instruction that writes has a sum of its own, made while the operation is decoded, which only chooses.
  logic [47:0] add_rs, add_rt, add_imm, add_sum, ldr_sum, written;
  assign add_rs  = r_q[instr_i[hadal_isa_pkg::ADD_RS_LSB +: 4]];
  assign add_rt  = r_q[instr_i[hadal_isa_pkg::ADD_RT_LSB +: 4]];
  assign add_imm = {{16{instr_i[hadal_isa_pkg::ADD_IMM_LSB+31]}}, instr_i[hadal_isa_pkg::ADD_IMM_LSB +: 32]};
  assign add_sum = (add_rs ^ add_rt ^ add_imm) +
                   (((add_rs & add_rt) | (add_rs & add_imm) | (add_rt & add_imm)) << 1);
  assign ldr_sum = ldr_value_q + r_q[instr_i[hadal_isa_pkg::LDR_RS_LSB +: 4]];
  assign written = op == hadal_isa_pkg::OP_ADD ? add_sum : op == hadal_isa_pkg::OP_LDR ? ldr_sum :
                   instr_i[hadal_isa_pkg::SET_IMM_LSB +: 48];
  always_comb begin
    state_d    = state_q;
    retire     = 1'b0;   // the instruction at pc_q is done; pc_d is the one behind it unless it jumps
    pc_d       = pc_q;
    depth_d    = depth_q;
    push_level = 1'b0;
    end_pass   = 1'b0;
    skip_taken = 1'b0;
    write      = 1'b0;
    write_reg  = instr_i[hadal_isa_pkg::SET_RD_LSB +: 4];
    post_o     = 1'b0;
    case (state_q)
      Run: begin
        if (unwind) begin
          end_pass = 1'b1;
        end else if (|push_o) begin
          retire = 1'b1;
        end else if (clear) begin
          retire = 1'b1;
          post_o = posts && !remote && op != hadal_isa_pkg::OP_LDR;
          case (op)
            hadal_isa_pkg::OP_SYNC: begin
              if (remote && posts) begin
                retire  = 1'b0;
                state_d = RemotePost;
              end
            end
            hadal_isa_pkg::OP_SET: write = 1'b1;
            hadal_isa_pkg::OP_ADD: write = 1'b1;
            hadal_isa_pkg::OP_LDR: begin
              retire  = 1'b0;
              state_d = spm_gnt_i ? LdrData : LdrRead;
            end
            hadal_isa_pkg::OP_LOOP: begin
              if (passes == 48'd0) skip_taken = 1'b1;
              else begin
                retire     = 1'b0;
                push_level = 1'b1;
                depth_d    = depth_q + 3'd1;
                pc_d       = pc_next;
              end
            end
            hadal_isa_pkg::OP_SKIPZ: begin
              if (skip_value == 48'd0) begin
                skip_taken = 1'b1;
                state_d    = Bubble;
              end
            end
            hadal_isa_pkg::OP_HALT: begin
              retire  = 1'b0;
              state_d = Halted;
            end
            default: ;
          endcase
        end
      end
      LdrRead: if (spm_gnt_i) state_d = LdrData;
      LdrData: if (spm_valid_i) state_d = LdrWrite;
      LdrWrite: state_d = Bubble;
      Bubble: state_d = Run;
      RemotePost: begin
        if (rpost_ready_i) begin
          retire  = 1'b1;
          state_d = Run;
        end
      end
      default: ;
    endcase
    // The value of an LDR is ready a cycle after its shift.
    if (state_q == Bubble && instr_valid_i && ldr_pending_q) begin
      retire      = 1'b1;
      write   = 1'b1;
      post_o  = posts;
    end
    if (retire) begin
      pc_d = skip_taken ? pc_target : pc_next;
      end_pass = (skip_taken ? target_ends : next_ends) && !stepped_too;
    end
    if (end_pass) begin
      if (top_left != 48'd1) begin
        pc_d = top_first;
      end else begin
        depth_d = depth_q - 3'd1;
        pc_d    = top_end;
      end
    end
  end

  // Registers after the steps of the innermost loop. Where the last instruction of a body writes one of them, the body
  // ends a cycle later, with the new value, as bodies do that end together.
  logic [143:0] stepped;
  logic [2:0]   writes_step;
  for (genvar i = 0; i < 3; i++) begin : gen_step
    logic [3:0]  place;
    assign place   = top_steps[i*22+18 +: 4];
    assign stepped[i*48 +: 48] = r_q[place] + {{30{top_steps[i*22+17]}}, top_steps[i*22 +: 18]};
    assign writes_step[i]      = place == instr_i[hadal_isa_pkg::SET_RD_LSB +: 4];
  end
  assign stepped_too = writes_step != '0 && (op == hadal_isa_pkg::OP_SET || op == hadal_isa_pkg::OP_ADD ||
                                             op == hadal_isa_pkg::OP_LDR);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q       <= Bubble;
      pc_q          <= '0;
      depth_q       <= '0;
      ldr_pending_q <= 1'b0;
      fault_o       <= 1'b0;
      for (int i = 0; i < 16; i++) r_q[i] <= '0;
    end else begin
      state_q <= state_d;
      pc_q    <= pc_d;
      depth_q <= depth_d;
      if (state_q == LdrWrite) ldr_pending_q <= 1'b1;
      else if (state_q == Bubble) ldr_pending_q <= 1'b0;
      if (here && !known) fault_o <= 1'b1;
      if (write && write_reg != 4'd0) r_q[write_reg] <= written;
      // Steps come after the instruction that ends the body, one after the other.
      if (end_pass) begin
        if (top_steps[65:62] != 4'd0) r_q[top_steps[65:62]] <= stepped[143:96];
        if (top_steps[43:40] != 4'd0) r_q[top_steps[43:40]] <= stepped[95:48];
        if (top_steps[21:18] != 4'd0) r_q[top_steps[21:18]] <= stepped[47:0];
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (push_level) begin
      top_q <= {pc_next, loop_last, loop_end, passes, loop_steps};
      if (in_loop) outer_q[2'(depth_q - 3'd1)] <= top_q;
      else bottom_first_q <= pc_next;
    end else if (end_pass) begin
      if (top_left == 48'd1) top_q <= outer;
      else top_q[113:66] <= top_left - 48'd1;
    end
  end

  assign halted_o = state_q == Halted;
endmodule
