// The instruction table (see table.h).
#include "isa/table.h"

#include <algorithm>

#include "base/error.h"

namespace hadal::isa {
namespace {

using enum Kind;
using M = Member;
constexpr bool kOptional = false, kRequired = true;

template <typename E>
constexpr uint16_t only(std::initializer_list<E> functions) {
  uint16_t mask = 0;
  for (E f : functions) mask |= static_cast<uint16_t>(1u << static_cast<int>(f));
  return mask;
}
template <typename E>
constexpr uint16_t except(std::initializer_list<E> functions) {
  return static_cast<uint16_t>(~only(functions));
}

constexpr std::string_view kUnitNames[] = {"CTL", "LD", "ST", "NX", "MM", "VX"};
constexpr std::string_view kAluNames[] = {"ADD", "SUB", "MUL", "MAX", "MIN", "ABS", "SEL", "CMPGE", "CMPEQ"};
constexpr std::string_view kSfuNames[] = {"EXP2", "RCP", "RSQRT"};
constexpr std::string_view kRedNames[] = {"SUM", "MAX", "AMAX", "ARGMAX"};
constexpr std::string_view kCvtNames[] = {"F2B", "B2F", "I2F", "F2I", "Q2F"};
constexpr std::string_view kPrmNames[] = {"COPY", "TRANSPOSE", "PAIRSWAP", "IOTA", "FILL", "GATHER"};
constexpr std::string_view kSelNames[] = {"COMPRESS", "HIST"};
constexpr std::string_view kBcNames[] = {"none", "row", "col", "scalar"};
constexpr std::string_view kTypeNames[] = {"f32", "bf16"};
constexpr std::string_view kSizeNames[] = {"u8", "u16", "u32"};
constexpr std::string_view kDigitNames[] = {"1", "2"};

// Fields that several instructions share keep their place.
constexpr Field kFieldRd = {"rd", 92, 4, kReg, M::kRd, kRequired, "destination register"};
constexpr Field kFieldRows = {
    "rows", 34, 10, kRows, M::kRows, kRequired, "rows, or the register that holds their number"};
constexpr Field kFieldLen12 = {"len", 22, 12, kUnsigned, M::kLen, kRequired, "lines a row"};
constexpr Field kFieldLen8 = {"len", 6, 8, kUnsigned, M::kLen, kRequired, "lines a row"};
constexpr Field kFieldTileRows = {"rows", 26, 10, kUnsigned, M::kRows, kRequired, "rows"};
constexpr Field kFieldTileCols = {"cols", 14, 12, kUnsigned, M::kCols, kRequired, "columns"};
constexpr Field kFieldBc = {"bc", 8, 2, kName, M::kBc, kOptional, "broadcast of b", kBcNames};
constexpr Field kFieldAt = {"at", 7, 1, kName, M::kAt, kOptional, "element type of a", kTypeNames};
constexpr Field kFieldBt = {"bt", 6, 1, kName, M::kBt, kOptional, "element type of b", kTypeNames};
constexpr Field kFieldDt = {"dt", 5, 1, kName, M::kDt, kOptional, "element type of d", kTypeNames};

constexpr Field tile(std::string_view name, int lsb, Member member, std::string_view meaning, Kind kind = kLocal,
                     uint16_t funcs = kAllFuncs) {
  return {name, lsb, 20, kind, member, kRequired, meaning, {}, funcs};
}
constexpr Field tile_d(std::string_view meaning = "result", Kind kind = kLocal) {
  return tile("d", 76, M::kD, meaning, kind);
}
constexpr Field tile_a(std::string_view meaning = "first operand", uint16_t funcs = kAllFuncs) {
  return tile("a", 56, M::kA, meaning, kLocal, funcs);
}
constexpr Field function(Names names) { return {"func", 10, 4, kFunc, M::kFunc, kRequired, "function", names}; }
constexpr Field for_functions(Field field, uint16_t funcs) {
  field.funcs = funcs;
  return field;
}

constexpr Field kSetFields[] = {kFieldRd, {"imm", 44, 48, kUnsigned, M::kImm, kRequired, "value"}};
constexpr Field kAddFields[] = {
    kFieldRd,
    {"rs", 88, 4, kReg, M::kRs, kOptional, "first source"},
    {"rt", 84, 4, kReg, M::kRt, kOptional, "second source"},
    {"imm", 52, 32, kSigned, M::kImm, kOptional, "signed addend"},
};
constexpr Field kLdrFields[] = {
    kFieldRd,
    {"s", 72, 20, kSpm, M::kA, kRequired, "line that holds the value"},
    {"byte", 66, 6, kUnsigned, M::kByte, kOptional, "first byte within the line"},
    {"size", 64, 2, kName, M::kSize, kRequired, "width of the value", kSizeNames},
    {"add", 48, 16, kUnsigned, M::kAdd, kOptional, "added to the value"},
    {"rsh", 43, 5, kUnsigned, M::kRsh, kOptional, "then right shift"},
    {"lsh", 38, 5, kUnsigned, M::kLsh, kOptional, "then left shift"},
    {"rs", 34, 4, kReg, M::kRs, kOptional, "then added register"},
};
constexpr Field kLoopFields[] = {
    {"src", 95, 1, kLoopReg, M::kSrc, kOptional, "1: the count is in register n"},
    {"n", 79, 16, kLoopCount, M::kCount, kRequired, "passes, or the register that holds their number"},
    {"len", 69, 10, kUnsigned, M::kLen, kRequired, "instructions of the body"},
    {"areg0", 65, 4, kStepReg, M::kStep0Reg, kOptional, "first register stepped after each pass"},
    {"inc0", 49, 16, kStepInc, M::kStep0Inc, kOptional, "its signed step"},
    {"areg1", 45, 4, kStepReg, M::kStep1Reg, kOptional, "second register"},
    {"inc1", 29, 16, kStepInc, M::kStep1Inc, kOptional, "its signed step"},
    {"areg2", 25, 4, kStepReg, M::kStep2Reg, kOptional, "third register"},
    {"inc2", 9, 16, kStepInc, M::kStep2Inc, kOptional, "its signed step"},
};
constexpr Field kSkipzFields[] = {
    {"rs", 92, 4, kReg, M::kRs, kRequired, "register tested"},
    {"len", 80, 12, kUnsigned, M::kLen, kRequired, "instructions skipped when it is zero"},
};
constexpr Field kSyncFields[] = {
    {"unit", 93, 3, kName, M::kUnit, kRequired, "queue the instruction goes through", kUnitNames},
    {"mask", 89, 4, kReg, M::kMask, kRequired, "register with the core mask", {}, kAllFuncs, flag::kRemote},
};
constexpr Field kCfgFields[] = {
    {"unit", 93, 3, kCfgUnit, M::kUnit, kRequired, "LD, ST, MM or VX", kUnitNames},
    {"key", 88, 5, kCfgKey, M::kKey, kRequired, "configuration word"},
    {"rs", 84, 4, kReg, M::kRs, kOptional, "source register"},
    {"sh", 80, 4, kUnsigned, M::kSh, kOptional, "left shift of the source"},
    {"imm", 48, 32, kWord, M::kImm, kOptional, "then added"},
};
constexpr Field kLdFields[] = {
    tile_d("local destination"),
    {"s", 44, 32, kDram, M::kH, kRequired, "DRAM source"},
    kFieldRows,
    kFieldLen12,
    {"sstride", 10, 12, kUnsigned, M::kSstride, kOptional, "lines between rows in DRAM"},
    {"dstride", 0, 10, kUnsigned, M::kDstride, kOptional, "lines between local rows"},
};
constexpr Field kLdgFields[] = {
    tile_d("local destination"),
    {"s", 44, 32, kDram, M::kH, kRequired, "DRAM base of the rows"},
    {"idx", 24, 20, kSpm, M::kB, kRequired, "u32 row numbers"},
    {"rows", 14, 10, kRows, M::kRows, kRequired, "rows, or the register that holds their number"},
    kFieldLen8,
};
constexpr Field kLdxFields[] = {
    tile_d("local destination"),
    {"s", 44, 32, kDram, M::kH, kRequired, "DRAM source"},
    {"blocks", 32, 12, kUnsigned, M::kLen, kRequired, "panels of 17 source lines"},
};
constexpr Field kStFields[] = {
    {"d", 44, 32, kDram, M::kH, kRequired, "DRAM destination"},
    {"s", 76, 20, kLocal, M::kA, kRequired, "local source"},
    kFieldRows,
    kFieldLen12,
    {"sstride", 12, 10, kUnsigned, M::kSstride, kOptional, "lines between local rows"},
    {"dstride", 0, 12, kUnsigned, M::kDstride, kOptional, "lines between rows in DRAM"},
};
constexpr Field kStgFields[] = {
    {"d", 44, 32, kDram, M::kH, kRequired, "DRAM base of the rows"},
    {"idx", 24, 20, kSpm, M::kB, kRequired, "u32 row numbers"},
    {"s", 76, 20, kLocal, M::kA, kRequired, "local source"},
    {"rows", 14, 10, kRows, M::kRows, kRequired, "rows, or the register that holds their number"},
    kFieldLen8,
};
constexpr Field kSndFields[] = {
    tile_d("destination, the same in every core"),
    {"s", 56, 20, kLocal, M::kA, kRequired, "local source"},
    {"rows", 46, 10, kUnsigned, M::kRows, kRequired, "rows"},
    {"len", 34, 12, kUnsigned, M::kLen, kRequired, "lines a row"},
    {"mask", 30, 4, kReg, M::kMask, kRequired, "register with the core mask"},
    {"sstride", 20, 10, kUnsigned, M::kSstride, kOptional, "lines between source rows"},
    {"dstride", 10, 10, kUnsigned, M::kDstride, kOptional, "lines between destination rows"},
};
constexpr Field kMmaFields[] = {
    tile("c", 76, M::kD, "accumulators", kAcc),
    tile("a", 56, M::kA, "E4M3 tile A", kSpm),
    tile("b", 36, M::kB, "E4M3 tile B", kSpm),
    {"m", 28, 8, kUnsigned, M::kM, kRequired, "rows"},
    {"n", 22, 6, kUnsigned, M::kN, kRequired, "columns / 32"},
    {"kg", 14, 8, kUnsigned, M::kKg, kRequired, "groups of k"},
};
constexpr uint16_t kAluBinary = except({Alu::kAbs});
constexpr Field kValuFields[] = {
    function(kAluNames),
    tile_d(),
    tile_a(),
    tile("b", 36, M::kB, "second operand", kLocal, kAluBinary),
    kFieldTileRows,
    kFieldTileCols,
    for_functions(kFieldBc, kAluBinary),
    kFieldAt,
    for_functions(kFieldBt, kAluBinary),
    kFieldDt,
};
constexpr Field kVmulaFields[] = {
    tile_d("accumulated result"),
    tile_a(),
    tile("b", 36, M::kB, "second operand"),
    kFieldTileRows,
    kFieldTileCols,
    kFieldBc,
    kFieldAt,
    kFieldBt,
    kFieldDt,
};
constexpr Field kVsfuFields[] = {
    function(kSfuNames), tile_d(), tile_a("operand"), kFieldTileRows, kFieldTileCols, kFieldAt, kFieldDt,
};
constexpr Field kVredFields[] = {
    function(kRedNames),
    tile_d("one element a row"),
    tile_a("operand"),
    kFieldTileRows,
    kFieldTileCols,
    kFieldAt,
    kFieldDt,
};
constexpr Field kVqntFields[] = {
    tile_d("E4M3 tile", kSpm),
    tile("s", 36, M::kB, "FP32 scales", kSpm),
    tile_a("operand"),
    kFieldTileRows,
    kFieldTileCols,
    {"digits", 9, 1, kName, M::kDigits, kOptional, "digits, stored minus 1", kDigitNames},
    kFieldAt,
};
constexpr Field kVcvtFields[] = {
    function(kCvtNames), tile_d(),
    tile_a("operand"),   tile("s", 36, M::kB, "FP32 scales", kSpm, only({Cvt::kQ2f})),
    kFieldTileRows,      kFieldTileCols,
};
constexpr Field kVprmFields[] = {
    function(kPrmNames),
    tile_d(),
    tile_a("operand", except({Prm::kIota, Prm::kFill})),
    tile("b", 36, M::kB, "u32 indices", kLocal, only({Prm::kGather})),
    kFieldTileRows,
    kFieldTileCols,
    for_functions(kFieldAt, only({Prm::kPairswap})),
};
constexpr Field kVselFields[] = {
    function(kSelNames), tile_d("u32 indices or counts"),
    tile_a("keys"),      tile("t", 36, M::kB, "threshold, its first word", kLocal, only({Sel::kCompress})),
    kFieldTileRows,      kFieldTileCols,
};

constexpr uint8_t kGroupMask = 3u << flag::kGroupShift;
constexpr Flag group_flag(int code, uint16_t funcs = kAllFuncs) {
  return {code == 1 ? "G64" : "G32", kGroupMask, static_cast<uint8_t>(code << flag::kGroupShift),
          code == 1 ? "groups of 64 elements instead of 128" : "groups of 32 elements instead of 128", funcs};
}
constexpr Flag kSyncFlags[] = {
    {"REMOTE", flag::kRemote, flag::kRemote, "post on the cores of R[mask] instead of here"}};
constexpr Flag kDmaFlags[] = {
    {"RREG", flag::kRowsReg, flag::kRowsReg, "rows is a register; written rows=rN", kAllFuncs, false}};
constexpr Flag kMmaFlags[] = {
    {"CLR", flag::kClr, flag::kClr, "start from +0"},
    {"RSC", flag::kRsc, flag::kRsc, "multiply the accumulators by alpha first"},
    {"BT", flag::kBt, flag::kBt, "B in rows of k"},
    {"BR", flag::kBr, flag::kBr, "B in rows of n"},
    {"DA", flag::kDa, flag::kDa, "A has two digits"},
    {"DB", flag::kDb, flag::kDb, "B has two digits"},
    group_flag(1),
    group_flag(2),
};
constexpr Flag kVqntFlags[] = {group_flag(1), group_flag(2)};
constexpr Flag kVcvtFlags[] = {group_flag(1, only({Cvt::kQ2f})), group_flag(2, only({Cvt::kQ2f}))};

constexpr Row kTable[] = {
    {Op::kHalt, "HALT", Unit::kCtl, 0x01, {}, {}, "the core is done when all its units are idle"},
    {Op::kSet, "SET", Unit::kCtl, 0x02, kSetFields, {}, "rd = imm"},
    {Op::kAdd, "ADD", Unit::kCtl, 0x03, kAddFields, {}, "rd = R[rs] + R[rt] + imm modulo 2^48"},
    {Op::kLdr, "LDR", Unit::kCtl, 0x04, kLdrFields, {}, "rd = (((value + add) >> rsh) << lsh) + R[rs]"},
    {Op::kLoop, "LOOP", Unit::kCtl, 0x05, kLoopFields, {}, "the next len instructions n times, stepping registers"},
    {Op::kSkipz, "SKIPZ", Unit::kCtl, 0x06, kSkipzFields, {}, "if R[rs] = 0, skip the next len instructions"},
    {Op::kSync, "SYNC", Unit::kCtl, 0x07, kSyncFields, kSyncFlags, "wait and post in the queue of a unit"},
    {Op::kCfg,
     "CFG",
     Unit::kCtl,
     0x08,
     kCfgFields,
     {},
     "configuration word = (R[rs] << sh) + imm, in the queue of its unit"},
    {Op::kLd, "LD", Unit::kLd, 0x10, kLdFields, kDmaFlags, "2-D copy from DRAM"},
    {Op::kLdg, "LDG", Unit::kLd, 0x11, kLdgFields, kDmaFlags, "gather rows from DRAM by index list"},
    {Op::kLdx, "LDX", Unit::kLd, 0x12, kLdxFields, {}, "expand FP4 panels from DRAM to E4M3 and scales"},
    {Op::kSt, "ST", Unit::kSt, 0x18, kStFields, kDmaFlags, "2-D copy to DRAM"},
    {Op::kStg, "STG", Unit::kSt, 0x19, kStgFields, kDmaFlags, "scatter rows to DRAM by index list"},
    {Op::kSnd, "SND", Unit::kNx, 0x1C, kSndFields, {}, "2-D copy to a set of cores, then the post on those cores"},
    {Op::kMma, "MMA", Unit::kMm, 0x20, kMmaFields, kMmaFlags, "matrix multiply-accumulate"},
    {Op::kValu, "VALU", Unit::kVx, 0x30, kValuFields, {}, "d = func(a, b) by element"},
    {Op::kVmula, "VMULA", Unit::kVx, 0x31, kVmulaFields, {}, "d = a * b + d with two roundings"},
    {Op::kVsfu, "VSFU", Unit::kVx, 0x32, kVsfuFields, {}, "d = func(a) by element"},
    {Op::kVred, "VRED", Unit::kVx, 0x33, kVredFields, {}, "d[r] = func over the columns of row r of a"},
    {Op::kVqnt, "VQNT", Unit::kVx, 0x34, kVqntFields, kVqntFlags, "quantise to E4M3 digits and scales"},
    {Op::kVcvt, "VCVT", Unit::kVx, 0x35, kVcvtFields, kVcvtFlags, "convert number formats"},
    {Op::kVprm, "VPRM", Unit::kVx, 0x36, kVprmFields, {}, "move or generate words"},
    {Op::kVsel, "VSEL", Unit::kVx, 0x37, kVselFields, {}, "indices at or above a threshold, or a histogram of keys"},
};
static_assert(std::size(kTable) == kOps);

constexpr CfgWord kDmaWords[] = {
    {"PITCH", "0", "lines between the rows that LDG and STG address"},
    {"XSB", "0", "local line of the first scales LDX writes"},
};
constexpr CfgWord kMmWords[] = {
    {"ARS", "2", "row stride of A, lines"},
    {"AGS", "m x ARS", "stride of A between 128-blocks of k, lines"},
    {"ADS", "0", "offset of A's low-digit plane, lines"},
    {"BNS", "32 blocked", "stride of B between panels, columns (BR) or k rows (BT), lines"},
    {"BGS", "2n x BNS; BR 2; BT 128 x BNS", "stride of B between 128-blocks of k, lines"},
    {"BDS", "0", "offset of B's low-digit plane, lines"},
    {"SA", "0", "word of the scales of A"},
    {"SAG", "m", "words between groups of SA"},
    {"SB", "0", "word of the scales of B"},
    {"SBSH", "0", "columns that share a scale: 2^SBSH; 31 = all"},
    {"SBN", "0", "words between column scales"},
    {"SBG", "0", "words between groups of SB"},
    {"AL", "0", "word of alpha"},
    {"CRS", "2n", "row stride of the accumulators, lines"},
};
constexpr CfgWord kVxWords[] = {
    {"AOFF", "0", "words added to operand a"},
    {"BOFF", "0", "words added to operand b"},
    {"DOFF", "0", "words added to operand d"},
    {"ARS", "dense", "row stride of a, lines"},
    {"BRS", "dense", "row stride of b, lines"},
    {"DRS", "dense", "row stride of d, lines"},
    {"QRS", "2", "row stride of E4M3 tiles, lines"},
    {"QGS", "rows x QRS", "stride between 128-blocks of E4M3 tiles, lines"},
    {"QDS", "0", "offset of the low-digit plane of E4M3 tiles, lines"},
    {"SRS", "1", "words between rows of scales"},
    {"SGS", "rows", "words between groups of scales"},
    {"IMM", "0", "word that FILL writes"},
    {"CNT", "0", "word of the counts COMPRESS writes"},
    {"BYTE", "0", "byte of the key HIST counts"},
    {"EMIN", "-126", "smallest exponent VQNT chooses"},
};
static_assert(std::size(kDmaWords) == cfg::kDmaWords && std::size(kMmWords) == cfg::kMmWords &&
              std::size(kVxWords) == cfg::kVxWords);

// Layout errors are compile errors: opcodes unique, rows in order of Op, fields inside the payload and disjoint.
constexpr bool table_is_sound() {
  for (size_t i = 0; i < std::size(kTable); ++i) {
    const Row& row = kTable[i];
    if (static_cast<size_t>(row.op) != i || row.opcode == 0 || row.opcode >= 64) return false;
    for (size_t j = 0; j < i; ++j) {
      if (kTable[j].opcode == row.opcode) return false;
    }
    bool used[kPayloadBits] = {};
    for (const Field& field : row.fields) {
      if (field.lsb < 0 || field.width < 1 || field.lsb + field.width > kPayloadBits) return false;
      for (int bit = field.lsb; bit < field.lsb + field.width; ++bit) {
        if (used[bit]) return false;
        used[bit] = true;
      }
      if (field.names.size() > (size_t{1} << std::min(field.width, 16))) return false;
    }
  }
  int next = 128;
  for (const HeaderField& field : kHeader) {
    next -= field.width;
    if (field.lsb != next) return false;
  }
  return next == kPayloadBits;
}
static_assert(table_is_sound());

}  // namespace

std::span<const Row> table() { return kTable; }

const Row& row_of(Op op) {
  check(static_cast<size_t>(op) < std::size(kTable), "operation {} is not in the instruction table",
        static_cast<int>(op));
  return kTable[static_cast<size_t>(op)];
}

const Row* row_of_opcode(uint8_t opcode) {
  static const auto rows = [] {
    std::array<const Row*, 64> by_opcode{};
    for (const Row& row : kTable) by_opcode[row.opcode] = &row;
    return by_opcode;
  }();
  return opcode < rows.size() ? rows[opcode] : nullptr;
}

std::span<const CfgWord> cfg_words(Unit unit) {
  switch (unit) {
    case Unit::kLd:
    case Unit::kSt: return kDmaWords;
    case Unit::kMm: return kMmWords;
    case Unit::kVx: return kVxWords;
    default: return {};
  }
}

Names unit_names() { return kUnitNames; }

}  // namespace hadal::isa
