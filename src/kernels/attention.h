// Attention of one row over its cached tokens, tile by tile with an online softmax: what latent and grouped attention
// share. A core handles whole rows (one token of one sequence), so a row's bits do not depend on what else is in the
// step.
#pragma once

#include "kernels/emitter.h"

namespace hadal::kernels {

class AttentionPass {
 public:
  virtual ~AttentionPass() = default;

 protected:
  // `queries` rows of scores against the cache lines from `base_line` on (of a slot's first token, less the slot's
  // offset), `values` columns of output a query.
  AttentionPass(Emitter& emitter, int queries, int values, uint64_t base_line);

  // Emits the pass for the row whose record is number `index` of this core; `output(u)` consumes the result
  // [queries][values], dense.
  template <typename Output>
  void run(int index, Output output) {
    const Builder::Mark m = b_.mark();
    b_.release(e_.without_ring());
    const Builder::Mark before_tiles = pass(index);
    b_.release(before_tiles);
    const Vt u{b_.spm(static_cast<uint32_t>(queries_) * columns())};
    b_.sfu(isa::Sfu::kRcp, sum_, sum_, 1, queries_);
    b_.alu(isa::Alu::kMul, u, Vt{output_}, sum_, isa::Bc::kCol, queries_, values_);
    output(u);
    b_.release(m);
  }

  // The digits of the queries: space that lives through the pass, and how they come there.
  virtual void reserve_query() = 0;
  virtual void load_query(int index) = 0;
  // Space for what is made of a tile of the cache, beside the scores' own.
  virtual void reserve_tile() = 0;
  // One tile in `cache`: scores, softmax(), and the weighted values added to output_.
  virtual void tile_pass(Loc cache) = 0;

  // probability_, alpha_ and the new top_ and sum_ from scores_.
  void softmax();
  uint32_t columns() const { return static_cast<uint32_t>(values_ + 15) / 16; }

  Emitter& e_;
  Builder& b_;
  const int queries_, values_, tile_;
  const uint32_t row_lines_;
  uint8_t group_flag_ = 0;  // a tile of cached tokens as one group of the contraction
  Loc output_, scores_;
  Vt alpha_, probability_;

 private:
  Builder::Mark pass(int index);
  void allocate_tiles();
  void next_rows();
  void load_next(Loc buffer, std::vector<Access> writes);
  void load_first_tile();
  void pass_over_tiles_ahead();
  void pass_over_tiles_in_place();
  Access whole(Loc at, uint32_t lines) const { return {Space::kSpm, at.line, lines, true}; }

  const uint64_t base_line_;
  Loc cache_[2];
  Vt top_, sum_, tile_top_, limit_, mask_;
};

// x <- RoPE(x) for rows of `cols` interleaved pairs; table: cos then signed sin.
void rope(Emitter& e, Vt d, Vt x, Loc table, int rows, int cols);

}  // namespace hadal::kernels
