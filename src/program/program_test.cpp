// Programs: the rules they obey, the container and the text form, round trips and refusals.
#include "program/program.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <random>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/temporary_directory.h"
#include "isa/isa.h"
#include "program/values.h"

namespace hadal::program {
namespace {

constexpr const char* kText = R"(# two cores that exchange a line
.chip hadal-rtl
.segment weights line=0x100 lines=4 f32 1 -2.5 0*2 nan
.data line=2 byte=4 u32 0xdeadbeef 1..3
.segment cache line=0x80 lines=100 rw

.core 0
.op L0.load
  LD d=spm[0] s=hbm[0x100] rows=1 len=4 post=0:1
  LOOP n=3 to=done step=r1:2
.op L0.step
    ADD rd=r2 rs=r2 imm=-1
    SKIPZ rs=r2 to=inner
    SYNC unit=VX wait=0:1 post=0:1
inner: ADD rd=r3 imm=1
done:
.op L0.load
  HALT
.core 1
  HALT
)";

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.what();
  }
  return "";
}
std::string refusal(const std::string& text) {
  return refusal([&] { assemble(text, "p.hasm"); });
}

// What loading a container of these bytes is refused with.
std::string load_refusal(const std::string& bytes) {
  return refusal([&] { load(std::as_bytes(std::span(bytes)), nullptr, "c.hprog"); });
}

std::vector<std::byte> contents(const Segment& segment) {
  std::vector<std::byte> bytes(segment.data.begin(), segment.data.end());
  // Trailing zeros are the same as none.
  while (!bytes.empty() && bytes.back() == std::byte{0}) bytes.pop_back();
  return bytes;
}

void expect_equal(const Program& a, const Program& b) {
  EXPECT_EQ(a.chip, b.chip);
  ASSERT_EQ(a.cores.size(), b.cores.size());
  for (size_t core = 0; core < a.cores.size(); ++core) {
    ASSERT_EQ(a.cores[core].code, b.cores[core].code);
    for (size_t pc = 0; pc < a.cores[core].code.size(); ++pc) {
      EXPECT_EQ(a.operator_at(core, pc), b.operator_at(core, pc)) << "core " << core << " pc " << pc;
    }
  }
  ASSERT_EQ(a.segments.size(), b.segments.size());
  for (size_t i = 0; i < a.segments.size(); ++i) {
    EXPECT_EQ(a.segments[i].name, b.segments[i].name);
    EXPECT_EQ(a.segments[i].base_line, b.segments[i].base_line);
    EXPECT_EQ(a.segments[i].lines, b.segments[i].lines);
    EXPECT_EQ(a.segments[i].writable, b.segments[i].writable);
    EXPECT_EQ(contents(a.segments[i]), contents(b.segments[i]));
  }
}

class Scratch {
 public:
  explicit Scratch(const std::string& name) : path_(folder_.file(name)) {}
  const std::string& path() const { return path_; }
  std::string bytes() const { return std::string(MappedFile::open(path_).text()); }

 private:
  TemporaryDirectory folder_;
  std::string path_;
};

TEST(Program, AssemblesDirectivesLabelsAndData) {
  const Program p = assemble(kText, "p.hasm");
  EXPECT_EQ(p.chip, "hadal-rtl");
  ASSERT_EQ(p.cores.size(), 2u);
  ASSERT_EQ(p.cores[0].code.size(), 7u);
  EXPECT_EQ(p.cores[1].code.size(), 1u);
  EXPECT_EQ(isa::decode(p.cores[0].code[1]).len, 4);  // LOOP over four instructions
  EXPECT_EQ(isa::decode(p.cores[0].code[3]).len, 1);  // SKIPZ over one
  EXPECT_EQ(p.operators, (std::vector<std::string>{"L0.load", "L0.step"}));
  EXPECT_EQ(p.operator_at(0, 0), "L0.load");
  EXPECT_EQ(p.operator_at(0, 1), "L0.load");
  EXPECT_EQ(p.operator_at(0, 5), "L0.step");
  EXPECT_EQ(p.operator_at(0, 6), "L0.load");
  EXPECT_EQ(p.operator_at(1, 0), "");
  EXPECT_EQ(p.operator_at(9, 0), "");
  ASSERT_EQ(p.segments.size(), 2u);
  EXPECT_EQ(p.segments[0].name, "cache");  // ascending by line, whatever the order of the text
  EXPECT_TRUE(p.segments[0].writable);
  EXPECT_FALSE(p.segments[1].writable);
  const auto word = [&](size_t byte) {
    uint32_t value = 0;
    std::memcpy(&value, p.segments[1].data.data() + byte, 4);
    return value;
  };
  EXPECT_EQ(word(0), 0x3F800000u);
  EXPECT_EQ(word(4), 0xC0200000u);
  EXPECT_EQ(word(8), 0u);
  EXPECT_EQ(word(16), 0x7FC00000u);
  EXPECT_EQ(word(132), 0xDEADBEEFu);
  EXPECT_EQ(word(144), 3u);
  EXPECT_EQ(p.segments[1].data.size(), 148u);
}

TEST(Program, TextRoundTrips) {
  const Program p = assemble(kText, "p.hasm");
  const std::string text = disassemble(p);
  const Program again = assemble(text, "again.hasm");
  expect_equal(p, again);
  EXPECT_EQ(disassemble(again), text);
}

TEST(Program, ContainerRoundTrips) {
  const Program p = assemble(kText, "p.hasm");
  const Scratch file("roundtrip");
  save(p, file.path());
  EXPECT_FALSE(std::filesystem::exists(file.path() + ".partial"));
  const Program q = load(file.path());
  expect_equal(p, q);
  EXPECT_EQ(p.operators, q.operators);
  EXPECT_EQ(p.cores, q.cores);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(q.segments[1].data.data()) % 64, 0u);
}

TEST(Program, SegmentsOutliveTheFileTheyCameFrom) {
  std::span<const std::byte> data;
  std::shared_ptr<const void> owner;
  {
    const Scratch file("owner");
    save(assemble(kText, "p.hasm"), file.path());
    const Program p = load(file.path());
    data = p.segments[1].data;
    owner = p.segments[1].owner;
  }
  EXPECT_EQ(data[3], std::byte{0x3F});
}

TEST(Program, EveryTruncationOfAContainerIsRefused) {
  const Scratch file("truncated");
  save(assemble(kText, "p.hasm"), file.path());
  const std::string whole = file.bytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    ASSERT_NE(load_refusal(whole.substr(0, size)), "") << size << " of " << whole.size() << " bytes";
  }
  EXPECT_EQ(load_refusal(whole + "x"), "c.hprog: 1 bytes too many after the last segment");
}

TEST(Program, DamagedContainersAreRefusedOrHarmless) {
  const Scratch file("damaged");
  save(assemble(kText, "p.hasm"), file.path());
  const std::string whole = file.bytes();
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 rng(seed);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = whole;
    for (uint64_t n = 1 + rng() % 3; n > 0; --n) damaged[rng() % damaged.size()] = static_cast<char>(rng());
    if (!load_refusal(damaged).empty()) ++refused;
  }
  EXPECT_GT(refused, 1000);
}

TEST(Program, ContainerErrorsSayWhatIsWrong) {
  const Scratch file("errors");
  save(assemble(kText, "p.hasm"), file.path());
  const std::string whole = file.bytes();
  const auto edited = [&](const std::string& from, const std::string& to) {
    std::string bytes = whole;
    const size_t at = bytes.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    EXPECT_EQ(from.size(), to.size());
    return load_refusal(bytes.replace(at, from.size(), to)).substr(7);
  };
  EXPECT_EQ(edited("HADALPRG", "HADALPRX"), ": not a program file (.hprog); assemble one with 'hadal asm'");
  EXPECT_EQ(edited(std::string("PRG\1", 4), std::string("PRG\2", 4)),
            ": version 2 of the format; this program reads version 1");
  EXPECT_EQ(edited("\"base_line\":256", "\"base_line\":130"),
            ": segment weights at line 130 overlaps or precedes segment cache, which ends before line 228");
  EXPECT_EQ(edited("\"lines\":4,", "\"lines\":1,"), ": segment weights has 148 bytes of data but only 1 lines");
  EXPECT_EQ(edited("\"lines\":4,", "\"lines\":0,"), ": segment weights is empty");
  EXPECT_EQ(edited("\"chip\"", "\"chap\""), ": header: 'chip' is missing; assemble the program anew");
  EXPECT_EQ(edited("[[0,0]", "[[9,0]"), ": core 0: a mark at instruction 9 of 7");
  EXPECT_EQ(edited("[[0,0]", "[[0,7]"), ": core 0: a mark of operator 7 of 2");
  EXPECT_EQ(edited("[[0,0]", "[[3,0]"), ": core 0: marks must ascend, 2 follows 3");
  EXPECT_EQ(edited("[[0,0]", "[[-1,0"), ": the header is not valid JSON");
  EXPECT_EQ(edited("\"writable\":true", "\"writable\":1   "), ": header: writable must be true or false");
  const isa::Encoded halt = isa::encode(isa::Instr{});
  const std::string bits(reinterpret_cast<const char*>(&halt), sizeof halt);
  EXPECT_EQ(edited(bits, std::string(16, '\0')),
            ": core 0, instruction 6: bad encoding 00000000_00000000_00000000_00000000: opcode 0x00 is not defined");
  EXPECT_EQ(refusal([] { load("/nonexistent.hprog"); }), "/nonexistent.hprog: cannot open: No such file or directory");
  EXPECT_NE(refusal([] { save(assemble(kText, "p"), "/nonexistent/x.hprog"); }).find("cannot write"),
            std::string::npos);
}

TEST(Program, MalformedProgramsAreNotSaved) {
  Program p = assemble(kText, "p.hasm");
  EXPECT_EQ(defect(p), "");
  p.operators[0] = "two words";
  EXPECT_NE(defect(p), "");
  EXPECT_THROW(save(p, Scratch("never").path()), Error);
  EXPECT_THROW(disassemble(p), Error);
}

TEST(Program, TextErrorsNameTheLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"HALT\n", "p.hasm: no chip is named; begin with '.chip NAME'"},
      {".chip x\n", "p.hasm: there is no instruction; a program has at least HALT"},
      {".chip x\n\n  HALTT\n", "p.hasm:3: unknown instruction 'HALTT'; did you mean 'HALT'?"},
      {".chip x\n.chip y\nHALT\n", "p.hasm:2: the chip is named twice"},
      {".ship x\nHALT\n", "p.hasm:1: unknown directive '.ship'; did you mean '.chip'?"},
      {".core 48\n", "p.hasm:1: .core: '48' must be a number from 0 to 47"},
      {".op a b\n", "p.hasm:1: write .op NAME"},
      {".op a\n.op b\nHALT\n", "p.hasm:2: operator a has no instruction"},
      {".chip x\nHALT\n.op a\n", "p.hasm:3: operator a has no instruction"},
      {"a:\na:\nHALT\n", "p.hasm:2: label 'a' is defined twice on core 0"},
      {".chip x\nLOOP n=1 to=edn\nHALT\nend: HALT\n",
       "p.hasm:2: label 'edn' is not defined on core 0; did you mean 'end'?"},
      {".chip x\nend: LOOP n=1 to=end\nHALT\n", "p.hasm:2: label 'end' is -1 instructions ahead; it must be 1 to 1023"},
      {".chip x\nLOOP n=1 to=end\n.core 1\nend: HALT\n",
       "p.hasm:2: label 'end' is not defined on core 0; it has no labels"},
      {".segment a line=1\n", "p.hasm:1: segment a needs line=L and lines=N before its values"},
      {".segment a line=1 lines=1 f32 0*17\n", "p.hasm:1: more values than fit: there is room for 64 bytes"},
      {".segment a line=1 lines=1 f23 1\n", "p.hasm:1: unknown type 'f23'; did you mean 'f32'?"},
      {".segment a line=1 lines=1 u8 256\n", "p.hasm:1: u8 '256': a whole number from 0 to 255 is needed"},
      {".segment a line=1 lines=1 e4m3 449\n", "p.hasm:1: e4m3 '449': is not exactly an E4M3 number"},
      {".segment a line=1 lines=1 bf16 1.001\n", "p.hasm:1: bf16 '1.001': is not exactly a BF16 number"},
      {".segment a line=1 lines=2\n.segment b line=2 lines=2\n",
       "p.hasm:2: segment b overlaps segment a, lines 1 to 2"},
      {".segment a line=1 lines=2\n.segment a line=8 lines=2\n", "p.hasm:2: segment a is defined twice"},
      {".data f32 1\n", "p.hasm:1: .data continues a .segment, and there is none yet"},
      {".segment a line=1 lines=2\n.data line=3 u8 1\n", "p.hasm:2: offset 192 lies outside the segment of 128 bytes"},
      {".segment a line=1 lines=2 u8 1 _\n", "p.hasm:1: '_' stands for no value here"},
      {".cores 2\n.core 2\nHALT\n.cores 1\n", "p.hasm:4: there are already instructions for core 2"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(refusal(text), message) << text;
}

TEST(Program, CoresWithoutInstructionsHaltAtOnce) {
  const Program p = assemble(".chip x\n.cores 3\n.core 1\nSET rd=r1 imm=1\nHALT\n", "p.hasm");
  ASSERT_EQ(p.cores.size(), 3u);
  EXPECT_EQ(p.cores[0].code, Instructions{isa::encode(isa::Instr{})});
  EXPECT_EQ(p.cores[1].code.size(), 2u);
  EXPECT_EQ(p.cores[2].code, p.cores[0].code);
}

TEST(Program, SkipsReachFurtherThanLoops) {
  std::string body;
  for (int i = 0; i < 1024; ++i) body += "SYNC unit=LD\n";
  EXPECT_EQ(isa::decode(assemble(".chip x\nSKIPZ rs=r1 to=end\n" + body + "end: HALT\n", "p").cores[0].code[0]).len,
            1024);
  EXPECT_EQ(refusal(".chip x\nLOOP n=1 to=end\n" + body + "end: HALT\n"),
            "p.hasm:2: label 'end' is 1024 instructions ahead; it must be 1 to 1023");
}

TEST(Values, EveryE4m3NumberIsWrittenAndReadBack) {
  const std::string where = "v:1";
  for (int code = 0; code < 256; ++code) {
    if (code % 128 == 127) continue;
    const int e = code >> 3 & 15, m = code & 7;
    const double value = (code >= 128 ? -1.0 : 1.0) * (e == 0 ? m / 512.0 : (1 + m / 8.0) * std::exp2(e - 7));
    const std::string text = fmt::format("{}", value);
    const std::string_view words[] = {text};
    ASSERT_EQ(parse_values("e4m3", words, 16, where).bytes, std::vector{static_cast<std::byte>(code)}) << text;
  }
  const std::string_view nan[] = {"nan"}, top[] = {"448"}, over[] = {"480"};
  EXPECT_EQ(parse_values("e4m3", nan, 16, where).bytes, std::vector{std::byte{0x7F}});
  EXPECT_EQ(parse_values("e4m3", top, 16, where).bytes, std::vector{std::byte{0x7E}});
  EXPECT_THROW(parse_values("e4m3", over, 16, where), Error);
}

TEST(Values, ListsRangesAndWildcards) {
  const std::string where = "v:1";
  const std::string_view words[] = {"7*2", "_", "1..3", "-1"};
  const Values v = parse_values("i32", words, 64, where);
  ASSERT_EQ(v.bytes.size(), 28u);
  std::array<int32_t, 7> values{};
  std::memcpy(values.data(), v.bytes.data(), v.bytes.size());
  EXPECT_EQ(values, (std::array<int32_t, 7>{7, 7, 0, 1, 2, 3, -1}));
  EXPECT_TRUE(v.given[7]);
  EXPECT_FALSE(v.given[8]);
  EXPECT_TRUE(v.given[12]);
  const std::string_view hex[] = {"00ff__", "7F"};
  EXPECT_EQ(parse_values("hex", hex, 64, where).bytes,
            (std::vector<std::byte>{std::byte{0}, std::byte{0xFF}, std::byte{0}, std::byte{0x7F}}));
  const std::string_view odd[] = {"abc"}, huge[] = {"0*1000000000000"}, endless[] = {"0..9223372036854775807"};
  EXPECT_THROW(parse_values("hex", odd, 64, where), Error);
  EXPECT_THROW(parse_values("u8", huge, SIZE_MAX, where), Error);
  EXPECT_THROW(parse_values("f32", endless, SIZE_MAX, where), Error);
}

}  // namespace
}  // namespace hadal::program
