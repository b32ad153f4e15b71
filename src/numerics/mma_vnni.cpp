// MMA on AVX-512 VNNI. A value in units of 2^-9 is v0 + 128 v1: codes below 2^-2 go to v0, the others to v1, so that a
// 64-entry table holds each part as 16 bits. Three products (v0 w0, v1 w1 and (v0 + v1)(w0 + w1)) give the exact sum.
#include "numerics/avx512.h"

#if defined(__x86_64__)
HADAL_TARGET_BEGIN(HADAL_AVX512)
namespace hadal::num {
namespace {

using namespace avx512;

constexpr int kParts = 3;       // v0, v1, v0 + v1: at most 3840 with two digits, and 128 x 3840^2 < 2^31
constexpr int kRowChunk = 128;  // rows of A held as parts: 96 KiB
constexpr int kRowBlock = 4;    // rows times two panels times three parts fill 24 registers
constexpr int kFusedRows = 4;   // up to here B is decoded in registers, beyond in memory once for all rows

// value[large][code & 63], in units of 2^-9 (large = 0) or 2^-2.
struct PartTables {
  int16_t value[2][64];
};

constexpr PartTables kTables = [] {
  PartTables t{};
  for (int code = 0; code < 128; ++code) {
    int value = decode_e4m3(static_cast<uint8_t>(code));
    t.value[code / 64][code % 64] = static_cast<int16_t>(code < 64 ? value : value / 128);
  }
  return t;
}();

struct Decoder {
  __m512i low0, low1, high0, high1;
};

HADAL_INLINE Decoder make_decoder() {
  return {_mm512_loadu_si512(kTables.value[0]), _mm512_loadu_si512(kTables.value[0] + 32),
          _mm512_loadu_si512(kTables.value[1]), _mm512_loadu_si512(kTables.value[1] + 32)};
}

struct Parts {
  __m512i p[kParts];
};

// Words hold one code each in their low byte.
HADAL_INLINE Parts decode(const Decoder& t, __m512i words) {
  const __m512i zero = _mm512_setzero_si512();
  __mmask32 negative = _mm512_test_epi16_mask(words, _mm512_set1_epi16(0x80));
  __mmask32 large = _mm512_test_epi16_mask(words, _mm512_set1_epi16(0x40));
  __m512i low = _mm512_maskz_permutex2var_epi16(_knot_mask32(large), t.low0, words, t.low1);
  __m512i high = _mm512_maskz_permutex2var_epi16(large, t.high0, words, t.high1);
  low = _mm512_mask_sub_epi16(low, negative, zero, low);
  high = _mm512_mask_sub_epi16(high, negative, zero, high);
  return {low, high, _mm512_or_si512(low, high)};  // one of the two is zero
}

// Half 0 of a line of bytes k0 k1 k2 k3 holds the words (k0, k2), half 1 (k1, k3).
HADAL_INLINE __m512i half_line(__m512i codes, int half) {
  return _mm512_and_si512(_mm512_srl_epi16(codes, _mm_cvtsi32_si128(8 * half)), _mm512_set1_epi16(0xFF));
}

HADAL_INLINE Parts decode_half(const Decoder& t, __m512i high, __m512i low, bool two_digits, int half) {
  Parts h = decode(t, half_line(high, half));
  if (!two_digits) return h;
  Parts l = decode(t, half_line(low, half));
  for (int j = 0; j < kParts; ++j) h.p[j] = _mm512_add_epi16(h.p[j], l.p[j]);
  return h;
}

// A row's parts: [line][half][part], one dword each.
using RowParts = int32_t[kMaxLines][2][kParts];

HADAL_INLINE bool prepare_row(const Mma& op, int g, int row, const Decoder& decoder, RowParts& out) {
  NanWatch nan = new_watch();
  for (int k = 0; k < op.group; k += 64) {
    int width = op.group - k < 64 ? op.group - k : 64;
    __mmask64 valid = width == 64 ? ~__mmask64{0} : (__mmask64{1} << width) - 1;
    size_t at = a_offset(op, g, row) + static_cast<size_t>(k);
    __m512i high = _mm512_maskz_loadu_epi8(valid, op.a + at), low = _mm512_setzero_si512();
    if (op.a_low != nullptr) low = _mm512_maskz_loadu_epi8(valid, op.a_low + at);
    watch(nan, high);
    watch(nan, low);
    for (int half = 0; half < 2; ++half) {
      Parts parts = decode_half(decoder, high, low, op.a_low != nullptr, half);
      alignas(64) int32_t dwords[kParts][16];
      for (int j = 0; j < kParts; ++j) _mm512_store_si512(dwords[j], parts.p[j]);
      for (int i = 0; i < width / 4; ++i) {
        for (int j = 0; j < kParts; ++j) out[k / 4 + i][half][j] = dwords[j][i];
      }
    }
  }
  return nan_bytes(nan) != 0;
}

// Two neighbouring panels: their raw lines, and when many rows use them their parts [line][half][panel][part].
struct PanelPair {
  const uint8_t* high[2];
  const uint8_t* low[2];
  __m512i* parts;
  __mmask16 nan[2];
  __m512 scales[2];
};

template <bool kTwoDigits>
HADAL_INLINE void read_half(const PanelPair& pair, const Decoder& decoder, int line, int half, Parts (&b)[2],
                            NanWatch (&nan)[2]) {
  for (int p = 0; p < 2; ++p) {
    __m512i high = _mm512_loadu_si512(pair.high[p] + line * 64), low = _mm512_setzero_si512();
    _mm_prefetch(reinterpret_cast<const char*>(pair.high[p] + line * 64 + 4096), _MM_HINT_T0);
    if (kTwoDigits) low = _mm512_loadu_si512(pair.low[p] + line * 64);
    if (half == 0) {
      watch(nan[p], high);
      if (kTwoDigits) watch(nan[p], low);
    }
    b[p] = decode_half(decoder, high, low, kTwoDigits, half);
  }
}

// P0 + 128 (P2 - P0 - P1) + 2^14 P1, all of it below 2^45: the first two terms are joined in binary64.
HADAL_INLINE __m512 combine(__m512i p0, __m512i p1, __m512i p2) {
  const __m512i p[kParts] = {p0, p1, p2};
  const __m512d unit = _mm512_set1_pd(0x1p-18), middle = _mm512_set1_pd(0x1p-11), top = _mm512_set1_pd(0x1p-4);
  __m256 f[2];
  for (int h = 0; h < 2; ++h) {
    __m512d d[kParts];
    for (int j = 0; j < kParts; ++j) {
      d[j] = _mm512_cvtepi32_pd(h == 0 ? _mm512_castsi512_si256(p[j]) : _mm512_extracti64x4_epi64(p[j], 1));
    }
    __m512d cross = _mm512_sub_pd(_mm512_sub_pd(d[2], d[0]), d[1]);
    f[h] = _mm512_cvtpd_ps(_mm512_fmadd_pd(d[1], top, _mm512_fmadd_pd(cross, middle, _mm512_mul_pd(d[0], unit))));
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
  x = _mm512_set1_epi32(a[1]);
  multiply_add(s.s10, b0.p[1], x);
  multiply_add(s.s11, b1.p[1], x);
  x = _mm512_set1_epi32(a[2]);
  multiply_add(s.s20, b0.p[2], x);
  multiply_add(s.s21, b1.p[2], x);
}

HADAL_INLINE void finish(const Mma& op, int g, int row, int panel, const RowSums& s, bool row_nan,
                         const PanelPair& pair) {
  fix_up(op, g, row, panel, combine(s.s00, s.s10, s.s20), row_nan ? 0xFFFF : pair.nan[0], pair.scales[0]);
  fix_up(op, g, row, panel + 1, combine(s.s01, s.s11, s.s21), row_nan ? 0xFFFF : pair.nan[1], pair.scales[1]);
}

// kRows rows of A times a pair of panels. Fused: B is decoded here; else its parts lie ready.
template <int kRows, bool kFused, bool kTwoDigits>
void multiply(const Mma& op, int g, int row, int panel, const RowParts* a, const bool* row_nan, PanelPair& pair,
              const Decoder& decoder) {
  constexpr int kRowStride = sizeof(RowParts) / sizeof(int32_t);
  RowSums s0 = no_sums(), s1 = s0, s2 = s0, s3 = s0;
  NanWatch nan[2] = {new_watch(), new_watch()};
  Parts b[2];
  const __m512i* ready = pair.parts;
  const int32_t* from = a[0][0][0];
  // One flat loop over half lines: with two unrolled halves the compiler runs out of registers.
  for (int step = 0; step < op.group / 2; ++step, from += kParts) {
    if (kFused) {
      read_half<kTwoDigits>(pair, decoder, step / 2, step % 2, b, nan);
    } else {
      b[0] = {ready[0], ready[1], ready[2]};
      b[1] = {ready[3], ready[4], ready[5]};
      ready += 2 * kParts;
    }
    accumulate(s0, b[0], b[1], from);
    if (kRows > 1) accumulate(s1, b[0], b[1], from + kRowStride);
    if (kRows > 2) accumulate(s2, b[0], b[1], from + 2 * kRowStride);
    if (kRows > 3) accumulate(s3, b[0], b[1], from + 3 * kRowStride);
  }
  for (int p = 0; kFused && p < 2; ++p) pair.nan[p] = nan_columns(nan[p]);
  finish(op, g, row, panel, s0, row_nan[0], pair);
  if (kRows > 1) finish(op, g, row + 1, panel, s1, row_nan[1], pair);
  if (kRows > 2) finish(op, g, row + 2, panel, s2, row_nan[2], pair);
  if (kRows > 3) finish(op, g, row + 3, panel, s3, row_nan[3], pair);
}

template <bool kTwoDigits>
void decode_pair(const Mma& op, PanelPair& pair, const Decoder& decoder) {
  NanWatch nan[2] = {new_watch(), new_watch()};
  __m512i* to = pair.parts;
  for (int line = 0; line < op.group / 4; ++line) {
    for (int half = 0; half < 2; ++half) {
      Parts b[2];
      read_half<kTwoDigits>(pair, decoder, line, half, b, nan);
      for (int p = 0; p < 2; ++p) {
        for (int j = 0; j < kParts; ++j) _mm512_store_si512(to++, b[p].p[j]);
      }
    }
  }
  for (int p = 0; p < 2; ++p) pair.nan[p] = nan_columns(nan[p]);
}

using Kernel = void (*)(const Mma&, int, int, int, const RowParts*, const bool*, PanelPair&, const Decoder&);
constexpr Kernel kFused[2][kFusedRows] = {
    {multiply<1, true, false>, multiply<2, true, false>, multiply<3, true, false>, multiply<4, true, false>},
    {multiply<1, true, true>, multiply<2, true, true>, multiply<3, true, true>, multiply<4, true, true>}};
constexpr Kernel kReady[kRowBlock] = {multiply<1, false, false>, multiply<2, false, false>, multiply<3, false, false>,
                                      multiply<4, false, false>};

}  // namespace

void mma_vnni(const Mma& op) {
  alignas(64) RowParts rows_a[kRowChunk];
  alignas(64) __m512i parts[kMaxLines * 2 * 2 * kParts];
  alignas(64) uint8_t packed[2][2][kMaxLines * 64];
  bool row_nan[kRowChunk];
  const Decoder decoder = make_decoder();
  const bool two_digits = op.b_low != nullptr;
  for (int first = 0; first < op.m; first += kRowChunk) {
    const int rows = op.m - first < kRowChunk ? op.m - first : kRowChunk;
    for (int g = 0; g < op.groups; ++g) {
      for (int r = 0; r < rows; ++r) row_nan[r] = prepare_row(op, g, first + r, decoder, rows_a[r]);
      for (int panel = 0; panel < op.n / kPanelColumns; panel += 2) {
        PanelPair pair{};
        pair.parts = parts;
        for (int p = 0; p < 2; ++p) {
          pair.high[p] = panel_lines(op, op.b, g, panel + p, packed[p][0]);
          if (two_digits) pair.low[p] = panel_lines(op, op.b_low, g, panel + p, packed[p][1]);
          pair.scales[p] = panel_scales(op, g, panel + p);
        }
        if (rows <= kFusedRows) {
          kFused[two_digits][rows - 1](op, g, first, panel, rows_a, row_nan, pair, decoder);
          continue;
        }
        two_digits ? decode_pair<true>(op, pair, decoder) : decode_pair<false>(op, pair, decoder);
        for (int r = 0; r < rows; r += kRowBlock) {
          int count = rows - r < kRowBlock ? rows - r : kRowBlock;
          kReady[count - 1](op, g, first + r, panel, rows_a + r, row_nan + r, pair, decoder);
        }
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
