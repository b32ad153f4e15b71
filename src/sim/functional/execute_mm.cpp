// MM: operands, scales and accumulators of MMA (docs/machine.md, section 6). The arithmetic is num::mma.
#include "numerics/numerics.h"
#include "sim/functional/core.h"

namespace hadal::sim {
namespace {

constexpr uint64_t kBlock = 128;  // elements of k that operand strides count by

// The tile of one operand for `k` elements: whole blocks of 128 and maybe a part of one. `read` gets the region of
// `bytes` of k in the block at `block` lines.
template <typename F>
void by_blocks(uint64_t k, uint64_t block_stride, F&& read) {
  for (uint64_t done = 0, block = 0; done < k; done += kBlock, ++block) {
    read(block * block_stride * kLine, std::min(kBlock, k - done));
  }
}

}  // namespace

void Core::execute_mma(const Issued& issued, const Access& access) {
  using namespace isa::cfg;
  const isa::Instr& in = issued.code->instr;
  const auto& cfg = state(isa::Unit::kMm).cfg;
  const auto or_default = [&](Mm key, uint64_t value) { return cfg[key] != 0 ? uint64_t{cfg[key]} : value; };
  const bool rows_layout = (in.flags & isa::flag::kBr) != 0, transposed = (in.flags & isa::flag::kBt) != 0;
  const uint64_t m = in.m, n = uint64_t{in.n} * 32, groups = in.kg;
  const uint64_t group = uint64_t{128} >> (in.flags >> isa::flag::kGroupShift);
  const uint64_t k = groups * group;
  const uint64_t a_row = or_default(kARs, 2), a_block = or_default(kAGs, m * a_row);
  const uint64_t b_n = or_default(kBNs, rows_layout || transposed ? 0 : 32);
  const uint64_t b_block = or_default(kBGs, rows_layout ? 2 : transposed ? 128 * b_n : n / 16 * b_n);
  const uint64_t acc_row = or_default(kCRs, n / 16), sa_group = or_default(kSaG, m);
  if (Issue* trace = trace_of(issued)) {
    trace->rows = in.m;
    trace->cols = static_cast<uint32_t>(n);
    trace->groups = in.kg;
    trace->group = static_cast<uint32_t>(group);
    trace->sstride = static_cast<uint32_t>(a_row);
    trace->bstride = static_cast<uint32_t>(b_n);
    trace->dstride = static_cast<uint32_t>(acc_row);
  }
  if (m == 0 || n == 0 || groups == 0) return;
  if (b_n == 0) fault("BNS must be set for B in rows");
  if (m > 1 && acc_row < n / 16)
    fault("accumulator rows of {} lines overlap: they are {} lines apart", n / 16, acc_row);
  if (cfg[kSbSh] > 31) fault("SBSH is {}, more than 31", cfg[kSbSh]);

  const auto read_a = [&](uint64_t plane) {
    const uint64_t base = (issued.a + plane) * kLine;
    by_blocks(k, a_block, [&](uint64_t block, uint64_t bytes) {
      spm_.read(access, {base + block, bytes, m, a_row * kLine}, "a");
    });
    return reinterpret_cast<const uint8_t*>(spm_.bytes().data() + base);
  };
  // Panels, rows of n, or all rows of k, with all their blocks of k.
  const auto check_b = [&](uint64_t plane) {
    Region whole{(issued.b + plane) * kLine, 0, transposed ? 1 : rows_layout ? n : n / 16, b_n * kLine};
    by_blocks(k, b_block, [&](uint64_t block, uint64_t bytes) {
      Region part = whole;
      part.byte += block;
      part.row_bytes = transposed ? n : rows_layout ? bytes : bytes * 16;
      if (transposed) part.rows = bytes;
      spm_.check_read(access, part, "b");
      whole.row_bytes = part.end() - whole.byte - (whole.rows - 1) * whole.stride;
    });
    return whole;
  };
  // `count` words at `word`, and the same every `stride` words, `rows` times.
  const auto read_words = [&](uint64_t word, uint64_t count, uint64_t rows, uint64_t stride, const char* operand) {
    return reinterpret_cast<const float*>(spm_.read(access, {word * 4, count * 4, rows, stride * 4}, operand));
  };

  num::Mma op;
  op.m = static_cast<int>(m);
  op.n = static_cast<int>(n);
  op.groups = static_cast<int>(groups);
  op.group = static_cast<int>(group);
  op.clear = (in.flags & isa::flag::kClr) != 0;
  op.rescale = (in.flags & isa::flag::kRsc) != 0;
  op.a = read_a(0);
  if ((in.flags & isa::flag::kDa) != 0) op.a_low = read_a(cfg[kADs]);
  op.a_row = a_row * kLine;
  op.a_block = a_block * kLine;
  op.layout = transposed ? num::BLayout::kTransposed : rows_layout ? num::BLayout::kRows : num::BLayout::kBlocked;
  const bool two_digits = (in.flags & isa::flag::kDb) != 0;
  const Region b_region = check_b(0), low_region = two_digits ? check_b(cfg[kBDs]) : b_region;
  LocalMemory::View b = spm_.view(b_region), low = spm_.view(low_region);
  if (low.stride != b.stride) {
    spm_.settle();
    b = spm_.view(b_region), low = spm_.view(low_region);
  }
  op.b = reinterpret_cast<const uint8_t*>(b.from);
  op.b_next = reinterpret_cast<const uint8_t*>(b.next);
  op.b_cold = b.first;
  if (two_digits) op.b_low = reinterpret_cast<const uint8_t*>(low.from);
  op.b_n = b.stride;
  op.b_block = b_block * kLine;
  op.sa = read_words(cfg[kSa], m, groups, sa_group, "the scales of a");
  op.sa_group = sa_group;
  op.sb_shift = static_cast<int>(cfg[kSbSh]);
  op.sb_n = cfg[kSbN];
  op.sb_group = cfg[kSbG];
  const uint64_t scale_columns = op.sb_n == 0 ? 1 : ((n - 1) >> op.sb_shift) + 1;
  const auto check_scales = [&](uint64_t first, uint64_t count, uint64_t stride) {
    spm_.check_read(access, {first * 4, 4, count, stride * 4}, "the scales of b");
  };
  if (scale_columns < groups) {
    for (uint64_t c = 0; c < scale_columns; ++c) check_scales(cfg[kSb] + c * op.sb_n, groups, op.sb_group);
  } else {
    for (uint64_t g = 0; g < groups; ++g) check_scales(cfg[kSb] + g * op.sb_group, scale_columns, op.sb_n);
  }
  const uint64_t scale_words = (scale_columns - 1) * op.sb_n + (groups - 1) * op.sb_group + 1;
  op.sb = reinterpret_cast<const float*>(spm_.view({uint64_t{cfg[kSb]} * 4, scale_words * 4}).from);
  if (op.rescale) op.alpha = read_words(cfg[kAl], m, 1, 0, "alpha");
  const Region acc{issued.d * kLine, n * 4, m, acc_row * kLine};
  if (!op.clear) acc_.read(access, acc, "c");
  op.acc = reinterpret_cast<float*>(acc_.write(access, acc, "c"));
  op.acc_row = acc_row * 16;
  num::mma(op);
  const uint64_t digit_products = uint64_t{1} << ((op.a_low != nullptr) + (op.b_low != nullptr));
  stats.macs += m * n * k * digit_products;
}

}  // namespace hadal::sim
