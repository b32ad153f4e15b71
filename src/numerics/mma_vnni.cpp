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
constexpr int kFusedRows = 4;   // up to here B is decoded in registers: a panel of all parts; 12 registers of sums
constexpr int kRowBlock = 6;    // beyond, B is decoded in memory once for all rows, and the parts are multiplied one by
constexpr int kPanels = 4;      // one, 6 rows x 4 panels: the same 24 registers take fewer loads
constexpr int kPairRows = 32;   // up to here two panels at a time, whose parts (24 KiB) stay in the first cache
constexpr int kMaxSteps = 2 * kMaxLines;

// What the seven bits beside the sign of a code stand for: the significand, and its power of two in units of 2^-9
// (exponent field < 8) or of 2^-2, zero where the other part has it. The significand of a NaN has a bit of its own.
struct alignas(64) Tables {
  uint8_t significand[128], powers[2][128];
};
constexpr uint8_t kNanBit = 64;
constexpr Tables kTables = [] {
  Tables t{};
  for (int code = 0; code < 128; ++code) {
    const int exponent = code >> 3;
    t.significand[code] = static_cast<uint8_t>(code == 127 ? kNanBit : (code & 7) + (exponent > 0 ? 8 : 0));
    t.powers[0][code] = static_cast<uint8_t>(exponent >= 8 ? 0 : exponent == 0 ? 1 : 1 << (exponent - 1));
    t.powers[1][code] = static_cast<uint8_t>(exponent >= 8 ? 1 << (exponent - 8) : 0);
  }
  return t;
}();

struct Decoder {
  __m512i significand[2], powers[2][2];
  __m512i even;  // the bytes k0 and k2
};

HADAL_INLINE Decoder make_decoder() {
  Decoder t;
  for (int i = 0; i < 2; ++i) {
    t.significand[i] = _mm512_load_si512(kTables.significand + 64 * i);
    for (int j = 0; j < 2; ++j) t.powers[j][i] = _mm512_load_si512(kTables.powers[j] + 64 * i);
  }
  t.even = _mm512_set1_epi16(0x00FF);
  return t;
}

// The parts of half a line; of a line of bytes k0 k1 k2 k3, half 0 are the words (k0, k2) and half 1 (k1, k3). Named
// one by one, as are the sums below: GCC 12 keeps arrays of them in memory.
struct Parts {
  __m512i p0, p1, p2;
};
struct LineParts {
  Parts half0, half1;
};

// The first two parts. A NaN becomes some number and sets kNanBit in `seen`.
HADAL_INLINE LineParts decode_digit(const Decoder& t, __m512i codes, __m512i& seen) {
  __m512i s = _mm512_permutex2var_epi8(t.significand[0], codes, t.significand[1]);
  seen = _mm512_or_si512(seen, s);
  s = _mm512_mask_sub_epi8(s, _mm512_movepi8_mask(codes), _mm512_setzero_si512(), s);
  const __m512i even = _mm512_and_si512(s, t.even), odd = _mm512_andnot_si512(t.even, s);
  const __m512i power0 = _mm512_permutex2var_epi8(t.powers[0][0], codes, t.powers[0][1]);
  const __m512i power1 = _mm512_permutex2var_epi8(t.powers[1][0], codes, t.powers[1][1]);
  const __m512i unused = _mm512_setzero_si512();
  return {{_mm512_maddubs_epi16(power0, even), _mm512_maddubs_epi16(power1, even), unused},
          {_mm512_maddubs_epi16(power0, odd), _mm512_maddubs_epi16(power1, odd), unused}};
}

template <bool kTwoDigits>
HADAL_INLINE LineParts decode_line(const Decoder& t, __m512i high, __m512i low, __m512i& seen) {
  LineParts out = decode_digit(t, high, seen);
  if (kTwoDigits) {
    const LineParts second = decode_digit(t, low, seen);
    out.half0.p0 = _mm512_add_epi16(out.half0.p0, second.half0.p0);
    out.half0.p1 = _mm512_add_epi16(out.half0.p1, second.half0.p1);
    out.half1.p0 = _mm512_add_epi16(out.half1.p0, second.half1.p0);
    out.half1.p1 = _mm512_add_epi16(out.half1.p1, second.half1.p1);
  }
  out.half0.p2 = _mm512_add_epi16(out.half0.p0, out.half0.p1);
  out.half1.p2 = _mm512_add_epi16(out.half1.p0, out.half1.p1);
  return out;
}

// A row's parts, a dword for each half line.
using RowParts = int32_t[kParts][kMaxSteps];
constexpr int kRowStride = sizeof(RowParts) / sizeof(int32_t);

// Says whether there is a NaN in it.
template <bool kTwoDigits>
HADAL_INLINE bool prepare_row(const Mma& op, int g, int row, const Decoder& decoder, RowParts& out) {
  const __m512i even = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(8));
  __m512i seen = _mm512_setzero_si512();
  for (int k = 0; k < op.group; k += 64) {
    int width = op.group - k < 64 ? op.group - k : 64;
    __mmask64 valid = width == 64 ? ~__mmask64{0} : (__mmask64{1} << width) - 1;
    size_t at = a_offset(op, g, row) + static_cast<size_t>(k);
    __m512i high = _mm512_maskz_loadu_epi8(valid, op.a + at), low = _mm512_setzero_si512();
    if (kTwoDigits) low = _mm512_maskz_loadu_epi8(valid, op.a_low + at);
    const auto [half0, half1] = decode_line<kTwoDigits>(decoder, high, low, seen);
    const auto store = [&](int32_t* to, __m512i x, __m512i y) {
      _mm512_store_si512(to + k / 2, _mm512_permutex2var_epi32(x, even, y));
      _mm512_store_si512(to + k / 2 + 16, _mm512_permutex2var_epi32(x, odd, y));
    };
    store(out[0], half0.p0, half1.p0);
    store(out[1], half0.p1, half1.p1);
    store(out[2], half0.p2, half1.p2);
  }
  return _mm512_test_epi8_mask(seen, _mm512_set1_epi8(kNanBit)) != 0;
}

// From what is read to what the next product reads at the same place.
HADAL_INLINE ptrdiff_t bytes_ahead(const Mma& op) { return op.b_next != nullptr ? op.b_next - op.b : 0; }

// The first of a run has to fetch itself too, line by line a little ahead of itself.
HADAL_INLINE void fetch_self(const uint8_t* from) {
  constexpr int kLinesAhead = 16;
  _mm_prefetch(reinterpret_cast<const char*>(from + kLinesAhead * 64), _MM_HINT_T0);
}

// One group of a panel.
struct Panel {
  const uint8_t *high, *low;
  __m512 scales;
  __mmask16 nan;
};

HADAL_INLINE Panel open_panel(const Mma& op, int g, int panel, uint8_t (&packed)[2][kMaxLines * 64]) {
  return {panel_lines(op, op.b, g, panel, packed[0]),
          op.b_low != nullptr ? panel_lines(op, op.b_low, g, panel, packed[1]) : nullptr, panel_scales(op, g, panel),
          0};
}

// `ahead`: bytes to what will be wanted next.
template <bool kTwoDigits>
HADAL_INLINE LineParts read_line(const Panel& panel, const Decoder& decoder, int line, ptrdiff_t ahead, __m512i& seen) {
  const uint8_t* from = panel.high + line * 64;
  const __m512i high = _mm512_loadu_si512(from);
  _mm_prefetch(reinterpret_cast<const char*>(from + ahead), _MM_HINT_T0);
  __m512i low = _mm512_setzero_si512();
  if (kTwoDigits) {
    from = panel.low + line * 64;
    low = _mm512_loadu_si512(from);
    _mm_prefetch(reinterpret_cast<const char*>(from + ahead), _MM_HINT_T0);
  }
  return decode_line<kTwoDigits>(decoder, high, low, seen);
}

// Column c of a blocked line holds bytes 4c..4c+3.
HADAL_INLINE __mmask16 columns_with_nan(__m512i seen) {
  return _mm512_test_epi32_mask(seen, _mm512_set1_epi8(kNanBit));
}

HADAL_INLINE __m512d half_sums(__m512i sums, int half) {
  return _mm512_cvtepi32_pd(half == 0 ? _mm512_castsi512_si256(sums) : _mm512_extracti64x4_epi64(sums, 1));
}

// P0 + 128 (P2 - P0 - P1) + 2^14 P1, in units of 2^-18: every step exact in binary64.
HADAL_INLINE __m512 combine(__m512i p0, __m512i p1, __m512i p2) {
  const __m512d weight0 = _mm512_set1_pd(-127 * 0x1p-18), weight1 = _mm512_set1_pd((16384 - 128) * 0x1p-18);
  const __m512d weight2 = _mm512_set1_pd(128 * 0x1p-18);
  __m256 f[2];
  for (int h = 0; h < 2; ++h) {
    __m512d sum = _mm512_fmadd_pd(half_sums(p2, h), weight2, _mm512_mul_pd(half_sums(p0, h), weight0));
    f[h] = _mm512_cvtpd_ps(_mm512_fmadd_pd(half_sums(p1, h), weight1, sum));
  }
  return _mm512_insertf32x8(_mm512_castps256_ps512(f[0]), f[1], 1);
}

// sum += pairs of 16-bit products. As an instruction by name: around the intrinsic GCC 12 copies and spills the sums.
HADAL_INLINE void multiply_add(__m512i& sum, __m512i b, __m512i x) {
  __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(b), "v"(x));
}
HADAL_INLINE void multiply_add(__m512i& sum, __m512i b, const int32_t& x) {
  __asm__("vpdpwssd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(b), "m"(x));
}

// The sums of one row, by part.
struct RowSums {
  __m512i s0, s1, s2;
};

// One line of a panel times the same k of a row.
HADAL_INLINE void accumulate(RowSums& s, const LineParts& b, const int32_t* a) {
  multiply_add(s.s0, b.half0.p0, a[0]);
  multiply_add(s.s1, b.half0.p1, a[kMaxSteps]);
  multiply_add(s.s2, b.half0.p2, a[2 * kMaxSteps]);
  multiply_add(s.s0, b.half1.p0, a[1]);
  multiply_add(s.s1, b.half1.p1, a[kMaxSteps + 1]);
  multiply_add(s.s2, b.half1.p2, a[2 * kMaxSteps + 1]);
}

// kRows rows of A times a panel, decoded on the way.
template <int kRows, bool kTwoDigits>
void multiply_fused(const Mma& op, int g, int panel, const RowParts* a, const bool* row_nan, const Panel& b,
                    const Decoder& decoder) {
  const __m512i zero = _mm512_setzero_si512();
  RowSums s0 = {zero, zero, zero}, s1 = s0, s2 = s0, s3 = s0;
  __m512i seen = zero;
  const ptrdiff_t ahead = bytes_ahead(op);
  const int32_t* from = a[0][0];
  for (int line = 0; line < op.group / 4; ++line, from += 2) {
    if (op.b_cold) {
      fetch_self(b.high + line * 64);
      if (kTwoDigits) fetch_self(b.low + line * 64);
    }
    const LineParts parts = read_line<kTwoDigits>(b, decoder, line, ahead, seen);
    accumulate(s0, parts, from);
    if (kRows > 1) accumulate(s1, parts, from + kRowStride);
    if (kRows > 2) accumulate(s2, parts, from + 2 * kRowStride);
    if (kRows > 3) accumulate(s3, parts, from + 3 * kRowStride);
  }
  const __mmask16 nan = columns_with_nan(seen);
  const auto finish = [&](int r, const RowSums& s) {
    fix_up(op, g, r, panel, combine(s.s0, s.s1, s.s2), row_nan[r] ? 0xFFFF : nan, b.scales);
  };
  finish(0, s0);
  if (kRows > 1) finish(1, s1);
  if (kRows > 2) finish(2, s2);
  if (kRows > 3) finish(3, s3);
}

// The decoded parts of a block of panels, and the sums of one row over them.
using PanelParts = __m512i[kParts][kMaxSteps * kPanels];
using BlockSums = __m512i[kParts][kPanels];
constexpr int kSumStride = kParts * kPanels;

template <bool kTwoDigits>
void decode_panels(const Mma& op, Panel* block, int count, const Decoder& decoder, PanelParts& parts) {
  const ptrdiff_t ahead = bytes_ahead(op);
  for (int p = 0; p < count; ++p) {
    __m512i seen = _mm512_setzero_si512();
    for (int line = 0; line < op.group / 4; ++line) {
      const LineParts b = read_line<kTwoDigits>(block[p], decoder, line, ahead, seen);
      const int even = 2 * line * count + p, odd = even + count;
      parts[0][even] = b.half0.p0, parts[0][odd] = b.half1.p0;
      parts[1][even] = b.half0.p1, parts[1][odd] = b.half1.p1;
      parts[2][even] = b.half0.p2, parts[2][odd] = b.half1.p2;
    }
    block[p].nan = columns_with_nan(seen);
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

using Fused = void (*)(const Mma&, int, int, const RowParts*, const bool*, const Panel&, const Decoder&);
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
                   const bool* row_nan, const Panel* block, const PanelParts& parts, BlockSums* sums) {
  const int blocks = (rows + kRowBlock - 1) / kRowBlock;
  for (int j = 0; j < kParts; ++j) {
    for (int i = 0; i < blocks; ++i) {
      const int from = rows * i / blocks, to = rows * (i + 1) / blocks;
      kPart[count > 2][to - from - 1](op.group / 2, a[from][j], parts[j], sums[from][j]);
      for (int r = from; j == kParts - 1 && r < to; ++r) {
        for (int p = 0; p < count; ++p) {
          fix_up(op, g, first + r, panel + p, combine(sums[r][0][p], sums[r][1][p], sums[r][2][p]),
                 row_nan[r] ? 0xFFFF : block[p].nan, block[p].scales);
        }
      }
    }
  }
}

bool prepare(const Mma& op, int g, int row, const Decoder& decoder, RowParts& out) {
  return op.a_low != nullptr ? prepare_row<true>(op, g, row, decoder, out)
                             : prepare_row<false>(op, g, row, decoder, out);
}

// Up to kFusedRows rows: panel by panel, each over all k, as the weights lie in memory.
void few_rows(const Mma& op, const Decoder& decoder) {
  alignas(64) RowParts rows_a[kRowChunk];
  alignas(64) uint8_t packed[2][kMaxLines * 64];
  bool row_nan[kRowChunk];
  const Fused multiply = kFused[op.b_low != nullptr][op.m - 1];
  const int span = kRowChunk / op.m;  // groups at a time
  for (int from = 0; from < op.groups; from += span) {
    const int to = std::min(from + span, op.groups);
    for (int g = from; g < to; ++g) {
      for (int r = 0; r < op.m; ++r) {
        const int at = (g - from) * op.m + r;
        row_nan[at] = prepare(op, g, r, decoder, rows_a[at]);
      }
    }
    for (int panel = 0; panel < op.n / kPanelColumns; ++panel) {
      for (int g = from; g < to; ++g) {
        const int at = (g - from) * op.m;
        multiply(op, g, panel, rows_a + at, row_nan + at, open_panel(op, g, panel, packed), decoder);
      }
    }
  }
}

void many_rows(const Mma& op, const Decoder& decoder) {
  alignas(64) RowParts rows_a[kRowChunk];
  alignas(64) PanelParts parts;
  alignas(64) BlockSums sums[kRowChunk];
  alignas(64) uint8_t packed[kPanels][2][kMaxLines * 64];
  bool row_nan[kRowChunk];
  const int panels = op.n / kPanelColumns, step = op.m <= kPairRows ? 2 : kPanels;
  for (int first = 0; first < op.m; first += kRowChunk) {
    const int rows = std::min(op.m - first, kRowChunk);
    for (int g = 0; g < op.groups; ++g) {
      for (int r = 0; r < rows; ++r) row_nan[r] = prepare(op, g, first + r, decoder, rows_a[r]);
      for (int panel = 0; panel < panels; panel += step) {
        const int count = std::min(panels - panel, step);
        Panel block[kPanels];
        for (int p = 0; p < count; ++p) block[p] = open_panel(op, g, panel + p, packed[p]);
        op.b_low != nullptr ? decode_panels<true>(op, block, count, decoder, parts)
                            : decode_panels<false>(op, block, count, decoder, parts);
        multiply_rows(op, g, first, rows, panel, count, rows_a, row_nan, block, parts, sums);
      }
    }
  }
}

}  // namespace

void mma_vnni(const Mma& op) {
  const Decoder decoder = make_decoder();
  op.m <= kFusedRows ? few_rows(op, decoder) : many_rows(op, decoder);
}

}  // namespace hadal::num
HADAL_TARGET_END

#else
namespace hadal::num {
void mma_vnni(const Mma& op) { mma_portable(op); }
}  // namespace hadal::num
#endif
