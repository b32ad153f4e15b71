// MMA on AMX-INT8 tiles. A value in units of 2^-9 has at most 20 bits with its sign and is written as three digits
// d0 + 128 d1 + 16384 d2 of 8 bits; the nine products of digit planes, summed by weight, give the exact group sum.
#include "numerics/avx512.h"

#if defined(__x86_64__)

HADAL_TARGET_BEGIN(HADAL_AVX512 ",amx-tile,amx-int8")
namespace hadal::num {
namespace {

using namespace avx512;

constexpr int kDigits = 3, kTileRows = 16, kTileBytes = 1024;
constexpr int kRowChunk = 256;     // rows of A held as digit planes: 96 KiB
constexpr int kPanelBlock = 4;     // panels of B held as digit planes: 24 KiB
constexpr int kStackedRows = 5;    // 3 digits x 5 rows fill one tile
constexpr int kPlaneBytes = 2048;  // one digit plane of a panel: 32 lines

// digit[j][code & 0x7F]; the sign is applied afterwards. Digits are balanced: |d0|, |d1| <= 64, d2 <= 14.
struct DigitTables {
  int8_t digit[kDigits][128];
};

constexpr DigitTables kTables = [] {
  DigitTables t{};
  for (int code = 0; code < 128; ++code) {
    int value = decode_e4m3(static_cast<uint8_t>(code));
    for (int j = 0; j < kDigits; ++j) {
      int d = j == kDigits - 1 ? value : (value + 63) % 128 - 63;
      t.digit[j][code] = static_cast<int8_t>(d);
      value = (value - d) / 128;
    }
  }
  return t;
}();

struct Decoder {
  __m512i low0, mid0, mid1, high1;
};

// Codes below 64 are below 2^7 * 2^3 and multiples of 2^7 begin at code 64: d0 lives in the first half of its table and
// d2 in the second, so that one 64-byte permutation each is enough.
HADAL_INLINE Decoder make_decoder() {
  return {_mm512_loadu_si512(kTables.digit[0]), _mm512_loadu_si512(kTables.digit[1]),
          _mm512_loadu_si512(kTables.digit[1] + 64), _mm512_loadu_si512(kTables.digit[2] + 64)};
}

// NaN codes are the largest of their sign, so running maxima of the bytes find them.
struct NanWatch {
  __m512i as_signed, as_unsigned;
};

HADAL_INLINE NanWatch new_watch() { return {_mm512_set1_epi8(-128), _mm512_setzero_si512()}; }

HADAL_INLINE void watch(NanWatch& w, __m512i codes) {
  w.as_signed = _mm512_max_epi8(w.as_signed, codes);
  w.as_unsigned = _mm512_max_epu8(w.as_unsigned, codes);
}

// The bytes (over all lines watched) where a NaN was.
HADAL_INLINE __mmask64 nan_bytes(const NanWatch& w) {
  return _mm512_cmpeq_epi8_mask(w.as_signed, _mm512_set1_epi8(0x7F)) |
         _mm512_cmpeq_epi8_mask(w.as_unsigned, _mm512_set1_epi8(-1));
}

// Column c of a blocked line holds bytes 4c..4c+3.
HADAL_INLINE __mmask16 nan_columns(const NanWatch& w) {
  return _mm512_test_epi32_mask(_mm512_movm_epi8(nan_bytes(w)), _mm512_set1_epi8(-1));
}

// RNE32((low + 2^shift * high) * 2^-18): exact in binary64 because the whole sum has fewer than 53 bits.
template <int kShift>
HADAL_INLINE __m512 join(__m512i low, __m512i high) {
  const __m512d unit = _mm512_set1_pd(0x1p-18), weight = _mm512_set1_pd(0x1p-18 * (1 << kShift));
  __m512d l0 = _mm512_mul_pd(_mm512_cvtepi32_pd(_mm512_castsi512_si256(low)), unit);
  __m512d l1 = _mm512_mul_pd(_mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(low, 1)), unit);
  __m512d h0 = _mm512_cvtepi32_pd(_mm512_castsi512_si256(high));
  __m512d h1 = _mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(high, 1));
  __m256 f0 = _mm512_cvtpd_ps(_mm512_fmadd_pd(h0, weight, l0)), f1 = _mm512_cvtpd_ps(_mm512_fmadd_pd(h1, weight, l1));
  return _mm512_insertf32x8(_mm512_castps256_ps512(f0), f1, 1);
}

struct Digits {
  __m512i d[kDigits];
};

HADAL_INLINE Digits decode(const Decoder& t, __m512i codes) {
  const __m512i zero = _mm512_setzero_si512();
  __mmask64 negative = _mm512_movepi8_mask(codes), large = _mm512_movepi8_mask(_mm512_add_epi8(codes, codes));
  __m512i d0 = _mm512_maskz_permutexvar_epi8(_knot_mask64(large), codes, t.low0);
  __m512i d1 = _mm512_permutex2var_epi8(t.mid0, codes, t.mid1);
  __m512i d2 = _mm512_maskz_permutexvar_epi8(large, codes, t.high1);
  return {_mm512_mask_sub_epi8(d0, negative, zero, d0), _mm512_mask_sub_epi8(d1, negative, zero, d1),
          _mm512_mask_sub_epi8(d2, negative, zero, d2)};
}

// h + l digit by digit. Digits reach 64 in size, so a sum reaches 128, which does not fit: it becomes 0 and a carry.
// A code with a digit of exactly 64 has no other digit beyond 15, so carries do not run on.
HADAL_INLINE Digits add(const Digits& h, const Digits& l) {
  const __m512i wrapped = _mm512_set1_epi8(-128), one = _mm512_set1_epi8(1);
  Digits s;
  s.d[0] = _mm512_add_epi8(h.d[0], l.d[0]);
  __mmask64 carry = _mm512_cmpeq_epi8_mask(s.d[0], wrapped) & _knot_mask64(_mm512_movepi8_mask(h.d[0]));
  s.d[0] = _mm512_maskz_mov_epi8(_knot_mask64(carry), s.d[0]);
  s.d[1] = _mm512_add_epi8(h.d[1], l.d[1]);
  s.d[1] = _mm512_mask_add_epi8(s.d[1], carry, s.d[1], one);
  carry = _mm512_cmpeq_epi8_mask(s.d[1], wrapped) & _knot_mask64(_mm512_movepi8_mask(h.d[1]));
  s.d[1] = _mm512_maskz_mov_epi8(_knot_mask64(carry), s.d[1]);
  s.d[2] = _mm512_add_epi8(h.d[2], l.d[2]);
  s.d[2] = _mm512_mask_add_epi8(s.d[2], carry, s.d[2], one);
  return s;
}

// Row tiles of A: 16 rows with one tile a digit, or at most five rows stacked three digits high in one tile.
struct RowTile {
  int first = 0, rows = 0;
  bool stacked = false;
  uint8_t* planes = nullptr;
};

struct Plan {
  RowTile tile[kRowChunk / kTileRows + 2];
  int tiles = 0;
};

Plan plan_rows(int first, int rows, uint8_t* planes) {
  Plan p;
  while (rows > 0) {
    bool stacked = rows <= 2 * kStackedRows;
    int n = stacked ? (rows < kStackedRows ? rows : kStackedRows) : (rows < kTileRows ? rows : kTileRows);
    p.tile[p.tiles++] = {first, n, stacked, planes};
    planes += 2 * kTileBytes * (stacked ? 1 : kDigits);
    first += n;
    rows -= n;
  }
  return p;
}

// Digit planes of one row tile: [64 k][digit][row][64 bytes], stacked tiles [64 k][digit * rows + row][64 bytes].
HADAL_INLINE void prepare_rows(const Mma& op, int g, const RowTile& tile, const Decoder& decoder, bool* row_nan) {
  uint8_t* planes = tile.planes;
  for (int k = 0; k < op.group; k += 64) {
    int width = op.group - k < 64 ? op.group - k : 64;
    __mmask64 valid = width == 64 ? ~__mmask64{0} : (__mmask64{1} << width) - 1;
    int digit_stride = tile.stacked ? tile.rows * 64 : kTileBytes;
    for (int i = 0; i < tile.rows; ++i) {
      int row = tile.first + i;
      size_t at = a_offset(op, g, row) + static_cast<size_t>(k);
      __m512i codes = _mm512_maskz_loadu_epi8(valid, op.a + at);
      NanWatch nan = new_watch();
      watch(nan, codes);
      Digits digits = decode(decoder, codes);
      if (op.a_low != nullptr) {
        __m512i low = _mm512_maskz_loadu_epi8(valid, op.a_low + at);
        watch(nan, low);
        digits = add(digits, decode(decoder, low));
      }
      for (int j = 0; j < kDigits; ++j) _mm512_store_si512(planes + j * digit_stride + i * 64, digits.d[j]);
      bool& flag = row_nan[row % kRowChunk];
      flag = (k > 0 && flag) || nan_bytes(nan) != 0;
    }
    planes += tile.stacked ? kTileBytes : kDigits * kTileBytes;
  }
}

struct Panel {
  __mmask16 nan;
  __m512 scales;
};

template <bool kTwoDigits>
HADAL_INLINE __mmask16 decode_panel(const Decoder& decoder, const uint8_t* high, const uint8_t* low, int lines,
                                    uint8_t* planes) {
  NanWatch nan = new_watch();
  for (int i = 0; i < lines; ++i) {
    __m512i codes = _mm512_loadu_si512(high + i * 64);
    // The stream of weights is sequential; ask for the line a panel and a half ahead.
    _mm_prefetch(reinterpret_cast<const char*>(high + i * 64 + 3072), _MM_HINT_T0);
    watch(nan, codes);
    Digits digits = decode(decoder, codes);
    if (kTwoDigits) {
      __m512i more = _mm512_loadu_si512(low + i * 64);
      watch(nan, more);
      digits = add(digits, decode(decoder, more));
    }
    for (int j = 0; j < kDigits; ++j) _mm512_store_si512(planes + j * kPlaneBytes + i * 64, digits.d[j]);
  }
  return nan_columns(nan);
}

HADAL_INLINE Panel prepare_panel(const Mma& op, int g, int panel, const Decoder& decoder, uint8_t* planes) {
  alignas(64) uint8_t packed[2][kPlaneBytes];
  const uint8_t* high = panel_lines(op, op.b, g, panel, packed[0]);
  int lines = op.group / 4;
  Panel p;
  if (op.b_low == nullptr) {
    p.nan = decode_panel<false>(decoder, high, nullptr, lines, planes);
  } else {
    p.nan = decode_panel<true>(decoder, high, panel_lines(op, op.b_low, g, panel, packed[1]), lines, planes);
  }
  p.scales = panel_scales(op, g, panel);
  return p;
}

// Products by weight 128^0..128^4 to f. Two int32 hold them: |c0 + 128 c1| < 2^30 and |c2 + 128 c3 + 2^14 c4| < 2^31.
HADAL_INLINE __m512 combine(__m512i c0, __m512i c1, __m512i c2, __m512i c3, __m512i c4) {
  __m512i low = _mm512_add_epi32(c0, _mm512_slli_epi32(c1, 7));
  __m512i high = _mm512_add_epi32(c2, _mm512_slli_epi32(_mm512_add_epi32(c3, _mm512_slli_epi32(c4, 7)), 7));
  return join<14>(low, high);
}

struct alignas(64) Products {
  int32_t c[5][kTileRows][kPanelColumns];
};

// Tiles 0-4 accumulate by weight, 5 and 6 hold digits of A, 7 a digit of B.
HADAL_INLINE void multiply_tall(const uint8_t* a, const uint8_t* b, int steps, Products& out) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  for (int s = 0; s < steps; ++s, a += kDigits * kTileBytes, b += kTileBytes) {
    _tile_loadd(5, a, 64);
    _tile_loadd(7, b, 64);
    _tile_dpbssd(0, 5, 7);
    _tile_loadd(6, a + kTileBytes, 64);
    _tile_dpbssd(1, 6, 7);
    _tile_loadd(7, b + kPlaneBytes, 64);
    _tile_dpbssd(2, 6, 7);
    _tile_dpbssd(1, 5, 7);
    _tile_loadd(7, b + 2 * kPlaneBytes, 64);
    _tile_dpbssd(3, 6, 7);
    _tile_dpbssd(2, 5, 7);
    _tile_loadd(5, a + 2 * kTileBytes, 64);
    _tile_dpbssd(4, 5, 7);
    _tile_loadd(7, b + kPlaneBytes, 64);
    _tile_dpbssd(3, 5, 7);
    _tile_loadd(7, b, 64);
    _tile_dpbssd(2, 5, 7);
  }
  _tile_stored(0, out.c[0], 64);
  _tile_stored(1, out.c[1], 64);
  _tile_stored(2, out.c[2], 64);
  _tile_stored(3, out.c[3], 64);
  _tile_stored(4, out.c[4], 64);
}

// Tile j accumulates the stacked digits of A times digit j of B.
HADAL_INLINE void multiply_stacked(const uint8_t* a, const uint8_t* b, int steps, Products& out) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  for (int s = 0; s < steps; ++s, a += kTileBytes, b += kTileBytes) {
    _tile_loadd(5, a, 64);
    _tile_loadd(7, b, 64);
    _tile_dpbssd(0, 5, 7);
    _tile_loadd(7, b + kPlaneBytes, 64);
    _tile_dpbssd(1, 5, 7);
    _tile_loadd(7, b + 2 * kPlaneBytes, 64);
    _tile_dpbssd(2, 5, 7);
  }
  _tile_stored(0, out.c[0], 64);
  _tile_stored(1, out.c[1], 64);
  _tile_stored(2, out.c[2], 64);
}

HADAL_INLINE __m512i product(const Products& p, int weight, int row) { return _mm512_load_si512(p.c[weight][row]); }

HADAL_INLINE void multiply_tile(const Mma& op, int g, const RowTile& tile, int panel, const uint8_t* planes,
                                const Panel& info, const bool* row_nan) {
  Products p;
  int steps = op.group > 64 ? 2 : 1, n = tile.rows;
  for (int i = 0; i < n; ++i) {
    _mm_prefetch(reinterpret_cast<const char*>(op.acc + static_cast<size_t>(tile.first + i) * op.acc_row + panel * 16),
                 _MM_HINT_T0);
  }
  if (tile.stacked) {
    multiply_stacked(tile.planes, planes, steps, p);
  } else {
    multiply_tall(tile.planes, planes, steps, p);
  }
  for (int i = 0; i < n; ++i) {
    __m512 f;
    if (tile.stacked) {
      f = combine(product(p, 0, i), _mm512_add_epi32(product(p, 1, i), product(p, 0, n + i)),
                  _mm512_add_epi32(_mm512_add_epi32(product(p, 2, i), product(p, 1, n + i)), product(p, 0, 2 * n + i)),
                  _mm512_add_epi32(product(p, 2, n + i), product(p, 1, 2 * n + i)), product(p, 2, 2 * n + i));
    } else {
      f = combine(product(p, 0, i), product(p, 1, i), product(p, 2, i), product(p, 3, i), product(p, 4, i));
    }
    int row = tile.first + i;
    fix_up(op, g, row, panel, f, row_nan[row % kRowChunk] ? 0xFFFF : info.nan, info.scales);
  }
}

struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t column_bytes[16] = {};
  uint8_t rows[16] = {};
};

void configure(int rows, int group) {
  TileConfig c;
  int k = group < 64 ? group : 64;
  for (int i = 0; i < 8; ++i) {
    c.rows[i] = static_cast<uint8_t>(i == 7 ? k / 4 : rows);
    c.column_bytes[i] = static_cast<uint16_t>(i == 5 || i == 6 ? k : 64);
  }
  _tile_loadconfig(&c);
}

}  // namespace

void mma_amx(const Mma& op) {
  alignas(64) uint8_t a_planes[kRowChunk / kTileRows * 2 * kDigits * kTileBytes];
  alignas(64) uint8_t b_planes[kPanelBlock][kDigits * kPlaneBytes];
  bool row_nan[kRowChunk];
  const Decoder decoder = make_decoder();
  const int panels = op.n / kPanelColumns;
  // With few rows, short tiles take less time.
  configure(op.m <= kStackedRows ? kDigits * op.m : kTileRows, op.group);
  for (int first = 0; first < op.m; first += kRowChunk) {
    const int rows = op.m - first < kRowChunk ? op.m - first : kRowChunk;
    const Plan plan = plan_rows(first, rows, a_planes);
    // With one row tile there is nothing to reuse, and a single panel's planes stay closest.
    const int block = plan.tiles > 1 ? kPanelBlock : 1;
    for (int g = 0; g < op.groups; ++g) {
      for (int t = 0; t < plan.tiles; ++t) prepare_rows(op, g, plan.tile[t], decoder, row_nan);
      for (int panel = 0; panel < panels; panel += block) {
        const int count = panels - panel < block ? panels - panel : block;
        Panel info[kPanelBlock];
        for (int i = 0; i < count; ++i) info[i] = prepare_panel(op, g, panel + i, decoder, b_planes[i]);
        for (int t = 0; t < plan.tiles; ++t) {
          for (int i = 0; i < count; ++i) {
            multiply_tile(op, g, plan.tile[t], panel + i, b_planes[i], info[i], row_nan);
          }
        }
      }
    }
  }
  _tile_release();
}

}  // namespace hadal::num
HADAL_TARGET_END

#else
namespace hadal::num {
void mma_amx(const Mma& op) { mma_portable(op); }
}  // namespace hadal::num
#endif
