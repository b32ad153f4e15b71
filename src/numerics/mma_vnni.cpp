// MMA on AVX-512 VNNI. A value in units of 2^-9 is v0 + 128 v1: codes below 2^-2 go to v0, the others to v1, so that
// each part fits 16 bits. Three products (v0 w0, v1 w1 and (v0 + v1)(w0 + w1)) give the exact sum.
#include "numerics/avx512.h"

#if defined(__x86_64__)
HADAL_TARGET_BEGIN(HADAL_AVX512)
namespace hadal::num {
namespace {

using namespace avx512;

constexpr int kParts = 3;       // v0, v1, v0 + v1: at most 3840 with two digits, and 128 x 3840^2 < 2^31
constexpr int kRowChunk = 128;  // rows of A held as parts: 96 KiB
constexpr int kFusedRows = 4;   // up to here B is decoded in registers: two panels of all parts; 24 registers of sums
constexpr int kRowBlock = 6;    // beyond, B is decoded in memory once for all rows, and the parts are multiplied one by
constexpr int kPanels = 4;      // one, 6 rows x 4 panels: the same 24 registers take fewer loads
constexpr int kPairRows = 32;   // up to here two panels at a time, whose parts (24 KiB) stay in the first cache
constexpr int kMaxSteps = 2 * kMaxLines;
constexpr size_t kFarthestPrefetch = 32 * 1024;  // weights come in runs of panels: the next ones, if not too far away

// The power of two of each exponent field, in units of 2^-9 (field < 8) or 2^-2; zero where the other part has it.
struct Decoder {
  __m512i powers[2];
};

HADAL_INLINE Decoder make_decoder() {
  return {{_mm512_broadcast_i32x4(_mm_setr_epi8(1, 1, 2, 4, 8, 16, 32, 64, 0, 0, 0, 0, 0, 0, 0, 0)),
           _mm512_broadcast_i32x4(_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, -128))}};
}

struct Parts {
  __m512i p[kParts];
};

// Half 0 of a line of bytes k0 k1 k2 k3 becomes the words (k0, k2), half 1 (k1, k3). A NaN becomes some number.
HADAL_INLINE Parts decode(const Decoder& t, __m512i codes, int half) {
  __m512i exponent = _mm512_and_si512(_mm512_srli_epi16(codes, 3), _mm512_set1_epi8(15));
  __m512i significand = _mm512_and_si512(codes, _mm512_set1_epi8(7));
  significand = _mm512_mask_add_epi8(significand, _mm512_test_epi8_mask(codes, _mm512_set1_epi8(0x78)), significand,
                                     _mm512_set1_epi8(8));
  significand = _mm512_mask_sub_epi8(significand, _mm512_movepi8_mask(codes), _mm512_setzero_si512(), significand);
  const __mmask64 bytes = __mmask64{0x5555555555555555} << half;
  __m512i low = _mm512_maddubs_epi16(_mm512_maskz_shuffle_epi8(bytes, t.powers[0], exponent), significand);
  __m512i high = _mm512_maddubs_epi16(_mm512_maskz_shuffle_epi8(bytes, t.powers[1], exponent), significand);
  return {low, high, _mm512_or_si512(low, high)};  // one of the two is zero
}

HADAL_INLINE Parts decode_half(const Decoder& t, __m512i high, __m512i low, bool two_digits, int half) {
  Parts h = decode(t, high, half);
  if (!two_digits) return h;
  Parts l = decode(t, low, half);
  for (int j = 0; j < kParts; ++j) h.p[j] = _mm512_add_epi16(h.p[j], l.p[j]);
  return h;
}

// A row's parts, a dword for each half line.
using RowParts = int32_t[kParts][kMaxSteps];
constexpr int kRowStride = sizeof(RowParts) / sizeof(int32_t);

HADAL_INLINE bool prepare_row(const Mma& op, int g, int row, const Decoder& decoder, RowParts& out) {
  const __m512i even = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(8));
  NanWatch nan = new_watch();
  for (int k = 0; k < op.group; k += 64) {
    int width = op.group - k < 64 ? op.group - k : 64;
    __mmask64 valid = width == 64 ? ~__mmask64{0} : (__mmask64{1} << width) - 1;
    size_t at = a_offset(op, g, row) + static_cast<size_t>(k);
    __m512i high = _mm512_maskz_loadu_epi8(valid, op.a + at), low = _mm512_setzero_si512();
    if (op.a_low != nullptr) low = _mm512_maskz_loadu_epi8(valid, op.a_low + at);
    watch(nan, high);
    watch(nan, low);
    Parts half0 = decode_half(decoder, high, low, op.a_low != nullptr, 0);
    Parts half1 = decode_half(decoder, high, low, op.a_low != nullptr, 1);
    for (int j = 0; j < kParts; ++j) {
      _mm512_store_si512(out[j] + k / 2, _mm512_permutex2var_epi32(half0.p[j], even, half1.p[j]));
      _mm512_store_si512(out[j] + k / 2 + 16, _mm512_permutex2var_epi32(half0.p[j], odd, half1.p[j]));
    }
  }
  return nan_bytes(nan) != 0;
}

// Up to four neighbouring panels.
struct PanelBlock {
  size_t ahead;  // bytes to what will be wanted next, for prefetches
  const uint8_t* high[kPanels];
  const uint8_t* low[kPanels];
  __mmask16 nan[kPanels];
  __m512 scales[kPanels];
};

template <bool kTwoDigits>
HADAL_INLINE Parts read_half(const PanelBlock& block, const Decoder& decoder, int p, int line, int half,
                             NanWatch& nan) {
  __m512i high = _mm512_loadu_si512(block.high[p] + line * 64), low = _mm512_setzero_si512();
  if (kTwoDigits) low = _mm512_loadu_si512(block.low[p] + line * 64);
  if (half == 0) {
    _mm_prefetch(reinterpret_cast<const char*>(block.high[p] + line * 64 + block.ahead), _MM_HINT_T0);
    if (kTwoDigits) _mm_prefetch(reinterpret_cast<const char*>(block.low[p] + line * 64 + block.ahead), _MM_HINT_T0);
    watch(nan, high);
    if (kTwoDigits) watch(nan, low);
  }
  return decode_half(decoder, high, low, kTwoDigits, half);
}

HADAL_INLINE __m512d half_sums(const __m512i& sums, int half) {
  return _mm512_cvtepi32_pd(_mm256_load_si256(reinterpret_cast<const __m256i*>(&sums) + half));
}

// P0 + 128 (P2 - P0 - P1) + 2^14 P1, in units of 2^-18: every step exact in binary64.
HADAL_INLINE __m512 combine(const __m512i& p0, const __m512i& p1, const __m512i& p2) {
  const __m512d weight0 = _mm512_set1_pd(-127 * 0x1p-18), weight1 = _mm512_set1_pd((16384 - 128) * 0x1p-18);
  const __m512d weight2 = _mm512_set1_pd(128 * 0x1p-18);
  __m256 f[2];
  for (int h = 0; h < 2; ++h) {
    __m512d sum = _mm512_fmadd_pd(half_sums(p2, h), weight2, _mm512_mul_pd(half_sums(p0, h), weight0));
    f[h] = _mm512_cvtpd_ps(_mm512_fmadd_pd(half_sums(p1, h), weight1, sum));
  }
  return _mm512_insertf32x8(_mm512_castps256_ps512(f[0]), f[1], 1);
}

// The sums of one row: part j times panel p in s<j><p>. Named one by one: GCC keeps arrays of them in memory.
struct RowSums {
  __m512i s00, s01, s10, s11, s20, s21;
};

HADAL_INLINE RowSums no_sums() {
  const __m512i zero = _mm512_setzero_si512();
  return {zero, zero, zero, zero, zero, zero};
}

// sum += pairs of 16-bit products. As an instruction by name: around the intrinsic GCC 12 copies and spills the sums.
HADAL_INLINE void multiply_add(__m512i& sum, __m512i b, __m512i x) {
  __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(b), "v"(x));
}

// One half line of both panels times the same k of a row.
HADAL_INLINE void accumulate(RowSums& s, const Parts& b0, const Parts& b1, const int32_t* a) {
  __m512i x = _mm512_set1_epi32(a[0]);
  multiply_add(s.s00, b0.p[0], x);
  multiply_add(s.s01, b1.p[0], x);
  x = _mm512_set1_epi32(a[kMaxSteps]);
  multiply_add(s.s10, b0.p[1], x);
  multiply_add(s.s11, b1.p[1], x);
  x = _mm512_set1_epi32(a[2 * kMaxSteps]);
  multiply_add(s.s20, b0.p[2], x);
  multiply_add(s.s21, b1.p[2], x);
}

HADAL_INLINE void finish(const Mma& op, int g, int row, int panel, const RowSums& s, bool row_nan,
                         const PanelBlock& block) {
  fix_up(op, g, row, panel, combine(s.s00, s.s10, s.s20), row_nan ? 0xFFFF : block.nan[0], block.scales[0]);
  fix_up(op, g, row, panel + 1, combine(s.s01, s.s11, s.s21), row_nan ? 0xFFFF : block.nan[1], block.scales[1]);
}

// kRows rows of A times two panels, decoded on the way.
template <int kRows, bool kTwoDigits>
void multiply_fused(const Mma& op, int g, int row, int panel, const RowParts* a, const bool* row_nan, PanelBlock& block,
                    const Decoder& decoder) {
  RowSums s0 = no_sums(), s1 = s0, s2 = s0, s3 = s0;
  NanWatch nan[2] = {new_watch(), new_watch()};
  const int32_t* from = a[0][0];
  // One flat loop over half lines: with two unrolled halves the compiler runs out of registers.
  for (int step = 0; step < op.group / 2; ++step, ++from) {
    Parts b0 = read_half<kTwoDigits>(block, decoder, 0, step / 2, step % 2, nan[0]);
    Parts b1 = read_half<kTwoDigits>(block, decoder, 1, step / 2, step % 2, nan[1]);
    accumulate(s0, b0, b1, from);
    if (kRows > 1) accumulate(s1, b0, b1, from + kRowStride);
    if (kRows > 2) accumulate(s2, b0, b1, from + 2 * kRowStride);
    if (kRows > 3) accumulate(s3, b0, b1, from + 3 * kRowStride);
  }
  for (int p = 0; p < 2; ++p) block.nan[p] = nan_columns(nan[p]);
  finish(op, g, row, panel, s0, row_nan[0], block);
  if (kRows > 1) finish(op, g, row + 1, panel, s1, row_nan[1], block);
  if (kRows > 2) finish(op, g, row + 2, panel, s2, row_nan[2], block);
  if (kRows > 3) finish(op, g, row + 3, panel, s3, row_nan[3], block);
}

// The decoded parts of a block of panels, and the sums of one row over them.
using PanelParts = __m512i[kParts][kMaxSteps * kPanels];
using BlockSums = __m512i[kParts][kPanels];
constexpr int kSumStride = kParts * kPanels;

template <bool kTwoDigits>
void decode_panels(const Mma& op, PanelBlock& block, int count, const Decoder& decoder, PanelParts& parts) {
  for (int p = 0; p < count; p += 2) {
    NanWatch nan[2] = {new_watch(), new_watch()};
    for (int line = 0; line < op.group / 4; ++line) {
      for (int q = 0; q < 2; ++q) {
        Parts b0 = read_half<kTwoDigits>(block, decoder, p + q, line, 0, nan[q]);
        Parts b1 = read_half<kTwoDigits>(block, decoder, p + q, line, 1, nan[q]);
        for (int j = 0; j < kParts; ++j) {
          parts[j][2 * line * count + p + q] = b0.p[j];
          parts[j][(2 * line + 1) * count + p + q] = b1.p[j];
        }
      }
    }
    for (int q = 0; q < 2; ++q) block.nan[p + q] = nan_columns(nan[q]);
  }
}

// The sums of one row of A and one part with up to four panels; named one by one as above.
struct PartSums {
  __m512i p0, p1, p2, p3;
};

template <int kCount>
HADAL_INLINE void accumulate_part(PartSums& s, const __m512i* b, const int32_t* a) {
  __m512i x = _mm512_set1_epi32(*a);
  multiply_add(s.p0, b[0], x);
  multiply_add(s.p1, b[1], x);
  if (kCount > 2) multiply_add(s.p2, b[2], x);
  if (kCount > 2) multiply_add(s.p3, b[3], x);
}

template <int kCount>
HADAL_INLINE void store_sums(const PartSums& s, __m512i* to) {
  to[0] = s.p0;
  to[1] = s.p1;
  if (kCount > 2) to[2] = s.p2;
  if (kCount > 2) to[3] = s.p3;
}

// One part of kRows rows of A times kCount decoded panels.
template <int kRows, int kCount>
void multiply_part(int steps, const int32_t* a, const __m512i* b, __m512i* sums) {
  const __m512i zero = _mm512_setzero_si512();
  PartSums s0 = {zero, zero, zero, zero}, s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0;
  for (int step = 0; step < steps; ++step, ++a, b += kCount) {
    accumulate_part<kCount>(s0, b, a);
    if (kRows > 1) accumulate_part<kCount>(s1, b, a + kRowStride);
    if (kRows > 2) accumulate_part<kCount>(s2, b, a + 2 * kRowStride);
    if (kRows > 3) accumulate_part<kCount>(s3, b, a + 3 * kRowStride);
    if (kRows > 4) accumulate_part<kCount>(s4, b, a + 4 * kRowStride);
    if (kRows > 5) accumulate_part<kCount>(s5, b, a + 5 * kRowStride);
  }
  store_sums<kCount>(s0, sums);
  if (kRows > 1) store_sums<kCount>(s1, sums + kSumStride);
  if (kRows > 2) store_sums<kCount>(s2, sums + 2 * kSumStride);
  if (kRows > 3) store_sums<kCount>(s3, sums + 3 * kSumStride);
  if (kRows > 4) store_sums<kCount>(s4, sums + 4 * kSumStride);
  if (kRows > 5) store_sums<kCount>(s5, sums + 5 * kSumStride);
}

using Fused = void (*)(const Mma&, int, int, int, const RowParts*, const bool*, PanelBlock&, const Decoder&);
constexpr Fused kFused[2][kFusedRows] = {
    {multiply_fused<1, false>, multiply_fused<2, false>, multiply_fused<3, false>, multiply_fused<4, false>},
    {multiply_fused<1, true>, multiply_fused<2, true>, multiply_fused<3, true>, multiply_fused<4, true>}};

using Part = void (*)(int, const int32_t*, const __m512i*, __m512i*);
constexpr Part kPart[2][kRowBlock] = {{multiply_part<1, 2>, multiply_part<2, 2>, multiply_part<3, 2>,
                                       multiply_part<4, 2>, multiply_part<5, 2>, multiply_part<6, 2>},
                                      {multiply_part<1, 4>, multiply_part<2, 4>, multiply_part<3, 4>,
                                       multiply_part<4, 4>, multiply_part<5, 4>, multiply_part<6, 4>}};

// All rows of the chunk times `count` decoded panels. A part of the panels stays in the first cache over all rows.
void multiply_rows(const Mma& op, int g, int first, int rows, int panel, int count, const RowParts* a,
                   const bool* row_nan, const PanelBlock& block, const PanelParts& parts, BlockSums* sums) {
  const int blocks = (rows + kRowBlock - 1) / kRowBlock;
  for (int j = 0; j < kParts; ++j) {
    for (int i = 0; i < blocks; ++i) {
      const int from = rows * i / blocks, to = rows * (i + 1) / blocks;
      kPart[count > 2][to - from - 1](op.group / 2, a[from][j], parts[j], sums[from][j]);
      for (int r = from; j == kParts - 1 && r < to; ++r) {
        for (int p = 0; p < count; ++p) {
          fix_up(op, g, first + r, panel + p, combine(sums[r][0][p], sums[r][1][p], sums[r][2][p]),
                 row_nan[r] ? 0xFFFF : block.nan[p], block.scales[p]);
        }
      }
    }
  }
}

}  // namespace

void mma_vnni(const Mma& op) {
  alignas(64) RowParts rows_a[kRowChunk];
  alignas(64) PanelParts parts;
  alignas(64) BlockSums sums[kRowChunk];
  alignas(64) uint8_t packed[kPanels][2][kMaxLines * 64];
  bool row_nan[kRowChunk];
  const Decoder decoder = make_decoder();
  const bool two_digits = op.b_low != nullptr, fused = op.m <= kFusedRows;
  const int panels = op.n / kPanelColumns, step = op.m <= kPairRows ? 2 : kPanels;
  for (int first = 0; first < op.m; first += kRowChunk) {
    const int rows = op.m - first < kRowChunk ? op.m - first : kRowChunk;
    for (int g = 0; g < op.groups; ++g) {
      for (int r = 0; r < rows; ++r) row_nan[r] = prepare_row(op, g, first + r, decoder, rows_a[r]);
      for (int panel = 0; panel < panels; panel += step) {
        const int count = panels - panel < step ? panels - panel : step;
        PanelBlock block;
        block.ahead = std::min(static_cast<size_t>(count) * op.b_n, kFarthestPrefetch);
        for (int p = 0; p < count; ++p) {
          block.high[p] = panel_lines(op, op.b, g, panel + p, packed[p][0]);
          block.low[p] = two_digits ? panel_lines(op, op.b_low, g, panel + p, packed[p][1]) : nullptr;
          block.scales[p] = panel_scales(op, g, panel + p);
        }
        if (fused) {
          kFused[two_digits][rows - 1](op, g, first, panel, rows_a, row_nan, block, decoder);
          continue;
        }
        two_digits ? decode_panels<true>(op, block, count, decoder, parts)
                   : decode_panels<false>(op, block, count, decoder, parts);
        multiply_rows(op, g, first, rows, panel, count, rows_a, row_nan, block, parts, sums);
      }
    }
  }
}

}  // namespace hadal::num
HADAL_TARGET_END

#else
namespace hadal::num {
void mma_vnni(const Mma& op) { mma_portable(op); }
}  // namespace hadal::num
#endif
