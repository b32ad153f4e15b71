// The loop over cached tiles and the online softmax.
#include "kernels/attention.h"

namespace hadal::kernels {
namespace {

using isa::Alu;
using isa::Bc;

// Registers: next cached line to load, tiles, this and the next tile's buffer, a spare for swapping them, rows of the
// next load, tiles after this one, rows of the last tile.
constexpr int kLine = 1, kTiles = 2, kThis = 5, kNext = 6, kSwap = 7, kRows = 8, kLeft = 9, kLastRows = 10;
constexpr float kMasked = -1e30f;

}  // namespace

void rope(Emitter& e, Vt d, Vt x, Loc table, int rows, int cols) {
  const Builder::Mark m = e.b.mark();
  const Vt swapped{e.b.spm(static_cast<uint32_t>(rows) * lines_of(cols))};
  e.b.prm(isa::Prm::kPairswap, swapped, x, rows, cols);
  e.b.alu(Alu::kMul, d, x, Vt{table}, Bc::kRow, rows, cols);
  e.b.mula(d, swapped, Vt{table + lines_of(cols)}, Bc::kRow, rows, cols);
  e.b.release(m);
}

AttentionPass::AttentionPass(Emitter& emitter, int queries, int values, uint64_t base_line)
    : e_(emitter),
      b_(emitter.b),
      queries_(queries),
      values_(values),
      tile_(emitter.p.kv_tile),
      row_lines_(emitter.p.kv_row_lines),
      base_line_(base_line) {
  group_flag_ = static_cast<uint8_t>((tile_ == 128 ? 0 : tile_ == 64 ? 1 : 2) << isa::flag::kGroupShift);
}

// Returns the mark that releases the tiles.
Builder::Mark AttentionPass::pass(int index) {
  const Loc record = e_.records + static_cast<uint32_t>(index) * 4 + 2;
  reserve_query();
  b_.ldr(kLine, record, 0);
  const uint64_t window = base_line_ / kWindowLines * kWindowLines;
  if (window > 0) b_.add(kLine, kLine, 0, static_cast<int64_t>(window));
  b_.ldr(kTiles, record, 1);
  b_.ldr(kLastRows, record, 2);
  b_.add(kLeft, kTiles, 0, 0);
  Builder::Mark before_tiles = b_.mark();
  // With room for both, the first cached tile loads while the query is made ready.
  const bool early = !e_.p.small && !e_.tight();
  if (early) {
    allocate_tiles();
    load_first_tile();
  }
  load_query(index);
  output_ = b_.acc(static_cast<uint32_t>(queries_) * columns());
  scores_ = b_.acc(static_cast<uint32_t>(queries_ * tile_) / 16);
  const uint32_t column = lines_of(queries_);
  top_ = Vt{b_.spm(column)};
  sum_ = Vt{b_.spm(column)};
  alpha_ = Vt{b_.spm(column)};
  tile_top_ = Vt{b_.spm(column)};
  limit_ = Vt{b_.spm(1)};
  b_.fill(Vt{output_}, 0.0f, queries_, values_);
  b_.fill(top_, kMasked, 1, queries_);
  b_.fill(sum_, 0.0f, 1, queries_);
  b_.prm(isa::Prm::kCopy, limit_, Vt{record, 3}, 1, 1);
  if (e_.p.small) {
    before_tiles = b_.mark();
    allocate_tiles();
    pass_over_tiles_in_place();
  } else {
    if (!early) {
      before_tiles = b_.mark();
      allocate_tiles();
      load_first_tile();
    }
    pass_over_tiles_ahead();
  }
  return before_tiles;
}

void AttentionPass::allocate_tiles() {
  const auto t = static_cast<uint32_t>(tile_);
  cache_[0] = b_.spm(t * row_lines_);
  cache_[1] = e_.p.small ? cache_[0] : b_.spm(t * row_lines_);
  probability_ = Vt{b_.spm(static_cast<uint32_t>(queries_) * t / 16)};
  mask_ = Vt{b_.spm(t / 16)};
  reserve_tile();
}

// R[kRows] = tiles left ? (one left ? rows of the last tile : a whole tile) : 0, and one tile fewer left.
void AttentionPass::next_rows() {
  b_.set(kRows, 0);
  b_.skip_if_zero(kLeft, 4);
  b_.add(kLeft, kLeft, 0, -1);
  b_.add(kRows, kLastRows, 0, 0);
  b_.skip_if_zero(kLeft, 1);
  b_.set(kRows, static_cast<uint64_t>(tile_));
}

void AttentionPass::load_next(Loc buffer, std::vector<Access> writes) {
  b_.ld_rows(buffer, {kLine, static_cast<uint32_t>(base_line_ % kWindowLines)}, kRows, static_cast<int>(row_lines_),
             Object::kKv, std::move(writes));
  b_.add(kLine, kLine, 0, tile_ * static_cast<int64_t>(row_lines_));
}

// Two buffers that swap: the next tile loads while this one is used. Rows beyond the last one hold zeros or an
// earlier tile: they are masked, but they are read.
void AttentionPass::load_first_tile() {
  const uint32_t lines = static_cast<uint32_t>(tile_) * row_lines_;
  for (const Loc cache : cache_) b_.fill(Vt{cache}, 0.0f, tile_, static_cast<int>(row_lines_) * 16);
  b_.set(kThis, cache_[0].line);
  b_.set(kNext, cache_[1].line);
  next_rows();
  load_next({0, false, kThis}, {whole(cache_[0], lines), whole(cache_[1], lines)});
}

void AttentionPass::pass_over_tiles_ahead() {
  b_.begin_loop(kTiles, 0);
  next_rows();
  load_next({0, false, kNext}, {});
  tile_pass({0, false, kThis});
  b_.add(kSwap, kThis, 0, 0);
  b_.add(kThis, kNext, 0, 0);
  b_.add(kNext, kSwap, 0, 0);
  b_.end_loop();
}

void AttentionPass::pass_over_tiles_in_place() {
  const uint32_t lines = static_cast<uint32_t>(tile_) * row_lines_;
  b_.fill(Vt{cache_[0]}, 0.0f, tile_, static_cast<int>(row_lines_) * 16);
  b_.begin_loop(kTiles, 0);
  next_rows();
  load_next(cache_[0], {whole(cache_[0], lines)});
  tile_pass(cache_[0]);
  b_.end_loop();
}

void AttentionPass::softmax() {
  const Vt s{scores_};
  b_.alu(Alu::kCmpge, mask_, Vt{e_.minus_iota}, limit_, Bc::kScalar, 1, tile_);
  b_.alu(Alu::kAdd, limit_, limit_, e_.scalar(kKvTile), Bc::kScalar, 1, 1);
  b_.fill(probability_, kMasked, queries_, tile_);
  b_.alu(Alu::kSel, probability_, s, mask_, Bc::kRow, queries_, tile_);
  b_.red(isa::Red::kMax, tile_top_, probability_, queries_, tile_);
  b_.alu(Alu::kMax, tile_top_, tile_top_, top_, Bc::kNone, 1, queries_);
  b_.alu(Alu::kSub, alpha_, top_, tile_top_, Bc::kNone, 1, queries_);
  b_.sfu(isa::Sfu::kExp2, alpha_, alpha_, 1, queries_);
  b_.prm(isa::Prm::kCopy, top_, tile_top_, 1, queries_);
  b_.alu(Alu::kSub, probability_, probability_, top_, Bc::kCol, queries_, tile_);
  b_.sfu(isa::Sfu::kExp2, probability_, probability_, queries_, tile_);
  b_.red(isa::Red::kSum, tile_top_, probability_, queries_, tile_);
  b_.alu(Alu::kMul, sum_, sum_, alpha_, Bc::kNone, 1, queries_);
  b_.alu(Alu::kAdd, sum_, sum_, tile_top_, Bc::kNone, 1, queries_);
}

}  // namespace hadal::kernels
