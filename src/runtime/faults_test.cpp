// The compiled program of real layers under adversity: random interleavings give one result, and every planted fault
// is caught. interleavings_slow_test.cpp runs a thousand of them.
#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "runtime/layer_program.h"

namespace hadal::runtime {
namespace {

using testing::LayerProgram;

TEST_F(LayerProgram, RandomInterleavingsGiveOneResult) { expect_one_result(40); }

// One planted fault: picks an instruction and spoils it.
struct Fault {
  const char* name;
  std::function<bool(const isa::Instr&)> picks;
  std::function<void(isa::Instr&)> spoil;
};

isa::Instr skipped(const isa::Instr& i, bool keep_wait, bool keep_post) {
  isa::Instr sync{.op = isa::Op::kSync};
  sync.unit = static_cast<uint8_t>(isa::unit_of(i));
  if (keep_wait) sync.wsem = i.wsem, sync.wcnt = i.wcnt;
  if (keep_post) sync.psem = i.psem, sync.pcnt = i.pcnt;
  return sync;
}

std::vector<Fault> faults() {
  using isa::Op;
  auto posts = [](Op op) { return [op](const isa::Instr& i) { return i.op == op && i.pcnt > 0; }; };
  auto waits = [](Op op) { return [op](const isa::Instr& i) { return i.op == op && i.wcnt > 0; }; };
  auto any = [](Op op) { return [op](const isa::Instr& i) { return i.op == op; }; };
  auto no_post = [](isa::Instr& i) { i.psem = i.pcnt = 0; };
  auto no_wait = [](isa::Instr& i) { i.wsem = i.wcnt = 0; };
  auto one_more = [](isa::Instr& i) { ++i.wcnt; };
  std::vector<Fault> out;
  // A post that never comes.
  out.push_back({"load without its post", posts(Op::kLd), no_post});
  out.push_back({"product without its post", posts(Op::kMma), no_post});
  out.push_back({"quantise without its post", posts(Op::kVqnt), no_post});
  out.push_back({"store without its post", posts(Op::kSt), no_post});
  out.push_back({"exchange post left out",
                 [](const isa::Instr& i) { return i.op == Op::kSync && i.flags == isa::flag::kRemote; }, no_post});
  out.push_back({"post on another semaphore", posts(Op::kVqnt), [](isa::Instr& i) { i.psem = 28; }});
  // A wait for the wrong count.
  out.push_back({"load waits for one token more", waits(Op::kLd), one_more});
  out.push_back({"product waits for one token more", waits(Op::kMma), one_more});
  out.push_back({"vector waits for one token more", waits(Op::kValu), one_more});
  out.push_back({"exchange waits for one core more",
                 [](const isa::Instr& i) { return i.op == Op::kSync && i.wsem >= 29; }, one_more});
  out.push_back({"exchange waits for one core less",
                 [](const isa::Instr& i) { return i.op == Op::kSync && i.wsem >= 29; },
                 [](isa::Instr& i) { --i.wcnt; }});
  // An order that is not enforced.
  out.push_back({"product does not wait", waits(Op::kMma), no_wait});
  out.push_back({"quantise does not wait", waits(Op::kVqnt), no_wait});
  out.push_back({"vector does not wait", waits(Op::kValu), no_wait});
  out.push_back({"store does not wait", waits(Op::kSt), no_wait});
  out.push_back({"scatter does not wait", waits(Op::kStg), no_wait});
  out.push_back({"send does not wait", waits(Op::kSnd), no_wait});
  out.push_back({"load of the expert count does not wait", waits(Op::kLdr), no_wait});
  // A transfer to the wrong place.
  out.push_back({"load over the constants in use", any(Op::kLd), [](isa::Instr& i) {
                   i.d.offset = 0;
                   i.rows = 1;
                   i.len = 4;
                 }});
  out.push_back({"load beyond the scratchpad", any(Op::kLd), [](isa::Instr& i) { i.d.offset = 0x7FFF; }});
  out.push_back({"load from unmapped DRAM", any(Op::kLd), [](isa::Instr& i) { i.h = {0, 1}; }});
  out.push_back({"store to read-only weights", any(Op::kSt), [](isa::Instr& i) { i.h = {0, 2048}; }});
  out.push_back({"scatter beyond its area", any(Op::kStg), [](isa::Instr& i) { i.h.offset += 1u << 20; }});
  out.push_back({"product beyond the accumulators", any(Op::kMma), [](isa::Instr& i) { i.d.offset = 0x7FF0; }});
  // Data nobody wrote.
  out.push_back({"load left out", posts(Op::kLd), [](isa::Instr& i) { i = skipped(i, true, true); }});
  out.push_back({"first product accumulates on nothing",
                 [](const isa::Instr& i) { return i.op == Op::kMma && (i.flags & isa::flag::kClr); },
                 [](isa::Instr& i) { i.flags &= static_cast<uint8_t>(~isa::flag::kClr); }});
  return out;
}

TEST_F(LayerProgram, EveryPlantedFaultIsCaught) {
  int planted = 0;
  for (const Fault& fault : faults()) {
    // The first instruction of core 1 that the fault picks, past the set-up.
    program::Program program = compiled_.programs[0];
    program::Instructions& code = program.cores[1].code;
    bool found = false;
    for (size_t pc = 0; pc < code.size(); ++pc) {
      isa::Instr instr = isa::decode(code[pc]);
      if (!fault.picks(instr)) continue;
      fault.spoil(instr);
      code.set(pc, isa::encode(instr));
      found = true;
      break;
    }
    ASSERT_TRUE(found) << fault.name << ": no instruction to spoil";
    ++planted;
    try {
      run(program, std::nullopt);
      ADD_FAILURE() << fault.name << ": not caught";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kFault) << fault.name << ": " << error.what();
      EXPECT_NE(std::string(error.what()).find("core "), std::string::npos) << fault.name << ": " << error.what();
    }
  }
  EXPECT_GE(planted, 20);
}

}  // namespace
}  // namespace hadal::runtime
