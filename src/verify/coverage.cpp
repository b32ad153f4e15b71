// The crosses of instruction, function, flags and formats, and which of them an instruction has.
#include "verify/coverage.h"

#include <fmt/format.h>

#include "isa/table.h"
#include "verify/random_program.h"

namespace hadal::verify {
namespace {

using isa::Op;

constexpr const char* kTypes[] = {"f32", "bf16"};
constexpr const char* kSpaces[] = {"spm", "acc"};
constexpr const char* kBroadcasts[] = {"none", "row", "col", "scalar"};
constexpr const char* kGroups[] = {"G128", "G64", "G32"};

std::string function_name(const isa::Instr& i) {
  for (const isa::Field& field : isa::row_of(i.op).fields) {
    if (field.kind == isa::Kind::kFunc) return fmt::format("{}.{}", isa::name(i.op), field.names[i.func]);
  }
  return std::string(isa::name(i.op));
}

std::string mma_name(bool clr, bool rsc, int layout, bool da, bool db, int group) {
  constexpr const char* kLayouts[] = {"blocked", "BR", "BT"};
  return fmt::format("MMA {} {} A{} B{} {}",
                     clr   ? "CLR"
                     : rsc ? "RSC"
                           : "add",
                     kLayouts[layout], da ? 2 : 1, db ? 2 : 1, kGroups[group]);
}

std::string vector_name(const isa::Instr& i) {
  std::string name = function_name(i);
  const int group = i.flags >> isa::flag::kGroupShift;
  switch (i.op) {
    case Op::kValu:
      if (static_cast<isa::Alu>(i.func) == isa::Alu::kAbs)
        return fmt::format("{} {}->{}", name, kTypes[i.at], kTypes[i.dt]);
      [[fallthrough]];
    case Op::kVmula:
      return fmt::format("{} {} {},{}->{}", name, kBroadcasts[i.bc], kTypes[i.at], kTypes[i.bt], kTypes[i.dt]);
    case Op::kVsfu:
    case Op::kVred: return fmt::format("{} {}->{}", name, kTypes[i.at], kTypes[i.dt]);
    case Op::kVqnt: return fmt::format("{} {} digits={} {}", name, kTypes[i.at], i.digits, kGroups[group]);
    case Op::kVcvt:
      return static_cast<isa::Cvt>(i.func) == isa::Cvt::kQ2f ? fmt::format("{} {}", name, kGroups[group]) : name;
    case Op::kVprm:
      return static_cast<isa::Prm>(i.func) == isa::Prm::kPairswap ? fmt::format("{} {}", name, kTypes[i.at]) : name;
    default: return name;
  }
}

}  // namespace

std::vector<std::string> crosses_of(const isa::Instr& i) {
  const bool by_register = (i.flags & isa::flag::kRowsReg) != 0;
  std::vector<std::string> names;
  const isa::Unit unit = isa::unit_of(i);
  if (i.wcnt != 0) names.push_back(fmt::format("wait in {}", isa::name(unit)));
  if (i.pcnt != 0) names.push_back(fmt::format("post in {}", isa::name(unit)));
  switch (i.op) {
    case Op::kLd:
    case Op::kLdg:
      names.push_back(fmt::format("{} {} {}", isa::name(i.op), kSpaces[i.d.acc], by_register ? "rows=rN" : "rows=n"));
      break;
    case Op::kSt:
    case Op::kStg:
      names.push_back(fmt::format("{} {} {}", isa::name(i.op), kSpaces[i.a.acc], by_register ? "rows=rN" : "rows=n"));
      break;
    case Op::kLdx: names.push_back(fmt::format("LDX {}", kSpaces[i.d.acc])); break;
    case Op::kSnd: names.push_back(fmt::format("SND {}->{}", kSpaces[i.a.acc], kSpaces[i.d.acc])); break;
    case Op::kMma: {
      const int layout = (i.flags & isa::flag::kBr) != 0 ? 1 : (i.flags & isa::flag::kBt) != 0 ? 2 : 0;
      names.push_back(mma_name((i.flags & isa::flag::kClr) != 0, (i.flags & isa::flag::kRsc) != 0, layout,
                               (i.flags & isa::flag::kDa) != 0, (i.flags & isa::flag::kDb) != 0,
                               i.flags >> isa::flag::kGroupShift));
      if (i.m == 0 || i.n == 0 || i.kg == 0) names.emplace_back("MMA empty");
      break;
    }
    case Op::kLdr: names.push_back(fmt::format("LDR {}", 8 << i.size)); break;
    case Op::kLoop: names.push_back(fmt::format("LOOP {}", i.len == 0 ? "empty" : i.src != 0 ? "n=rN" : "n")); break;
    case Op::kSync:
      names.push_back(fmt::format("SYNC {}{}", isa::name(unit), (i.flags & isa::flag::kRemote) != 0 ? " REMOTE" : ""));
      break;
    case Op::kCfg: names.push_back(fmt::format("CFG {}.{}", isa::name(unit), isa::cfg_words(unit)[i.key].name)); break;
    case Op::kHalt:
    case Op::kSet:
    case Op::kAdd:
    case Op::kSkipz: names.emplace_back(isa::name(i.op)); break;
    default:
      names.push_back(vector_name(i));
      names.push_back(fmt::format("{} to {}", function_name(i), kSpaces[i.d.acc]));
      if (i.rows == 0 || i.cols == 0) names.emplace_back("VX empty");
      break;
  }
  return names;
}

Coverage::Coverage() {
  const auto want = [&](const isa::Instr& i) {
    if (!isa::defect(i).empty()) return;
    for (const std::string& name : crosses_of(i)) {
      if (!name.starts_with("wait") && !name.starts_with("post")) counts_[name] = 0;
    }
  };
  for (const isa::Row& row : isa::table()) {
    // Every value of what the crosses look at; combinations that do not encode are not wanted.
    for (int func = 0; func < 16; ++func) {
      for (int flags = 0; flags < 256; ++flags) {
        for (int bits = 0; bits < 256; ++bits) {
          isa::Instr x;
          x.op = row.op;
          x.flags = static_cast<uint8_t>(flags);
          x.func = static_cast<uint8_t>(func);
          if (bits >= 64 && row.op != Op::kCfg) break;
          switch (row.op) {
            case Op::kMma:
              if (func != 0 || bits != 0) continue;
              x.m = x.n = x.kg = 1;
              x.d.acc = true;
              break;
            case Op::kLd:
            case Op::kLdg:
            case Op::kLdx:
            case Op::kSt:
            case Op::kStg:
            case Op::kSnd:
              if (func != 0 || bits > 3) continue;
              x.len = 1;
              x.d.acc = (bits & 1) != 0;
              x.a.acc = (bits & 2) != 0;
              break;
            case Op::kValu:
            case Op::kVmula:
            case Op::kVsfu:
            case Op::kVred:
            case Op::kVcvt:
            case Op::kVprm:
            case Op::kVsel:
            case Op::kVqnt:
              x.rows = x.cols = 1;
              x.at = bits & 1;
              x.bt = bits >> 1 & 1;
              x.dt = bits >> 2 & 1;
              x.bc = bits >> 3 & 3;
              x.d.acc = (bits >> 5 & 1) != 0;
              if (row.op == Op::kVqnt) {
                x.digits = static_cast<uint8_t>(1 + (bits >> 1 & 1));
                x.bt = 0;
              }
              break;
            case Op::kSync:
              if (func != 0 || bits > 5) continue;
              x.unit = static_cast<uint8_t>(bits);
              break;
            case Op::kCfg:
              if (func != 0) continue;
              x.unit = static_cast<uint8_t>(bits >> 5);
              x.key = static_cast<uint8_t>(bits & 31);
              break;
            case Op::kLdr:
              if (func != 0 || bits > 2) continue;
              x.size = static_cast<uint8_t>(bits);
              break;
            case Op::kLoop:
              if (func != 0 || bits > 2) continue;
              x.len = bits == 0 ? 0 : 1;
              x.src = bits == 2 ? 1 : 0;
              break;
            default:
              if (func != 0 || bits != 0) continue;
          }
          want(x);
        }
      }
    }
  }
  counts_["MMA empty"] = counts_["VX empty"] = 0;
  for (int u = 0; u < isa::kUnits; ++u) {
    counts_[fmt::format("wait in {}", isa::name(static_cast<isa::Unit>(u)))] = 0;
    counts_[fmt::format("post in {}", isa::name(static_cast<isa::Unit>(u)))] = 0;
  }
}

void Coverage::add(const std::vector<std::string>& covered) {
  for (const std::string& name : covered) {
    if (const auto at = counts_.find(name); at != counts_.end()) ++at->second;
  }
}

size_t Coverage::hit() const {
  size_t count = 0;
  for (const auto& [name, hits] : counts_) count += hits != 0;
  return count;
}

std::vector<std::string> Coverage::missing() const {
  std::vector<std::string> names;
  for (const auto& [name, hits] : counts_) {
    if (hits == 0) names.push_back(name);
  }
  return names;
}

}  // namespace hadal::verify
