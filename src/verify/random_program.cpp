// Draws instructions, lets the functional simulator judge them, and adds the order they need.
#include "verify/random_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <random>
#include <regex>
#include <set>

#include "base/error.h"
#include "sim/functional.h"
#include "verify/coverage.h"
#include "verify/exchange.h"

namespace hadal::verify {
namespace {

using isa::Unit;

constexpr uint64_t kIn = 0x1000, kOut = 0x9000;  // first lines of the two segments
constexpr uint64_t kOutLines = 1024;
constexpr uint64_t kCoreLines = 0x10000;  // from the segments of a core to those of the next
constexpr int kRepairs = 4000;

// Zones of the SPM by what they begin with: E4M3 digits, words, row numbers.
struct Zones {
  int spm, acc, digits_end, words_end;
  explicit Zones(const chip::Chip& chip)
      : spm(static_cast<int>(chip.spm.bytes / 64)),
        acc(static_cast<int>(chip.acc.bytes / 64)),
        digits_end(spm / 2),
        words_end(spm - spm / 16) {}
};

// A line of the program that the judge may take out or order.
struct Item {
  std::vector<std::string> lines;  // CFG words, then the instruction
  Unit unit = Unit::kCtl;
  bool ordered = false, removed = false;
  int loop_end = -1;  // LOOP and SKIPZ: first item behind the body
};

class Draw {
 public:
  Draw(const chip::Chip& chip, uint64_t seed, int core)
      : random_(seed), zones_(chip), sweep_(seed * kSweepStep), base_(static_cast<uint64_t>(core) * kCoreLines) {}

  int below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(std::max(1, n))); }
  int from(int low, int high) { return low + below(high - low + 1); }
  bool chance(double p) { return static_cast<double>(random_() >> 11) * 0x1p-53 < p; }
  uint64_t bits() { return random_(); }
  const Zones& zones() const { return zones_; }

  std::string pick(std::initializer_list<const char*> names) {
    return names.begin()[below(static_cast<int>(names.size()))];
  }
  std::string spm(int first, int end) {
    // r1..r3 hold small line numbers.
    const int line = from(first, end - 1);
    return chance(0.3) && line >= 40 ? fmt::format("spm[r{}+{}]", from(1, 3), line - 40) : fmt::format("spm[{}]", line);
  }
  std::string digits() { return spm(0, zones_.digits_end); }
  std::string words() { return spm(zones_.digits_end, zones_.words_end); }
  std::string indices() { return spm(zones_.words_end, zones_.spm); }
  std::string acc() { return fmt::format("acc[{}]", below(zones_.acc)); }
  std::string tile() { return chance(0.3) ? acc() : chance(0.8) ? words() : digits(); }
  int word() { return from(zones_.digits_end * 16, zones_.words_end * 16 - 1); }
  std::string rows(int most) {
    if (chance(0.06)) return "0";
    return chance(0.15) ? fmt::format("r{}", from(5, 7)) : fmt::format("{}", from(1, most));
  }

  Item item() {
    const int kind = below(100);
    if (kind < 3) return shown();
    if (kind < 24) return mma();
    if (kind < 66) return vector();
    if (kind < 76) return load();
    if (kind < 84) return store();
    if (kind < 89) return send();
    return control();
  }

 private:
  Item mma() {
    Item item;
    item.unit = Unit::kMm;
    const auto cfg = [&](const char* key, int value) {
      item.lines.push_back(fmt::format("CFG.MM.{} imm={}", key, value));
    };
    const int group = below(3), layout = below(3);
    const int m = chance(0.03) ? 0 : from(1, chance(0.3) ? 20 : 9), n = chance(0.03) ? 0 : from(1, chance(0.2) ? 3 : 2);
    const int kg = chance(0.03) ? 0 : from(1, 3);
    const int blocks = ((kg << (2 - group)) + 3) / 4;
    cfg("ARS", chance(0.5) ? 0 : from(2, 5));
    cfg("AGS", chance(0.7) ? 0 : from(2 * m, 2 * m + 9));
    cfg("ADS", from(1, 60));
    cfg("BNS", layout == 0   ? (chance(0.7) ? 0 : from(32, 35))
               : layout == 1 ? from(2 * blocks, 2 * blocks + 3)
                             : from(1, 3));
    cfg("BGS", chance(0.8) ? 0 : from(2, 40));
    cfg("BDS", from(1, 90));
    cfg("SA", word());
    cfg("SAG", chance(0.5) ? 0 : from(1, 30));
    cfg("SB", word());
    cfg("SBSH", chance(0.3) ? 31 : from(0, 7));
    cfg("SBN", chance(0.3) ? 0 : from(1, 20));
    cfg("SBG", from(0, 9));
    cfg("AL", word());
    cfg("CRS", chance(0.6) ? 0 : from(2 * n, 2 * n + 3));
    std::string flags = pick({"", " CLR", " RSC"});
    if (layout > 0) flags += layout == 1 ? " BR" : " BT";
    if (chance(0.4)) flags += " DA";
    if (chance(0.4)) flags += " DB";
    if (group > 0) flags += group == 1 ? " G64" : " G32";
    item.lines.push_back(
        fmt::format("MMA c={} a={} b={} m={} n={} kg={}{}", acc(), digits(), digits(), m, n, kg, flags));
    return item;
  }

  // A register that LDR writes, in memory for all to see.
  Item shown() {
    Item item;
    item.unit = Unit::kVx;
    const int size = below(3), rd = from(8, 9);
    item.lines = {fmt::format("LDR rd=r{} s={} byte={} size={} add={} rsh={} lsh={}", rd, words(),
                              below(64 >> size) << size, std::array{"u8", "u16", "u32"}[static_cast<size_t>(size)],
                              below(9), chance(0.5) ? 0 : below(20), below(4)),
                  fmt::format("CFG.VX.IMM rs=r{} sh={} imm={}", rd, below(16), below(1 << 20)),
                  fmt::format("VPRM.FILL d={} rows=1 cols={}", words(), from(1, 16))};
    return item;
  }

  Item vector() {
    Item item;
    item.unit = Unit::kVx;
    const auto cfg = [&](const char* key, int value) {
      item.lines.push_back(fmt::format("CFG.VX.{} imm={}", key, value));
    };
    const int rows = chance(0.03) ? 0 : from(1, chance(0.2) ? 20 : 6);
    const int cols = chance(0.03) ? 0 : chance(0.3) ? from(1, 16) : chance(0.7) ? from(1, 140) : from(100, 300);
    for (const char* key : {"AOFF", "BOFF", "DOFF"}) cfg(key, chance(0.8) ? 0 : from(1, 15));
    for (const char* key : {"ARS", "BRS", "DRS"})
      cfg(key, chance(0.7) ? 0 : from((cols + 15) / 16, (cols + 15) / 16 + 3));
    cfg("QRS", chance(0.5) ? 0 : from(2, 4));
    cfg("QGS", chance(0.7) ? 0 : from(4 * rows, 4 * rows + 5));
    cfg("QDS", from(1, 150));
    cfg("SRS", chance(0.5) ? 0 : from(1, 5));
    cfg("SGS", chance(0.5) ? 0 : from(5 * rows, 5 * rows + 5));
    cfg("CNT", word());
    cfg("BYTE", below(4));
    cfg("EMIN", chance(0.5) ? 0 : from(-140, 20));
    item.lines.push_back(fmt::format("CFG.VX.IMM rs=r{} sh={} imm={}", from(0, 9), below(16), below(1 << 30)));
    const std::string shape = fmt::format("rows={} cols={}", rows, cols);
    const std::string d = tile(), a = chance(0.15) ? d : tile(), b = chance(0.1) ? d : tile();
    const auto type = [&](const char* name) { return fmt::format(" {}={}", name, chance(0.5) ? "f32" : "bf16"); };
    const std::string bc = " bc=" + pick({"none", "row", "col", "scalar"});
    const std::string group = pick({"", " G64", " G32"});
    std::string text;
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        // In turn, because there are so many: consecutive seeds go through all functions, broadcasts and types.
        uint64_t turn = sweep_++;
        const auto next = [&](std::initializer_list<const char*> names) {
          const char* name = names.begin()[turn % names.size()];
          turn /= names.size();
          return std::string(name);
        };
        const std::string f = next({"ADD", "SUB", "MUL", "MAX", "MIN", "ABS", "SEL", "CMPGE", "CMPEQ"});
        const std::string at = next({"f32", "bf16"}), dt = next({"f32", "bf16"}), bt = next({"f32", "bf16"});
        const std::string how = next({"none", "row", "col", "scalar"});
        text = f == "ABS" ? fmt::format("VALU.ABS d={} a={} {} at={} dt={}", d, a, shape, at, dt)
                          : fmt::format("VALU.{} d={} a={} b={} {} bc={} at={} bt={} dt={}", f, d, a, b, shape, how, at,
                                        bt, dt);
        break;
      }
      case 4:
        text = fmt::format("VMULA d={} a={} b={} {}{}{}{}{}", d, a, b, shape, bc, type("at"), type("bt"), type("dt"));
        break;
      case 5:
        text = fmt::format("VSFU.{} d={} a={} {}{}{}", pick({"EXP2", "RCP", "RSQRT"}), d, a, shape, type("at"),
                           type("dt"));
        break;
      case 6:
        text = fmt::format("VRED.{} d={} a={} {}{}{}", pick({"SUM", "MAX", "AMAX", "ARGMAX"}), d, a, shape, type("at"),
                           type("dt"));
        break;
      case 7:
        text = fmt::format("VQNT d={} s={} a={} {} digits={}{}{}", digits(), words(), a, shape, from(1, 2), type("at"),
                           group);
        break;
      case 8: {
        const std::string f = pick({"F2B", "B2F", "I2F", "F2I", "Q2F"});
        text = f == "Q2F" ? fmt::format("VCVT.Q2F d={} a={} s={} {}{}", d, digits(), words(), shape, group)
                          : fmt::format("VCVT.{} d={} a={} {}", f, d, a, shape);
        break;
      }
      case 9:
      case 10: {
        const std::string f = pick({"COPY", "TRANSPOSE", "PAIRSWAP", "IOTA", "FILL", "GATHER"});
        if (f == "IOTA" || f == "FILL") {
          text = fmt::format("VPRM.{} d={} {}", f, d, shape);
        } else if (f == "GATHER") {
          text = fmt::format("VPRM.GATHER d={} a={} b={} {}", d, words(), indices(), shape);
        } else {
          text = fmt::format("VPRM.{} d={} a={} {}{}", f, d, a, shape, f == "PAIRSWAP" ? type("at") : "");
        }
        break;
      }
      default:
        text = chance(0.5) ? fmt::format("VSEL.COMPRESS d={} a={} t={} {}", d, a, b, shape)
                           : fmt::format("VSEL.HIST d={} a={} {}", d, a, shape);
    }
    item.lines.push_back(text);
    return item;
  }

  std::string dram(bool writable, int lines) {
    const int size = writable ? static_cast<int>(kOutLines) : zones_.spm;
    const int line = below(std::max(1, size - lines)) + static_cast<int>(base_ + (writable ? kOut : kIn));
    return chance(0.2) && line > 64 ? fmt::format("hbm[r{}+{}]", from(1, 3), line - 64) : fmt::format("hbm[{}]", line);
  }

  Item load() {
    Item item;
    item.unit = Unit::kLd;
    const int len = chance(0.04) ? 0 : from(1, chance(0.2) ? 20 : 5);
    const bool written = chance(0.3);
    const std::string d = chance(0.3) ? acc() : chance(0.5) ? words() : digits();
    switch (below(4)) {
      case 0:
        item.lines.push_back(fmt::format("CFG.LD.PITCH imm={}", from(1, 4)));
        item.lines.push_back(
            fmt::format("LDG d={} s={} idx={} rows={} len={}", d, dram(written, 700), indices(), rows(40), len));
        break;
      case 1:
        item.lines.push_back(fmt::format("CFG.LD.XSB imm={}", from(zones_.digits_end, zones_.words_end)));
        // The panels lie at the end of the segment `in`.
        item.lines.push_back(fmt::format("LDX d={} s=hbm[{}] blocks={}", d,
                                         base_ + kIn + static_cast<uint64_t>(zones_.spm + 17 * below(6)), from(0, 3)));
        break;
      default:
        item.lines.push_back(fmt::format("LD d={} s={} rows={} len={} sstride={} dstride={}", d, dram(written, 60),
                                         rows(8), len, from(0, 30), from(len, len + 4)));
    }
    return item;
  }

  Item store() {
    Item item;
    item.unit = Unit::kSt;
    const int len = chance(0.04) ? 0 : from(1, chance(0.2) ? 20 : 5);
    const std::string s = chance(0.4) ? acc() : chance(0.6) ? words() : digits();
    if (chance(0.4)) {
      item.lines.push_back(fmt::format("CFG.ST.PITCH imm={}", from(1, 4)));
      item.lines.push_back(
          fmt::format("STG d={} idx={} s={} rows={} len={}", dram(true, 700), indices(), s, rows(40), len));
    } else {
      item.lines.push_back(fmt::format("ST d={} s={} rows={} len={} sstride={} dstride={}", dram(true, 60), s, rows(8),
                                       len, from(0, 6), from(len, len + 20)));
      if (chance(0.1)) item.lines.insert(item.lines.begin(), "CFG.ST.XSB imm=3");
    }
    return item;
  }

  Item send() {
    Item item;
    item.unit = Unit::kNx;
    const int len = chance(0.06) ? 0 : from(1, 5);
    const auto place = [&] { return chance(0.3) ? acc() : chance(0.7) ? words() : digits(); };
    item.lines.push_back(fmt::format("SND d={} s={} rows={} len={} mask=r{} sstride={} dstride={}", place(), place(),
                                     chance(0.06) ? 0 : from(1, 6), len, chance(0.1) ? 0 : 4, from(0, 6),
                                     from(len, len + 3)));
    return item;
  }

  Item control() {
    Item item;
    switch (below(7)) {
      case 0: item.lines = {fmt::format("SET rd=r{} imm={}", from(0, 3), below(60))}; break;
      case 1: item.lines = {fmt::format("ADD rd=r{} rs=r{} imm={}", from(1, 3), from(1, 3), from(-9, 9))}; break;
      case 2: {
        const int size = below(3), rd = from(5, 9);
        const bool count = rd <= 7;  // of rows and loops: stays small, or a program takes for ever
        item.lines = {fmt::format("LDR rd=r{} s={} byte={} size={} add={} rsh={} lsh={} rs=r{}", rd,
                                  count || chance(0.5) ? indices() : words(), below(64 >> size) << size,
                                  std::array{"u8", "u16", "u32"}[static_cast<size_t>(size)], below(9), below(20),
                                  count ? 0 : below(4), count ? 0 : from(0, 9))};
        break;
      }
      case 3: item.lines = {fmt::format("SET rd=r{} imm={}", from(5, 7), below(7))}; break;
      case 4:
        item.lines = {"SKIPZ rs=r" + std::to_string(from(0, 9))};
        item.loop_end = from(1, 4);
        break;
      default:
        item.lines = {fmt::format("LOOP n={} step=r{}:{},r{}:{}",
                                  chance(0.3) ? "r" + std::to_string(from(5, 7)) : std::to_string(below(4)), from(1, 3),
                                  from(-3, 4), from(1, 3), from(-3, 4))};
        item.loop_end = chance(0.1) ? 0 : from(1, 5);
    }
    return item;
  }

  // About as many draws of VALU as a program of 60 instructions has.
  static constexpr uint64_t kSweepStep = 8;

  std::mt19937_64 random_;
  Zones zones_;
  uint64_t sweep_;  // which combination of VALU is next
  uint64_t base_;   // of the segments of this core
};

// Contents of the segment `in`: digits, words with corner values, small row numbers, FP4 panels.
std::shared_ptr<std::vector<std::byte>> contents(Draw& draw, const Zones& zones) {
  auto bytes = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(zones.spm + 17 * 9) * 64);
  const auto store = [&](size_t at, uint32_t word) { std::memcpy(bytes->data() + at, &word, 4); };
  constexpr uint32_t kCorners[] = {0x00000000, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFFC12345,
                                   0x00000001, 0x807FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x3F800000, 0xBF800000};
  const double nan_rate = draw.chance(0.5) ? 0 : 0.001;
  for (size_t at = 0; at < bytes->size(); at += 4) {
    const auto line = static_cast<int>(at / 64);
    if (line < zones.digits_end) {
      uint32_t word = static_cast<uint32_t>(draw.bits());
      for (int i = 0; i < 4; ++i) {
        if ((word >> 8 * i & 0x7F) == 0x7F && !draw.chance(nan_rate)) word ^= 1u << 8 * i;
      }
      store(at, word);
    } else if (line < zones.words_end) {
      const double kind = static_cast<double>(draw.below(1000)) / 1000;
      if (kind < 0.02)
        store(at, kCorners[draw.below(static_cast<int>(std::size(kCorners)))]);
      else if (kind < 0.05)
        store(at, static_cast<uint32_t>(draw.bits()));
      else
        store(at, std::bit_cast<uint32_t>(static_cast<float>(draw.below(4096) - 2048) / 256.f));
    } else if (line < zones.spm) {
      store(at, static_cast<uint32_t>(draw.below(12)));
    } else if ((line - zones.spm) % 17 < 16) {
      store(at, static_cast<uint32_t>(draw.bits()));
    } else {
      const int base = draw.below(8) == 0 ? draw.below(20) : draw.from(100, 140);
      uint32_t word = 0;
      for (int i = 0; i < 4; ++i) word |= static_cast<uint32_t>(base + draw.below(15)) << 8 * i;
      store(at, word);
    }
  }
  return bytes;
}

class Builder {
 public:
  Builder(const chip::Chip& chip, uint64_t seed, int count, int core)
      : chip_(chip), core_(core), base_(static_cast<uint64_t>(core) * kCoreLines), draw_(chip, seed, core) {
    for (int i = 0; i < count; ++i) {
      items_.push_back(draw_.item());
      Item& item = items_.back();
      if (item.loop_end >= 0) item.loop_end += i + 1;
    }
    // Bodies end inside the surrounding one.
    std::vector<int> ends{count};
    for (int i = 0; i < count; ++i) {
      while (ends.size() > 1 && ends.back() <= i) ends.pop_back();
      Item& item = items_[static_cast<size_t>(i)];
      if (item.loop_end < 0) continue;
      item.loop_end = std::min(item.loop_end, ends.back());
      ends.push_back(item.loop_end);
    }
    data_ = contents(draw_, draw_.zones());
    program_.chip = chip.name;
    program_.operators = {"random"};
    program_.segments.resize(2);
    program_.segments[0] = {fmt::format("in{}", core), base_ + kIn, data_->size() / 64, false, *data_, data_};
    program_.segments[1] = {fmt::format("out{}", core), base_ + kOut, kOutLines, true, {}, nullptr};
    shuffle_seed_ = draw_.bits();
  }

  RandomProgram build() {
    for (int repair = 0; repair < kRepairs; ++repair) {
      emit();
      std::string fault;
      try {
        sim::Functional(chip_, program_).launch();
        return finished();
      } catch (const Error& error) {
        fault = error.what();
        check(error.kind() == ErrorKind::kFault, "{}", fault);
      }
      mend(fault);
    }
    throw Error(ErrorKind::kInternal, "a random program cannot be made legal");
  }

 private:
  void line(const std::string& text, int item) {
    code_.push_back(isa::assemble_line(text, "random program"));
    item_of_.push_back(item);
  }

  // Item i behind everything that other units were given before: each posts to its unit, which waits for all of them.
  void order(int i, Unit unit) {
    std::vector<int> posters;
    for (int u = 0; u < isa::kUnits; ++u) {
      if (u != static_cast<int>(unit) && u != 0 && used_[static_cast<size_t>(u)]) posters.push_back(u);
    }
    std::vector<int> tokens;
    for (const int u : posters) {
      tokens.push_back(1 + static_cast<int>(shuffle() % 3));
      line(fmt::format("SYNC unit={} post={}:{}{}", isa::name(static_cast<Unit>(u)), semaphore(u, unit), tokens.back(),
                       shuffle() % 4 == 0 ? " mask=r4 REMOTE" : ""),
           i);
    }
    for (size_t p = 0; p < posters.size(); ++p)
      line(fmt::format("SYNC unit={} wait={}:{}", isa::name(unit), semaphore(posters[p], unit), tokens[p]), i);
  }
  int semaphore(int poster, Unit waiter) const {
    return static_cast<int>(waiter) * 5 + (poster - (poster > static_cast<int>(waiter)));
  }
  uint64_t shuffle() { return shuffle_(); }

  void emit() {
    code_.clear();
    item_of_.clear();
    used_.fill(false);
    shuffle_.seed(shuffle_seed_);
    const Zones& zones = draw_.zones();
    // r1..r3 bases, r4 this core's mask, r5..r7 counts.
    line("SET rd=r1 imm=17", -1);
    line("SET rd=r2 imm=40", -1);
    line("SET rd=r3 imm=33", -1);
    line(fmt::format("SET rd=r4 imm={}", uint64_t{1} << core_), -1);
    line("SET rd=r5 imm=2", -1);
    line("SET rd=r6 imm=0", -1);
    line("SET rd=r7 imm=5", -1);
    line(fmt::format("LD d=spm[0] s=hbm[{}] rows=1 len={}", base_ + kIn, zones.spm), -1);
    line(fmt::format("LD d=acc[0] s=hbm[{}] rows=1 len={} post=30:3",
                     base_ + kIn + static_cast<uint64_t>(zones.digits_end), zones.acc),
         -1);
    line("SYNC unit=LD post=30:3", -1);  // a post gives at most three tokens
    for (int u = 0; u < isa::kUnits; ++u)
      line(fmt::format("SYNC unit={} wait=30:1", isa::name(static_cast<Unit>(u))), -1);
    struct Body {
      size_t at;
      int end;
    };
    std::vector<Body> bodies;
    for (int i = 0; i <= static_cast<int>(items_.size()); ++i) {
      while (!bodies.empty() && bodies.back().end <= i) {
        code_[bodies.back().at].len = static_cast<uint16_t>(code_.size() - bodies.back().at - 1);
        bodies.pop_back();
      }
      if (i == static_cast<int>(items_.size())) break;
      const Item& item = items_[static_cast<size_t>(i)];
      if (item.removed) continue;
      if (item.loop_end >= 0) {
        bodies.push_back({code_.size(), item.loop_end});
        line(item.lines[0] + " len=0", i);
        continue;
      }
      if (item.ordered) order(i, item.unit);
      for (const std::string& text : item.lines) line(text, i);
      if (item.unit != Unit::kCtl) used_[static_cast<size_t>(item.unit)] = true;
    }
    // Posts of CTL, and more tokens with SND than a semaphore holds: one that is given twice overflows.
    line("SYNC unit=CTL post=31:1", -1);
    line("SYNC unit=CTL post=31:2 mask=r4 REMOTE", -1);
    line("SYNC unit=VX wait=31:3", -1);
    // Data that is used as soon as its post is there, while LD writes to the same banks.
    order(-1, Unit::kNx);
    order(-1, Unit::kLd);
    const int arrived = semaphore(static_cast<int>(Unit::kNx), Unit::kSt);
    line(fmt::format("LD d=spm[128] s=hbm[{}] rows=1 len=192", base_ + kIn), -1);
    line(fmt::format("SND d=spm[64] s=spm[0] rows=8 len=8 sstride=8 dstride=8 mask=r4 post={}:1", arrived), -1);
    line(fmt::format("SYNC unit=ST wait={}:1", arrived), -1);
    line(fmt::format("ST d=hbm[{}] s=spm[64] rows=1 len=64", base_ + kOut), -1);
    line("LOOP n=40 len=2", -1);
    line("SND d=spm[0] s=spm[1] rows=0 len=1 mask=r4 post=31:2", -1);
    line("SYNC unit=VX wait=31:2", -1);
    for (const Unit unit : {Unit::kLd, Unit::kSt, Unit::kVx}) used_[static_cast<size_t>(unit)] = true;
    order(-1, Unit::kNx);
    line("HALT", -1);
    program_.cores.assign(static_cast<size_t>(chip_.cores), {});
    for (program::Stream& stream : program_.cores) {
      stream.code = {isa::encode(isa::assemble_line("HALT", "random program"))};
      stream.marks = {{0, 0}};
    }
    program::Stream& stream = program_.cores[static_cast<size_t>(core_)];
    stream.code.clear();
    for (const isa::Instr& instr : code_) stream.code.push_back(isa::encode(instr));
  }

  void mend(const std::string& fault) {
    std::set<int> named;
    const std::regex pattern("instruction ([0-9]+)");
    for (std::sregex_iterator at(fault.begin(), fault.end(), pattern), end; at != end; ++at)
      named.insert(item_of_.at(std::stoul((*at)[1])));
    const bool race = fault.find("not ordered") != std::string::npos;
    bool changed = false;
    for (const int i : named) {
      if (i < 0) continue;
      Item& item = items_[static_cast<size_t>(i)];
      if (race && !item.ordered) {
        item.ordered = changed = true;
      }
    }
    if (changed) return;
    for (const int i : named) {
      if (i < 0) continue;
      items_[static_cast<size_t>(i)].removed = true;
      return;
    }
    throw Error(ErrorKind::kInternal, fmt::format("a random program faults outside its instructions: {}", fault));
  }

  RandomProgram finished() {
    RandomProgram result;
    for (const isa::Instr& instr : code_) {
      const auto names = crosses_of(instr);
      result.covered.insert(result.covered.end(), names.begin(), names.end());
    }
    result.program = program_;
    return result;
  }

  const chip::Chip& chip_;
  const int core_;
  const uint64_t base_;
  Draw draw_;
  std::vector<Item> items_;
  std::shared_ptr<std::vector<std::byte>> data_;
  program::Program program_;
  std::vector<isa::Instr> code_;
  std::vector<int> item_of_;  // by instruction; -1: of the frame
  std::array<bool, isa::kUnits> used_{};
  uint64_t shuffle_seed_ = 0;
  std::mt19937_64 shuffle_;
};

}  // namespace

RandomProgram random_program(const chip::Chip& chip, uint64_t seed, int instructions) {
  if (chip.cores == 1) return Builder(chip, seed, instructions, 0).build();
  // Each core alone is legal, so all are together; what they send to each other comes after a barrier.
  RandomProgram all;
  std::vector<uint64_t> out;
  for (int c = 0; c < chip.cores; ++c) {
    const uint64_t own = seed * static_cast<uint64_t>(chip.cores) + static_cast<uint64_t>(c);
    RandomProgram one = Builder(chip, own, instructions / chip.cores, c).build();
    all.covered.insert(all.covered.end(), one.covered.begin(), one.covered.end());
    out.push_back(static_cast<uint64_t>(c) * kCoreLines + kOut);
    if (c == 0) {
      all.program = std::move(one.program);
      continue;
    }
    all.program.cores[static_cast<size_t>(c)] = one.program.cores[static_cast<size_t>(c)];
    for (program::Segment& segment : one.program.segments) all.program.segments.push_back(std::move(segment));
  }
  append_exchange(chip, seed, out, all);
  return all;
}

}  // namespace hadal::verify
