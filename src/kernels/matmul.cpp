// Linear layers: weight pieces stream through the ring while the matrix unit accumulates.
#include <algorithm>

#include "base/error.h"
#include "kernels/emitter.h"

namespace hadal::kernels {

Matmul::Matmul(Emitter& e, const PanelMatrix& w, Share tiles, int m) : Matmul(e, w, tiles, m, 0, 0) {}

Matmul::Matmul(Emitter& e, const PanelMatrix& w, Share tiles, int m, int base, uint64_t anchor)
    : e_(e), w_(w), tiles_(tiles), m_(m), base_register_(base), anchor_(anchor) {
  if (tiles_.size() == 0) return;
  const uint32_t slot = static_cast<uint32_t>(e.p.slot_lines);
  const uint32_t tile_lines = w.tile_lines();
  // Two chunks in flight: one is consumed while the other is computed.
  chunk_tiles_ =
      std::clamp(e.b.acc_free_lines() / (2 * static_cast<uint32_t>(m) * 2), 1u, std::min(tiles_.size(), 32u));
  if (chunk_tiles_ > 1) chunk_tiles_ &= ~1u;  // gate and up tiles come in pairs
  scales_ = e.b.spm(tiles_.size() * w.scale_lines());
  for (uint32_t chunk = tiles_.first; chunk < tiles_.last; chunk += chunk_tiles_) {
    const uint32_t count = std::min(chunk_tiles_, tiles_.last - chunk);
    const uint32_t per_piece = std::max(1u, slot / tile_lines);
    const uint32_t groups = std::min(w.groups, slot / (2 * w.group_lines()));
    check(groups > 0, "a ring slot holds less than one group");
    for (uint32_t t = 0; t < count; t += per_piece) {
      for (uint32_t g = 0; g < w.groups; g += groups) {
        pieces_.push_back({chunk + t, std::min(per_piece, count - t), g, std::min(groups, w.groups - g),
                           t == 0 && g == 0, false, chunk, count});
      }
    }
    pieces_.back().last = true;
  }
  base_ = e.ring_next;
  e.ring_next += static_cast<uint32_t>(pieces_.size());
}

isa::Dram Matmul::at(uint64_t line) {
  if (base_register_ == 0) return e_.b.dram(line);
  return {static_cast<uint8_t>(base_register_), static_cast<uint32_t>(line - anchor_)};
}

void Matmul::load(const Piece& piece, uint32_t index) {
  const uint32_t group_lines = w_.group_lines();
  const uint64_t panel = static_cast<uint64_t>(w_.groups) * group_lines;
  const uint64_t line = w_.line + piece.tile * 2 * panel + piece.group * group_lines;
  const Loc slot = e_.ring_slot(base_ + index);
  if (piece.groups == w_.groups) {  // whole panels are contiguous
    e_.b.ld(slot, at(line), 1, static_cast<int>(piece.tiles * 2 * panel), 0, 0);
  } else {
    const int lines = static_cast<int>(piece.groups * group_lines);
    if (panel <= kMaxDramStride) {
      e_.b.ld(slot, at(line), 2, lines, static_cast<int>(panel), lines);
      return;
    }
    e_.b.ld(slot, at(line), 1, lines, 0, 0);
    e_.b.ld(slot + static_cast<uint32_t>(lines), at(line + panel), 1, lines, 0, 0);
  }
}

void Matmul::prefetch() {
  if (tiles_.size() == 0) return;
  if (loaded_ == 0) {
    const auto lines = static_cast<int>(tiles_.size() * w_.scale_lines());
    e_.b.ld(scales_, at(w_.scale_line + tiles_.first * w_.scale_lines()), 1, lines, 0, 0);
  }
  const auto ahead = static_cast<uint32_t>(std::min<size_t>(pieces_.size(), static_cast<size_t>(e_.p.slots)));
  for (; loaded_ < ahead; ++loaded_) load(pieces_[loaded_], loaded_);
}

void Matmul::run(const Activations& a, const Out& out) {
  using namespace isa::cfg;
  if (tiles_.size() == 0) return;
  check(a.groups == static_cast<int>(w_.groups) && a.rows == m_,
        "activations [{}][{} groups] do not match a matrix of {} groups", a.rows, a.groups, w_.groups);
  prefetch();
  Builder& b = e_.b;
  const Builder::Mark mark = b.mark();
  const uint32_t chunk_lines = static_cast<uint32_t>(m_) * 2 * chunk_tiles_;
  const Loc buffer[2] = {b.acc(chunk_lines), tiles_.size() > chunk_tiles_ ? b.acc(chunk_lines) : Loc{mark.acc, true}};
  const uint8_t digits =
      static_cast<uint8_t>((a.digits == 2 ? isa::flag::kDa : 0) | (w_.digits == 2 ? isa::flag::kDb : 0));
  uint32_t chunk = 0;
  for (uint32_t i = 0; i < pieces_.size(); ++i) {
    const Piece& piece = pieces_[i];
    const Loc acc = buffer[chunk % 2];
    const auto rows = static_cast<uint32_t>(m_);
    b.mcfg(kARs, 0);
    b.mcfg(kAGs, 0);
    b.mcfg(kADs, a.low);
    b.mcfg(kBNs, piece.groups * w_.group_lines());
    b.mcfg(kBGs, w_.group_lines());
    if (w_.digits == 2) b.mcfg(kBDs, 32);
    b.mcfg(kSa, a.scale_word + piece.group * (a.scale_group != 0 ? a.scale_group : rows));
    b.mcfg(kSaG, a.scale_group);
    b.mcfg(kSb, (scales_.line + (piece.tile - tiles_.first) * w_.scale_lines()) * 16 + piece.group);
    b.mcfg(kSbSh, 5);
    b.mcfg(kSbN, w_.scale_lines() * 16);
    b.mcfg(kSbG, 1);
    b.mcfg(kCRs, piece.chunk_tiles * 2);
    b.mma(acc + (piece.tile - piece.chunk_tile) * 2, a.d + piece.group * rows * 2, e_.ring_slot(base_ + i), m_,
          static_cast<int>(piece.tiles), static_cast<int>(piece.groups),
          static_cast<uint8_t>(digits | (piece.group == 0 ? isa::flag::kClr : 0)));
    if (loaded_ < pieces_.size()) {
      load(pieces_[loaded_], loaded_);
      ++loaded_;
    }
    if (piece.last) {
      out(acc, piece.chunk_tile, piece.chunk_tiles);
      ++chunk;
    }
  }
  b.release({b.mark().spm, mark.acc});
}

}  // namespace hadal::kernels
