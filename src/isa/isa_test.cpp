// The instruction table against itself and against encodings worked out by hand: round trips over every field, random
// instructions and random words, and the generated reference page.
#include "isa/isa.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#include "base/error.h"
#include "isa/table.h"

namespace hadal::isa {
namespace {

using Rng = std::mt19937_64;

// HADAL_SEED, or a new one; failures show it.
uint64_t seed_of_run() {
  const char* given = std::getenv("HADAL_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device{}();
}

// Number of legal raw values of a field, given what is already set; the SPM and ACC kinds fix one bit besides.
uint64_t legal_values(const Instr& instr, const Field& field) {
  switch (field.kind) {
    case Kind::kName:
    case Kind::kFunc: return field.names.size();
    case Kind::kCfgKey: return cfg_words(static_cast<Unit>(instr.unit)).size();
    case Kind::kRows: return (instr.flags & flag::kRowsReg) != 0 ? kRegisters : uint64_t{1} << field.width;
    case Kind::kLoopCount: return instr.src != 0 ? kRegisters : uint64_t{1} << field.width;
    default: return uint64_t{1} << field.width;
  }
}

bool legal(const Instr& instr, const Field& field, uint64_t raw) {
  if (field.kind == Kind::kSpm && (raw >> 15 & 1) != 0) return false;
  if (field.kind == Kind::kAcc && (raw >> 15 & 1) == 0) return false;
  if (field.kind == Kind::kCfgUnit) return raw < unit_names().size() && !cfg_words(static_cast<Unit>(raw)).empty();
  return raw < legal_values(instr, field);
}

uint64_t random_raw(Rng& rng, const Instr& instr, const Field& field) {
  while (true) {
    const uint64_t raw = rng() & ((uint64_t{1} << field.width) - 1);
    // Half of the time a small value, which text prints differently.
    const uint64_t candidate = rng() % 2 == 0 ? raw : raw & 15;
    if (legal(instr, field, candidate)) return candidate;
  }
}

Instr random_instr(Rng& rng, const Row& row) {
  while (true) {
    Instr instr;
    instr.op = row.op;
    instr.wsem = static_cast<uint8_t>(rng() % kSemaphores);
    instr.wcnt = static_cast<uint8_t>(rng() % (kSemaphoreMax + 1));
    instr.psem = static_cast<uint8_t>(rng() % kSemaphores);
    instr.pcnt = static_cast<uint8_t>(rng() % 4);
    for (const Flag& flag : row.flags) {
      if (rng() % 2 == 0 && (instr.flags & flag.mask) == 0) instr.flags |= flag.value;
    }
    for (const Field& field : row.fields) {
      if (field.kind == Kind::kFunc) set(instr, field, random_raw(rng, instr, field));
    }
    for (const Field& field : row.fields) {
      if (field.kind != Kind::kFunc && uses(instr, field)) set(instr, field, random_raw(rng, instr, field));
    }
    if (defect(instr).empty()) return instr;
  }
}

// Bit `index` of the 128, as a reader of the reference page would number them.
bool bit(const Encoded& e, int index) { return (e.word[static_cast<size_t>(index / 32)] >> (index % 32) & 1) != 0; }

std::string error_of(const std::string& line) {
  try {
    assemble_line(line, "f.hasm:7");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.what();
  }
  return "";
}

TEST(Isa, HasEveryOperation) {
  ASSERT_EQ(table().size(), static_cast<size_t>(kOps));
  for (int op = 0; op < kOps; ++op) {
    EXPECT_EQ(row_of(static_cast<Op>(op)).op, static_cast<Op>(op));
    EXPECT_EQ(row_of_opcode(row_of(static_cast<Op>(op)).opcode), &row_of(static_cast<Op>(op)));
  }
}

TEST(Isa, EncodingsWorkedOutByHand) {
  EXPECT_EQ(encode(assemble_line("HALT", "")), (Encoded{{0, 0, 0, 0x04000000}}));
  // op 2 | wsem 3 | wcnt 5 | psem 4 | pcnt 1 | flags 0; rd 7, imm.
  EXPECT_EQ(encode(assemble_line("SET rd=r7 imm=0x123456789abc wait=3:5 post=4:1", "")),
            (Encoded{{0, 0x89ABC000, 0x71234567, 0x08629100}}));
  // d 0001 1 000000000000101, s 0010 0000...01000000, rows 0000000011, len 000000000110,
  // strides 000001100100 0000000111.
  EXPECT_EQ(encode(assemble_line("LD d=acc[r1+5] s=hbm[r2+0x40] rows=3 len=6 sstride=100 dstride=7", "")),
            (Encoded{{0x01819007, 0x0004000C, 0x18005200, 0x40000000}}));
  EXPECT_EQ(encode(assemble_line(
                "MMA c=acc[r15+0x7fff] a=spm[r1+2] b=spm[r3+4] m=200 n=63 kg=255 CLR DA G64 wait=1:2 post=31:3", "")),
            (Encoded{{0x8FFFC000, 0x0230004C, 0xFFFFF100, 0x80217F51}}));
}

// Each field alone: every bit, the smallest and the largest value. The encoding differs from the base exactly in the
// field's bits, and decoding gives the instruction back.
TEST(Isa, EveryFieldRoundTripsAloneInItsOwnBits) {
  Rng rng(1);
  int fields = 0;
  for (const Row& row : table()) {
    for (int repeat = 0; repeat < 40; ++repeat) {
      const Instr base = random_instr(rng, row);
      const Encoded base_bits = encode(base);
      for (const Field& field : row.fields) {
        if (!uses(base, field) || field.kind == Kind::kFunc || field.kind == Kind::kCfgUnit) continue;
        if (field.kind == Kind::kLoopReg) continue;  // changes what the count means
        std::vector<uint64_t> values = {0, (uint64_t{1} << field.width) - 1};
        for (int b = 0; b < field.width; ++b) values.push_back(uint64_t{1} << b);
        values.push_back(legal_values(base, field) - 1);
        for (uint64_t raw : values) {
          Instr changed = base;
          set(changed, field, raw);
          if (!legal(base, field, raw)) {
            EXPECT_NE(defect(changed), "") << row.mnemonic << " " << field.name << " = " << raw;
            continue;
          }
          ASSERT_EQ(get(changed, field), raw) << row.mnemonic << " " << field.name;
          const Encoded encoded = encode(changed);
          for (int b = 0; b < 128; ++b) {
            const bool own = b >= field.lsb && b < field.lsb + field.width;
            const bool expected = own ? (raw >> (b - field.lsb) & 1) != 0 : bit(base_bits, b);
            ASSERT_EQ(bit(encoded, b), expected) << row.mnemonic << " " << field.name << " = " << raw << ", bit " << b;
          }
          ASSERT_EQ(decode(encoded), changed) << row.mnemonic << " " << field.name << " = " << raw;
          ++fields;
        }
      }
    }
  }
  EXPECT_GT(fields, 10000);
}

TEST(Isa, EveryHeaderValueRoundTrips) {
  for (int sem = 0; sem < kSemaphores; ++sem) {
    for (int count = 0; count <= kSemaphoreMax; ++count) {
      Instr instr;
      instr.wsem = static_cast<uint8_t>(sem);
      instr.wcnt = static_cast<uint8_t>(count);
      instr.psem = static_cast<uint8_t>(kSemaphores - 1 - sem);
      instr.pcnt = static_cast<uint8_t>(count % 4);
      ASSERT_EQ(decode(encode(instr)), instr);
      ASSERT_EQ(assemble_line(disassemble(instr), ""), instr);
    }
  }
}

TEST(Isa, RandomInstructionsSurviveBitsAndText) {
  const uint64_t seed = seed_of_run();
  SCOPED_TRACE("HADAL_SEED=" + std::to_string(seed));
  Rng rng(seed);
  for (int i = 0; i < 30000; ++i) {
    const Instr instr = random_instr(rng, table()[static_cast<size_t>(i) % table().size()]);
    const Encoded encoded = encode(instr);
    ASSERT_EQ(decode(encoded), instr) << disassemble(instr);
    const std::string text = disassemble(instr);
    const Instr parsed = assemble_line(text, "");
    ASSERT_EQ(parsed, instr) << text << "\n" << disassemble(parsed);
    ASSERT_EQ(encode(parsed), encoded) << text;
    ASSERT_EQ(disassemble(parsed), text);
  }
}

// Either not an instruction at all, or every bit of the word has a meaning that encoding gives back.
TEST(Isa, EveryWordFaultsOrReencodesToItself) {
  const uint64_t seed = seed_of_run();
  SCOPED_TRACE("HADAL_SEED=" + std::to_string(seed));
  Rng rng(seed);
  int decoded = 0, refused = 0;
  const auto probe = [&](const Encoded& word) {
    Instr instr;
    try {
      instr = decode(word);
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::kFault) << error.what();
      ++refused;
      return;
    }
    ++decoded;
    ASSERT_EQ(encode(instr), word) << disassemble(instr);
    ASSERT_EQ(encode(assemble_line(disassemble(instr), "")), word) << disassemble(instr);
  };
  for (int i = 0; i < 60000; ++i) {
    Encoded word;
    for (uint32_t& w : word.word) w = static_cast<uint32_t>(rng());
    probe(word);
    // A real instruction with one to three bits flipped lies closer to the border.
    word = encode(random_instr(rng, table()[rng() % table().size()]));
    for (uint64_t flips = 1 + rng() % 3; flips > 0; --flips) word.word[rng() % 4] ^= 1u << rng() % 32;
    probe(word);
  }
  EXPECT_GT(decoded, 10000);
  EXPECT_GT(refused, 10000);
}

TEST(Isa, BadEncodingsAreFaultsThatSayWhy) {
  const auto fault_of = [](Encoded word) -> std::string {
    try {
      decode(word);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kFault);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(fault_of({}), "bad encoding 00000000_00000000_00000000_00000000: opcode 0x00 is not defined");
  EXPECT_NE(fault_of({{1, 0, 0, 0x04000000}}).find("HALT: reserved bits are set"), std::string::npos);
  EXPECT_NE(fault_of({{0, 0, 0, 0x04000001}}).find("HALT: flags 0x01 are not defined for it"), std::string::npos);
  Encoded valu = encode(assemble_line("VALU.ABS d=spm[0] a=spm[1] rows=1 cols=1", ""));
  valu.word[0] |= 15u << 10;
  EXPECT_NE(fault_of(valu).find("VALU: func 15 is not defined"), std::string::npos);
  Encoded mma = encode(assemble_line("MMA c=acc[0] a=spm[1] b=spm[2] m=1 n=1 kg=1", ""));
  mma.word[3] |= 3;
  EXPECT_NE(fault_of(mma).find("MMA: CLR and RSC exclude each other"), std::string::npos);
  mma.word[3] ^= 3 | 12;
  EXPECT_NE(fault_of(mma).find("MMA: BT and BR exclude each other"), std::string::npos);
  mma.word[3] ^= 12 | 0xC0;
  EXPECT_NE(fault_of(mma).find("MMA: G is 128, 64 or 32"), std::string::npos);
  mma.word[3] ^= 0xC0;
  mma.word[1] |= 1u << (36 + 15 - 32);
  EXPECT_NE(fault_of(mma).find("MMA: b must be in the SPM"), std::string::npos);
}

TEST(Isa, EncodeRefusesWhatDoesNotFit) {
  const auto refuses = [](const Instr& instr) {
    try {
      encode(instr);
    } catch (const Error& error) {
      return error.kind() == ErrorKind::kInternal;
    }
    return false;
  };
  Instr instr = assemble_line("LD d=spm[0] s=hbm[0] rows=1 len=1", "");
  EXPECT_FALSE(refuses(instr));
  instr.rows = 1024;
  EXPECT_TRUE(refuses(instr));
  instr.rows = 1;
  instr.d.offset = 0x8000;
  EXPECT_TRUE(refuses(instr));
  instr.d.offset = 0;
  instr.h.offset = 0x10000000;
  EXPECT_TRUE(refuses(instr));
  instr.h.offset = 0;
  instr.d.areg = 16;
  EXPECT_TRUE(refuses(instr));
  instr.d.areg = 0;
  instr.cols = 1;  // LD has no columns
  EXPECT_TRUE(refuses(instr));
  instr.cols = 0;
  instr.wcnt = 64;
  EXPECT_TRUE(refuses(instr));
  Instr add = assemble_line("ADD rd=r1 imm=-2147483648", "");
  EXPECT_FALSE(refuses(add));
  add.imm -= 1;
  EXPECT_TRUE(refuses(add));
}

TEST(Isa, TextIsWrittenInOneWay) {
  const auto canonical = [](const std::string& line) { return disassemble(assemble_line(line, "")); };
  EXPECT_EQ(canonical("  VALU.MUL cols=384 rows=4 d=spm[0xc] b=spm[7] a=acc[r1+4] bc=row post=4:1 wait=3:1 # product"),
            "VALU.MUL d=spm[12] a=acc[r1+4] b=spm[7] rows=4 cols=384 bc=row wait=3:1 post=4:1");
  EXPECT_EQ(canonical("LD d=spm[r3+0] s=hbm[r2+0x40] rows=r5 len=2 sstride=0"),
            "LD d=spm[r3] s=hbm[r2+64] rows=r5 len=2");
  EXPECT_EQ(canonical("LOOP n=r4 len=3 step=r1:64,r2:-3"), "LOOP n=r4 len=3 step=r1:64,r2:-3");
  EXPECT_EQ(canonical("MMA DA CLR c=acc[0] a=spm[1] b=spm[2] m=8 n=2 kg=3 G64"),
            "MMA c=acc[0] a=spm[1] b=spm[2] m=8 n=2 kg=3 CLR DA G64");
  EXPECT_EQ(canonical("CFG.VX.EMIN imm=-14"), "CFG.VX.EMIN imm=0xfffffff2");
  EXPECT_EQ(canonical("CFG.VX.IMM imm=f32(1.5)"), "CFG.VX.IMM imm=0x3fc00000");
  EXPECT_EQ(canonical("CFG.MM.SA rs=r3 sh=4 imm=12"), "CFG.MM.SA rs=r3 sh=4 imm=12");
  EXPECT_EQ(canonical("SYNC REMOTE mask=r3 unit=NX post=1:1"), "SYNC unit=NX mask=r3 REMOTE post=1:1");
  EXPECT_EQ(canonical("VQNT d=spm[0] s=spm[9] a=acc[0] rows=2 cols=128 digits=2 at=bf16"),
            "VQNT d=spm[0] s=spm[9] a=acc[0] rows=2 cols=128 digits=2 at=bf16");
  EXPECT_EQ(assemble_line("VQNT d=spm[0] s=spm[9] a=acc[0] rows=2 cols=128", "").digits, 1);
  EXPECT_EQ(canonical("LDR rd=r1 s=spm[4] byte=8 size=u32 add=127 rsh=7 lsh=0 rs=r2"),
            "LDR rd=r1 s=spm[4] byte=8 size=u32 add=127 rsh=7 rs=r2");
}

TEST(Isa, ErrorsSayWhatWouldBeRight) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "f.hasm:7: an instruction is needed"},
      {"VALV.ADD", "f.hasm:7: unknown instruction 'VALV'; did you mean 'VALU'?"},
      {"VALU.MULL d=spm[0]", "f.hasm:7: unknown func 'MULL' of VALU; did you mean 'MUL'?"},
      {"VSFU d=spm[0]", "f.hasm:7: 'VSFU' needs a func, as in VSFU.RSQRT; known are EXP2, RCP, RSQRT"},
      {"HALT.NOW", "f.hasm:7: 'HALT.NOW': HALT takes no '.NOW'"},
      {"HALT now", "f.hasm:7: 'now' is not an operand: HALT takes no flags, operands are written key=value"},
      {"CFG.NX.PITCH imm=1", "f.hasm:7: unit NX has no configuration; use LD, ST, MM or VX"},
      {"CFG.MM.SAX imm=1", "f.hasm:7: unknown key 'SAX' of CFG; did you mean 'SA'?"},
      {"CFG.MM", "f.hasm:7: 'CFG.MM' needs a key"},
      {"SET rd=r16 imm=1", "f.hasm:7: rd=r16: a register from r0 to r15 is needed"},
      {"SET rd=r1 imm=0x1000000000000",
       "f.hasm:7: imm=0x1000000000000 is out of range; it must be from 0 to 281474976710655"},
      {"SET rd=r1 imm=x", "f.hasm:7: imm=x: a number from 0 to 281474976710655 is needed"},
      {"SET rd=r1", "f.hasm:7: SET needs imm=: value"},
      {"SET rd=r1 rd=r2 imm=0", "f.hasm:7: rd is given twice"},
      {"ADD rd=r1 im=4", "f.hasm:7: ADD has no operand 'im'; did you mean 'imm'?"},
      {"LD d=spm[0] s=hbm[0] rows=1024 len=1", "f.hasm:7: rows=1024 is out of range; it must be from 0 to 1023"},
      {"LD d=spm[32768] s=hbm[0] rows=1 len=1",
       "f.hasm:7: d=spm[32768]: the offset must be a number of lines from 0 to 32767"},
      {"LD d=hbm[0] s=hbm[0] rows=1 len=1",
       "f.hasm:7: d=hbm[0]: an address such as spm[r1+4] is needed, in spm or acc"},
      {"LD d=spm[r1-4] s=hbm[0] rows=1 len=1", "f.hasm:7: d=spm[r1-4]: a register from r0 to r15 is needed"},
      {"MMA c=spm[0] a=spm[0] b=spm[0] m=1 n=1 kg=1", "f.hasm:7: MMA: c must be in the ACC"},
      {"MMA c=acc[0] a=spm[0] b=spm[0] m=1 n=1 kg=1 CLR RSC", "f.hasm:7: MMA: CLR and RSC exclude each other"},
      {"MMA c=acc[0] a=spm[0] b=spm[0] m=1 n=1 kg=1 G64 G32",
       "f.hasm:7: G32 is given twice, or excludes an earlier flag"},
      {"MMA c=acc[0] a=spm[0] b=spm[0] m=1 n=1 kg=1 CRL", "f.hasm:7: unknown flag 'CRL' of MMA; did you mean 'CLR'?"},
      {"VALU.ABS d=spm[0] a=spm[0] b=spm[0] rows=1 cols=1", "f.hasm:7: VALU.ABS does not use b"},
      {"VALU.ADD d=spm[0] a=spm[0] rows=1 cols=1", "f.hasm:7: VALU.ADD needs b=: second operand"},
      {"VALU.ADD d=spm[0] a=spm[0] b=spm[0] rows=1 cols=1 bc=rows", "f.hasm:7: bc=rows: did you mean 'row'?"},
      {"SYNC unit=LD mask=r1", "f.hasm:7: SYNC does not use mask; that needs a flag"},
      {"SYNC unit=LD REMOTE", "f.hasm:7: SYNC needs mask=: register with the core mask"},
      {"HALT wait=32:1",
       "f.hasm:7: wait=32:1: write wait=SEMAPHORE:COUNT with a semaphore from 0 to 31 and a count from 0 to 63"},
      {"HALT post=1:4",
       "f.hasm:7: post=1:4: write post=SEMAPHORE:COUNT with a semaphore from 0 to 31 and a count from 0 to 3"},
      {"LOOP n=1 len=1 step=r1:40000", "f.hasm:7: step=r1:40000: write at most three rN:INCREMENT"},
      {"LOOP n=1 len=1 step=r1:1,r2:1,r3:1,r4:1", "f.hasm:7: step=r1:1,r2:1,r3:1,r4:1: write at most three"},
      {"VPRM.COPY d=spm[0] a=spm[0] rows=1 cols=1 at=bf16", "f.hasm:7: VPRM.COPY does not use at"},
  };
  for (const auto& [line, message] : cases) {
    const std::string found = error_of(line);
    EXPECT_EQ(found.rfind(message, 0), 0u) << line << "\ngot      " << found << "\nexpected " << message;
  }
}

TEST(Isa, QueuesOfInstructions) {
  EXPECT_EQ(unit_of(assemble_line("SYNC unit=MM", "")), Unit::kMm);
  EXPECT_EQ(unit_of(assemble_line("CFG.ST.PITCH imm=1", "")), Unit::kSt);
  EXPECT_EQ(unit_of(assemble_line("LDX d=spm[0] s=hbm[0] blocks=1", "")), Unit::kLd);
  EXPECT_EQ(unit_of(assemble_line("SND d=spm[0] s=spm[0] rows=1 len=1 mask=r1", "")), Unit::kNx);
  EXPECT_EQ(name(Op::kVmula), "VMULA");
  EXPECT_EQ(name(Unit::kVx), "VX");
}

TEST(Isa, ReferencePageIsCurrent) {
  std::ifstream file(std::string(HADAL_SOURCE_DIR) + "/docs/isa.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), reference_page()) << "write it anew: hadal isa > docs/isa.md";
}

}  // namespace
}  // namespace hadal::isa
