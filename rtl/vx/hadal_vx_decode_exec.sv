// Datapath controls of an instruction. Combinational.
module hadal_vx_decode_exec (
  input  logic [5:0]          op_i,
  input  logic [3:0]          func_i,
  input  logic                a_bf16_i,
  input  logic                b_bf16_i,
  input  logic                d_bf16_i,
  input  logic                b_one_i,
  input  logic                use_a_i,
  input  logic                use_b_i,
  input  logic                use_c_i,
  input  logic [9:0]          rows_i,
  input  logic [8:0]          chunks_i,
  input  logic [4:0]          last_i,
  input  logic [3:0]          group_chunks_i,
  input  logic                two_digits_i,
  input  logic [31:0]         emin_i,
  input  logic [1:0]          byte_i,
  input  logic [31:0]         imm_i,
  output hadal_vx_pkg::exec_t exec_o
);
  // EMIN biased by 127. Beyond 511 every number becomes zero digits, and 0 stands for -126.
  logic [8:0] emin;
  always_comb begin
    if (emin_i == 32'd0 || $signed(emin_i) < -32'sd126) emin = 9'd1;
    else if ($signed(emin_i) > 32'sd384)                emin = 9'd511;
    else                                                emin = emin_i[8:0] + 9'd127;
  end

  always_comb begin
    exec_o            = '0;
    exec_o.part       = hadal_vx_pkg::UnitLane;
    exec_o.op         = hadal_vx_pkg::OpMove;
    exec_o.source     = hadal_vx_pkg::SourceA;
    exec_o.func       = func_i[1:0];
    exec_o.a_format   = a_bf16_i ? hadal_vx_pkg::FormatBf16 : hadal_vx_pkg::FormatF32;
    exec_o.b_format   = b_bf16_i ? hadal_vx_pkg::FormatBf16 : hadal_vx_pkg::FormatF32;
    exec_o.c_format   = d_bf16_i ? hadal_vx_pkg::FormatBf16 : hadal_vx_pkg::FormatF32;
    exec_o.b_one      = b_one_i;
    exec_o.use_a      = use_a_i;
    exec_o.use_b      = use_b_i;
    exec_o.use_c      = use_c_i;
    exec_o.d_bf16     = d_bf16_i;
    exec_o.rows       = rows_i;
    exec_o.chunks     = chunks_i;
    exec_o.last       = last_i;
    exec_o.group      = group_chunks_i;
    exec_o.two_digits = two_digits_i;
    exec_o.emin       = emin;
    exec_o.byte_no    = byte_i;
    exec_o.imm        = imm_i;
    case (op_i)
      hadal_isa_pkg::OP_VALU: begin
        case (func_i)
          hadal_isa_pkg::FUNC_VALU_ADD:   exec_o.op = hadal_vx_pkg::OpAdd;
          hadal_isa_pkg::FUNC_VALU_SUB:   exec_o.op = hadal_vx_pkg::OpSub;
          hadal_isa_pkg::FUNC_VALU_MUL:   exec_o.op = hadal_vx_pkg::OpMul;
          hadal_isa_pkg::FUNC_VALU_MAX:   exec_o.op = hadal_vx_pkg::OpMax;
          hadal_isa_pkg::FUNC_VALU_MIN:   exec_o.op = hadal_vx_pkg::OpMin;
          hadal_isa_pkg::FUNC_VALU_ABS:   exec_o.op = hadal_vx_pkg::OpAbs;
          hadal_isa_pkg::FUNC_VALU_SEL:   exec_o.op = hadal_vx_pkg::OpSel;
          hadal_isa_pkg::FUNC_VALU_CMPGE: exec_o.op = hadal_vx_pkg::OpCmpge;
          default:                        exec_o.op = hadal_vx_pkg::OpCmpeq;
        endcase
      end
      hadal_isa_pkg::OP_VMULA: exec_o.op = hadal_vx_pkg::OpMula;
      hadal_isa_pkg::OP_VSFU:  exec_o.part = hadal_vx_pkg::UnitSfu;
      hadal_isa_pkg::OP_VRED: begin
        exec_o.part = (func_i == hadal_isa_pkg::FUNC_VRED_SUM) ? hadal_vx_pkg::UnitSum : hadal_vx_pkg::UnitMax;
      end
      hadal_isa_pkg::OP_VQNT:  exec_o.part = hadal_vx_pkg::UnitQuant;
      hadal_isa_pkg::OP_VCVT: begin
        case (func_i)
          hadal_isa_pkg::FUNC_VCVT_I2F: exec_o.op = hadal_vx_pkg::OpI2f;
          hadal_isa_pkg::FUNC_VCVT_F2I: exec_o.op = hadal_vx_pkg::OpF2i;
          hadal_isa_pkg::FUNC_VCVT_Q2F: begin
            exec_o.op       = hadal_vx_pkg::OpMul;
            exec_o.a_format = hadal_vx_pkg::FormatE4m3;
            exec_o.b_format = hadal_vx_pkg::FormatF32;
          end
          default:                      exec_o.op = hadal_vx_pkg::OpPass;
        endcase
      end
      hadal_isa_pkg::OP_VPRM: begin
        exec_o.raw = 1'b1;
        case (func_i)
          hadal_isa_pkg::FUNC_VPRM_TRANSPOSE: exec_o.part = hadal_vx_pkg::UnitTranspose;
          hadal_isa_pkg::FUNC_VPRM_PAIRSWAP:  exec_o.source = hadal_vx_pkg::SourceSwap;
          hadal_isa_pkg::FUNC_VPRM_FILL:      exec_o.source = hadal_vx_pkg::SourceImm;
          hadal_isa_pkg::FUNC_VPRM_IOTA: begin
            exec_o.source = hadal_vx_pkg::SourceIndex;
            exec_o.op     = hadal_vx_pkg::OpI2f;
          end
          default: ;
        endcase
      end
      hadal_isa_pkg::OP_VSEL: begin
        exec_o.part = (func_i == hadal_isa_pkg::FUNC_VSEL_HIST) ? hadal_vx_pkg::UnitHist : hadal_vx_pkg::UnitCompress;
      end
      default: ;
    endcase
  end
endmodule
