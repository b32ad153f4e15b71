// What the AVX-512 engines share: packing of B into blocked lines, and the fix-up N4-N6 of 16 columns.
// Only for files compiled with the targets below and run where has_engine() says so.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>

#include "numerics/e4m3.h"
#include "numerics/mma_engine.h"

// GCC 12 takes the "undefined" operands inside its own intrinsics for uninitialised variables.
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

// Everything between BEGIN and END is compiled for the machine named, whatever the flags of the build.
#define HADAL_PRAGMA(x) _Pragma(#x)
#if defined(__clang__)
#define HADAL_TARGET_BEGIN(t) HADAL_PRAGMA(clang attribute push(__attribute__((target(t))), apply_to = function))
#define HADAL_TARGET_END HADAL_PRAGMA(clang attribute pop)
#else
#define HADAL_TARGET_BEGIN(t) HADAL_PRAGMA(GCC push_options) HADAL_PRAGMA(GCC target(t))
#define HADAL_TARGET_END HADAL_PRAGMA(GCC pop_options)
#endif
#define HADAL_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vnni"
#define HADAL_INLINE static inline __attribute__((always_inline))

HADAL_TARGET_BEGIN(HADAL_AVX512)
namespace hadal::num::avx512 {

constexpr int kPanelColumns = 16, kMaxLines = 32;  // a line: 16 columns x 4 k; a group of 128 has 32 lines

// 16x16 transpose of dwords: sixteen columns of 64 consecutive k become sixteen blocked lines.
HADAL_INLINE void transpose_dwords(const uint8_t* from, size_t stride, __mmask64 valid, int lines, uint8_t* to) {
  __m512i r[16], t[16];
  for (int i = 0; i < 16; ++i) r[i] = _mm512_maskz_loadu_epi8(valid, from + i * stride);
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    __m512i low01 = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88), low23 = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    __m512i odd01 = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xDD), odd23 = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xDD);
    t[i] = _mm512_shuffle_i32x4(low01, low23, 0x88);
    t[i + 8] = _mm512_shuffle_i32x4(low01, low23, 0xDD);
    t[i + 4] = _mm512_shuffle_i32x4(odd01, odd23, 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(odd01, odd23, 0xDD);
  }
  for (int i = 0; i < lines; ++i) _mm512_store_si512(to + i * 64, t[i]);
}

HADAL_INLINE __m128i load_16(const uint8_t* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }

// The blocked lines of one panel and group: in place for the blocked layout, else packed into `scratch`.
HADAL_INLINE const uint8_t* panel_lines(const Mma& op, const uint8_t* digits, int g, int panel, uint8_t* scratch) {
  const uint8_t* from = digits + b_offset(op, g, panel);
  if (op.layout == BLayout::kBlocked) return from;
  if (op.layout == BLayout::kRows) {
    for (int k = 0; k < op.group; k += 64) {
      int lines = op.group - k < 64 ? (op.group - k) / 4 : 16;
      __mmask64 valid = lines == 16 ? ~__mmask64{0} : (__mmask64{1} << (4 * lines)) - 1;
      transpose_dwords(from + k, op.b_n, valid, lines, scratch + k / 4 * 64);
    }
    return scratch;
  }
  alignas(64) uint8_t order[64];
  for (int i = 0; i < 64; ++i) order[i] = static_cast<uint8_t>(i % 4 * 16 + i / 4);
  const __m512i interleave = _mm512_load_si512(order);
  for (int k = 0; k < op.group; k += 4, from += 4 * op.b_n) {
    __m512i x = _mm512_castsi128_si512(load_16(from));
    x = _mm512_mask_broadcast_i32x4(x, 0x00F0, load_16(from + op.b_n));
    x = _mm512_mask_broadcast_i32x4(x, 0x0F00, load_16(from + 2 * op.b_n));
    x = _mm512_mask_broadcast_i32x4(x, 0xF000, load_16(from + 3 * op.b_n));
    _mm512_store_si512(scratch + k / 4 * 64, _mm512_permutexvar_epi8(interleave, x));
  }
  return scratch;
}

HADAL_INLINE __m512 panel_scales(const Mma& op, int g, int panel) {
  int column = panel * kPanelColumns;
  if (op.sb_shift >= 4) return _mm512_set1_ps(b_scale(op, g, column));
  alignas(64) float s[kPanelColumns];
  for (int i = 0; i < kPanelColumns; ++i) s[i] = b_scale(op, g, column + i);
  return _mm512_load_ps(s);
}

// N4-N6 for 16 columns of row r.
HADAL_INLINE void fix_up(const Mma& op, int g, int row, int panel, __m512 f, __mmask16 nan, __m512 sb) {
  const __m512 quiet = _mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(kCanonicalNan)));
  float* acc = op.acc + static_cast<size_t>(row) * op.acc_row + static_cast<size_t>(panel) * kPanelColumns;
  f = _mm512_mask_mov_ps(f, nan, quiet);
  __m512 s = _mm512_mul_ps(_mm512_set1_ps(op.sa[static_cast<size_t>(g) * op.sa_group + static_cast<size_t>(row)]), sb);
  __m512 old = g == 0 && op.clear ? _mm512_setzero_ps() : _mm512_loadu_ps(acc);
  if (g == 0 && op.rescale) old = _mm512_mul_ps(old, _mm512_set1_ps(op.alpha[row]));
  __m512 sum = _mm512_add_ps(old, _mm512_mul_ps(f, s));
  _mm512_storeu_ps(acc, _mm512_mask_mov_ps(sum, _mm512_cmp_ps_mask(sum, sum, _CMP_UNORD_Q), quiet));
}

}  // namespace hadal::num::avx512
HADAL_TARGET_END
#endif  // x86-64
