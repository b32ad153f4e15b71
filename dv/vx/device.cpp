// The Verilated vector unit between SPM and ACC models (see device.h).
#include "device.h"

#include <verilated.h>
#if VM_TRACE
#include <verilated_vcd_c.h>
#endif

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "Vhadal_vx.h"

namespace hadal::dv {

constexpr uint64_t kHangCycles = 100000;

Device::Device(const std::string& vcd, uint32_t seed) : top_(std::make_unique<Vhadal_vx>()), random_(seed) {
#if VM_TRACE
  if (!vcd.empty()) {
    Verilated::traceEverOn(true);
    trace_ = std::make_unique<VerilatedVcdC>();
    top_->trace(trace_.get(), 99);
    trace_->open(vcd.c_str());
  }
#else
  if (!vcd.empty()) throw std::runtime_error("built without waveforms: HADAL_VCD=1 dv/vx/build.sh");
#endif
  reset();
}

Device::~Device() {
#if VM_TRACE
  if (trace_) trace_->close();
#endif
}

void Device::dump([[maybe_unused]] uint64_t time) {
#if VM_TRACE
  if (trace_) trace_->dump(time);
#endif
}

void Device::tick() {
  top_->eval();
  dump(now_ * 10);
  top_->clk_i = 1;
  top_->eval();
  dump(now_ * 10 + 5);
  top_->clk_i = 0;
  ++now_;
}

void Device::reset() {
  top_->clk_i = 0;
  top_->valid_i = 0;
  top_->a_gnt_i = top_->b_gnt_i = top_->d_gnt_i = 0;
  top_->a_rvalid_i = top_->b_rvalid_i = top_->d_rvalid_i = 0;
  top_->rst_ni = 0;
  tick();
  tick();
  top_->rst_ni = 1;
}

// References to the pins of one memory port.
struct Device::Port {
  const CData &req, &we, &acc;
  const SData& line;
  const QData& strobe;
  const VlWide<16>& wdata;
  CData &gnt, &rvalid;
  VlWide<16>& rdata;
  ReturnQueue reads = {};
};

Run Device::run(const std::vector<isa::Instr>& code, Image& image, const Behaviour& behaviour) {
  Run result;
  Vhadal_vx& t = *top_;
  Port ports[] = {
      {t.a_req_o, t.a_we_o, t.a_acc_o, t.a_line_o, t.a_wstrb_o, t.a_wdata_o, t.a_gnt_i, t.a_rvalid_i, t.a_rdata_i},
      {t.b_req_o, t.b_we_o, t.b_acc_o, t.b_line_o, t.b_wstrb_o, t.b_wdata_o, t.b_gnt_i, t.b_rvalid_i, t.b_rdata_i},
      {t.d_req_o, t.d_we_o, t.d_acc_o, t.d_line_o, t.d_wstrb_o, t.d_wdata_o, t.d_gnt_i, t.d_rvalid_i, t.d_rdata_i}};
  const uint64_t start = now_;
  uint64_t last_event = now_;
  size_t next = 0;
  const auto line_of = [&](const Port& port) {
    std::vector<uint8_t>& memory = image.of(port.acc != 0);
    const size_t byte = size_t{port.line} * kLineBytes;
    if (byte >= memory.size()) throw std::runtime_error("an access beyond the end of a memory");
    return memory.data() + byte;
  };
  while (result.done.size() < code.size()) {
    t.valid_i = next < code.size();
    if (next < code.size()) {
      const isa::Instr& instr = code[next];
      const isa::Encoded encoded = isa::encode(instr);
      for (size_t i = 0; i < 4; ++i) t.instr_i[i] = encoded.word[i];
      t.cfg_value_i = static_cast<uint32_t>(instr.imm);
      t.d_line_i = instr.d.offset;
      t.a_line_i = instr.a.offset;
      t.b_line_i = instr.b.offset;
    }
    for (Port& port : ports) {
      port.gnt = 0;
      port.rvalid = port.reads.ready(now_);
      for (size_t i = 0; i < 16; ++i) port.rdata[i] = static_cast<uint32_t>(random_());  // nobody may look at it
      if (port.rvalid) {
        const Line line = port.reads.pop();
        for (size_t i = 0; i < 16; ++i) port.rdata[i] = line[i];
      }
    }
    t.eval();
    for (Port& port : ports) port.gnt = port.req && random_() % 256 < behaviour.grant_256ths;
    t.eval();
    // Reads see what was granted in earlier cycles.
    for (Port& port : ports) {
      if (!port.gnt || port.we) continue;
      Line line;
      std::memcpy(line.data(), line_of(port), kLineBytes);
      const unsigned spread = behaviour.max_latency - behaviour.min_latency + 1;
      port.reads.push(now_ + behaviour.min_latency + random_() % spread, line);
    }
    for (Port& port : ports) {
      if (!port.gnt || !port.we) continue;
      uint8_t* to = line_of(port);
      for (size_t i = 0; i < kLineBytes; ++i) {
        if (port.strobe >> i & 1) to[i] = static_cast<uint8_t>(port.wdata[i / 4] >> 8 * (i % 4));
      }
    }
    if (t.valid_i && t.ready_o) {
      result.accepted.push_back(now_ - start);
      last_event = now_;
      ++next;
    }
    if (t.done_o) {
      result.done.push_back(now_ - start);
      last_event = now_;
    }
    tick();
    if (now_ - last_event > kHangCycles) {
      result.hung = true;
      break;
    }
  }
  t.valid_i = 0;
  result.cycles = now_ - start;
  result.fault = t.fault_o != 0;
  return result;
}

}  // namespace hadal::dv
