// One vector instruction on the functional simulator (see reference.h).
#include "reference.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "chip/chip.h"
#include "program/program.h"
#include "sim/functional.h"

namespace hadal::dv {
namespace {

constexpr uint64_t kSpmAt = 1000, kAccAt = 10000;  // DRAM lines of the images

program::Segment segment(const char* name, uint64_t line, const std::vector<uint8_t>& bytes) {
  return {name, line, bytes.size() / kLineBytes, false, std::as_bytes(std::span(bytes)), nullptr};
}

isa::Instr load(bool acc, uint64_t from, size_t bytes) {
  isa::Instr instr;
  instr.op = isa::Op::kLd;
  instr.d.acc = acc;
  instr.h.offset = static_cast<uint32_t>(from);
  instr.rows = 1;
  instr.len = static_cast<uint16_t>(bytes / kLineBytes);
  instr.psem = 0;
  instr.pcnt = 1;
  return instr;
}

}  // namespace

std::string reference(const isa::Instr& instr, const Config& config, Image& image) {
  chip::Chip chip;
  chip.name = "bench";
  chip.cores = 1;
  chip.imem_instructions = 512;
  chip.fifo_depth = 8;
  chip.spm.bytes = image.spm.size();
  chip.acc.bytes = image.acc.size();

  program::Program program;
  program.chip = chip.name;
  program.segments = {segment("spm", kSpmAt, image.spm), segment("acc", kAccAt, image.acc)};
  program::Stream stream;
  const auto add = [&](const isa::Instr& i) { stream.code.push_back(isa::encode(i)); };
  add(load(false, kSpmAt, image.spm.size()));
  add(load(true, kAccAt, image.acc.size()));
  isa::Instr sync;
  sync.op = isa::Op::kSync;
  sync.unit = static_cast<uint8_t>(isa::Unit::kVx);
  sync.wcnt = 2;
  add(sync);
  for (size_t key = 0; key < config.size(); ++key) {
    if (config[key] == 0) continue;
    isa::Instr cfg;
    cfg.op = isa::Op::kCfg;
    cfg.unit = static_cast<uint8_t>(isa::Unit::kVx);
    cfg.key = static_cast<uint8_t>(key);
    cfg.imm = config[key];
    add(cfg);
  }
  add(instr);
  add(isa::Instr{});  // HALT
  program.cores.push_back(stream);
  try {
    sim::Functional functional(chip, program, {});
    functional.launch();
    std::memcpy(image.spm.data(), functional.spm(0).data(), image.spm.size());
    std::memcpy(image.acc.data(), functional.acc(0).data(), image.acc.size());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace hadal::dv
