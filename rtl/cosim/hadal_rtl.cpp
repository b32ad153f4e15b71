// The C interface of the Verilated cores (src/verify/rtl_abi.h); compiled by Verilator's make into a shared object.
#include "verify/rtl_abi.h"

#include <cstring>
#include <memory>
#include <type_traits>

#include "Vhadal_top.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

namespace {

// Bits [lsb, lsb + width) of a port, whatever Verilator made of it. Wide fields start on a word.
template <typename Signal>
uint64_t get(const Signal& signal, int lsb, int width) {
  const uint64_t mask = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
  if constexpr (std::is_integral_v<Signal>) {
    return static_cast<uint64_t>(signal) >> lsb & mask;
  } else {
    uint64_t value = 0;
    for (int bit = 0, word = lsb / 32, shift = lsb % 32; bit < width; ++word) {
      value |= static_cast<uint64_t>(signal[word] >> shift) << bit;
      bit += 32 - shift;
      shift = 0;
    }
    return value & mask;
  }
}

template <typename Signal>
void set(Signal& signal, int lsb, int width, uint64_t value) {
  if constexpr (std::is_integral_v<Signal>) {
    const uint64_t mask = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
    signal = static_cast<Signal>((static_cast<uint64_t>(signal) & ~(mask << lsb)) | (value & mask) << lsb);
  } else {
    for (int bit = 0; bit < width; ++bit) {
      const int at = lsb + bit;
      signal[at / 32] = (signal[at / 32] & ~(1u << at % 32)) | static_cast<uint32_t>(value >> bit & 1) << at % 32;
    }
  }
}

struct Model {
  VerilatedContext context;
  std::unique_ptr<Vhadal_top> top;
#if VM_TRACE
  std::unique_ptr<VerilatedFstC> trace;
#endif
  void eval() {
    top->eval();
#if VM_TRACE
    if (trace) trace->dump(context.time());
#endif
    context.timeInc(1);
  }
};

Model& of(void* model) { return *static_cast<Model*>(model); }

}  // namespace

extern "C" {

void* hadal_rtl_new(void) {
  auto model = std::make_unique<Model>();
#if VM_TRACE
  model->context.traceEverOn(true);
#endif
  model->top = std::make_unique<Vhadal_top>(&model->context);
  model->top->clk_i = 0;
  model->top->rst_ni = 0;
  return model.release();
}

void hadal_rtl_delete(void* model) {
#if VM_TRACE
  if (of(model).trace) of(model).trace->close();
#endif
  delete &of(model);
}

void hadal_rtl_mutant(void* model, int number) {
#ifdef HADAL_MUTANTS
  of(model).top->mutant_i = static_cast<CData>(number);
#else
  (void)model;
  (void)number;
#endif
}

int hadal_rtl_cores(void*) { return HADAL_CORES; }

void hadal_rtl_reset(void* model, int active) { of(model).top->rst_ni = active == 0; }

void hadal_rtl_settle(void* model, HadalRtlPort* ports) {
  Vhadal_top& top = *of(model).top;
  top.clk_i = 0;
  for (int c = 0; c < HADAL_CORES; ++c) {
    const HadalRtlPort& p = ports[c];
    set(top.boot_line_i, c * 48, 48, p.boot_line);
    set(top.boot_lines_i, c * 24, 24, p.boot_lines);
    set(top.ar_ready_i, c, 1, p.ar_ready);
    set(top.r_valid_i, c, 1, p.r_valid);
    set(top.r_id_i, c * 7, 7, p.r_id);
    if (p.r_valid != 0) std::memcpy(&top.r_data_i[c * 16], p.r_data, 64);
    set(top.aw_ready_i, c, 1, p.aw_ready);
    set(top.w_ready_i, c, 1, p.w_ready);
    set(top.b_valid_i, c, 1, p.b_valid);
  }
  of(model).eval();
  for (int c = 0; c < HADAL_CORES; ++c) {
    HadalRtlPort& p = ports[c];
    p.done = static_cast<uint8_t>(get(top.done_o, c, 1));
    p.fault = static_cast<uint8_t>(get(top.fault_o, c * 4, 4));
    p.ar_valid = static_cast<uint8_t>(get(top.ar_valid_o, c, 1));
    p.ar_id = static_cast<uint8_t>(get(top.ar_id_o, c * 7, 7));
    p.ar_line = get(top.ar_line_o, c * 48, 48);
    p.aw_valid = static_cast<uint8_t>(get(top.aw_valid_o, c, 1));
    p.aw_line = get(top.aw_line_o, c * 48, 48);
    p.w_valid = static_cast<uint8_t>(get(top.w_valid_o, c, 1));
    p.t_end = static_cast<uint8_t>(get(top.t_end_o, c, 1));
    if (p.w_valid != 0) std::memcpy(p.w_data, &top.w_data_o[c * 16], 64);
    p.t_pc = static_cast<uint32_t>(get(top.t_pc_o, c * 24, 24));
    p.t_issue = static_cast<uint8_t>(get(top.t_issue_o, c * 6, 6));
    p.t_done = static_cast<uint8_t>(get(top.t_done_o, c * 6, 6));
    p.t_write = static_cast<uint8_t>(get(top.t_write_o, c * 4, 4));
    if (p.t_write == 0) continue;
    p.t_acc = static_cast<uint8_t>(get(top.t_acc_o, c * 4, 4));
    p.t_half = static_cast<uint8_t>(get(top.t_half_o, c, 1));
    p.t_from = top.t_from_o;
    p.t_strb = get(top.t_strb_o, c * 64, 64);
    for (int w = 0; w < 4; ++w) p.t_line[w] = static_cast<uint16_t>(get(top.t_line_o, c * 64 + w * 16, 16));
    std::memcpy(p.t_data, &top.t_data_o[c * 64], sizeof p.t_data);
  }
}

void hadal_rtl_edge(void* model) {
  of(model).top->clk_i = 1;
  of(model).eval();
}

int hadal_rtl_trace(void* model, const char* path) {
#if VM_TRACE
  Model& m = of(model);
  if (m.trace) {
    m.trace->close();
    m.trace.reset();
  }
  if (path != nullptr) {
    m.trace = std::make_unique<VerilatedFstC>();
    m.top->trace(m.trace.get(), 99);
    m.trace->open(path);
  }
  return 1;
#else
  (void)model;
  (void)path;
  return 0;
#endif
}
}
