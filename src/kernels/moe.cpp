// Mixture of experts, decided on the chip: router, group-limited top-k, and, behind the experts (experts.cpp), a
// combine in rank order.
#include "kernels/emitter.h"

namespace hadal::kernels {
namespace {

using isa::Alu;
using isa::Bc;
using isa::Prm;

constexpr float kNever = -1e30f;

// d = 1 where the column equals idx[row], else 0.
void one_hot(Emitter& e, Vt d, Vt iota, Vt idx, int rows, int cols) {
  e.b.alu(Alu::kCmpeq, d, iota, idx, Bc::kCol, rows, cols);
}

// [rows][experts]: the weight where selected, else zero; 1..k in order of selection, else zero.
struct Routing {
  Vt weight, rank;
};

// Masks the experts outside the best `topk_group` groups; a group's score is its best expert (DeepSeek-V2) or the sum
// of its two best (DeepSeek-V3).
void limit_groups(Emitter& e, Vt select, int rows) {
  Builder& b = e.b;
  const Builder::Mark m = b.mark();
  const int experts = static_cast<int>(e.c.n_routed_experts), groups = static_cast<int>(e.c.n_group);
  const int size = experts / groups;
  const bool two = e.c.group_rank == model::GroupRank::kTwoBest;
  const uint32_t line = lines_of(rows);  // of one expert in the transposed tile
  const auto stride = static_cast<uint32_t>(size) * line;
  const Vt turned{b.spm(static_cast<uint32_t>(experts) * line)};
  b.prm(Prm::kTranspose, turned, select, rows, experts);
  const Vt best{b.spm(static_cast<uint32_t>(groups) * line)}, second{b.spm(static_cast<uint32_t>(groups) * line)};
  const Vt low{b.spm(static_cast<uint32_t>(groups) * line)};
  b.fill(best, kNever, groups, rows);
  b.fill(second, kNever, groups, rows);
  for (int j = 0; j < size; ++j) {
    const Vt member{turned.at + static_cast<uint32_t>(j) * line, 0, stride};
    if (two) {
      b.alu(Alu::kMin, low, best, member, Bc::kNone, groups, rows);
      b.alu(Alu::kMax, second, second, low, Bc::kNone, groups, rows);
    }
    b.alu(Alu::kMax, best, best, member, Bc::kNone, groups, rows);
  }
  if (two) b.alu(Alu::kAdd, best, best, second, Bc::kNone, groups, rows);
  // Per row: pick the best groups.
  const uint32_t group_line = lines_of(groups), n = static_cast<uint32_t>(rows);
  const Vt score{b.spm(n * group_line)}, chosen{b.spm(n * group_line)}, iota{b.spm(n * group_line)};
  const Vt hot{b.spm(n * group_line)}, never{b.spm(n * group_line)}, index{b.spm(lines_of(rows))};
  b.prm(Prm::kTranspose, score, best, groups, rows);
  b.prm(Prm::kIota, iota, iota, rows, groups);
  b.fill(never, kNever, rows, groups);
  b.fill(chosen, 0.0f, rows, groups);
  for (int j = 0; j < e.c.topk_group; ++j) {
    b.red(isa::Red::kArgmax, index, score, rows, groups);
    one_hot(e, hot, iota, index, rows, groups);
    b.alu(Alu::kAdd, chosen, chosen, hot, Bc::kNone, rows, groups);
    b.alu(Alu::kSel, score, never, hot, Bc::kNone, rows, groups);
  }
  // Spread the choice back over the experts.
  b.prm(Prm::kTranspose, best, chosen, rows, groups);
  const Vt limited{b.spm(static_cast<uint32_t>(experts) * line)};
  b.fill(limited, kNever, experts, rows);
  for (int j = 0; j < size; ++j) {
    const auto at = static_cast<uint32_t>(j) * line;
    b.alu(Alu::kSel, Vt{limited.at + at, 0, stride}, Vt{turned.at + at, 0, stride}, best, Bc::kNone, groups, rows);
  }
  b.prm(Prm::kTranspose, select, limited, experts, rows);
  b.release(m);
}

// Scores of the experts from their logits; `column` is scratch for one value a row.
void gate(Emitter& e, Vt score, Vt input, Vt column, int rows) {
  Builder& b = e.b;
  const int experts = static_cast<int>(e.c.n_routed_experts);
  if (e.c.gate == model::Gate::kSigmoid) {
    b.alu(Alu::kMul, score, input, e.scalar(kMinusLog2e), Bc::kScalar, rows, experts);
    b.sfu(isa::Sfu::kExp2, score, score, rows, experts);
    b.alu(Alu::kAdd, score, score, e.scalar(kOne), Bc::kScalar, rows, experts);
    b.sfu(isa::Sfu::kRcp, score, score, rows, experts);
    return;
  }
  b.red(isa::Red::kMax, column, input, rows, experts);
  b.alu(Alu::kSub, score, input, column, Bc::kCol, rows, experts);
  b.alu(Alu::kMul, score, score, e.scalar(kLog2e), Bc::kScalar, rows, experts);
  b.sfu(isa::Sfu::kExp2, score, score, rows, experts);
  b.red(isa::Red::kSum, column, score, rows, experts);
  b.sfu(isa::Sfu::kRcp, column, column, 1, rows);
  b.alu(Alu::kMul, score, score, column, Bc::kCol, rows, experts);
}

// Routes rows of logits.
Routing route(Emitter& e, const LayerWeights& w, Vt input, int rows) {
  Builder& b = e.b;
  const int experts = static_cast<int>(e.c.n_routed_experts);
  const uint32_t line = lines_of(experts);
  const auto n = static_cast<uint32_t>(rows);
  const Routing r{Vt{b.spm(n * line)}, Vt{b.spm(n * line)}};
  const Builder::Mark m = b.mark();
  const Vt score{b.spm(n * line)}, select{b.spm(n * line)}, index{b.spm(lines_of(rows))};
  gate(e, score, input, index, rows);
  if (w.router_bias != 0) {
    const Vt bias{b.spm(line)};
    b.ld(bias.at, b.dram(w.router_bias), 1, static_cast<int>(line), 0, 0);
    b.alu(Alu::kAdd, select, score, bias, Bc::kRow, rows, experts);
  } else {
    b.prm(Prm::kCopy, select, score, rows, experts);
  }
  if (e.c.n_group > 1) limit_groups(e, select, rows);
  const Vt iota{b.spm(n * line)}, hot{b.spm(n * line)}, never{b.spm(n * line)};
  const Vt place{b.spm(1)};
  b.prm(Prm::kIota, iota, iota, rows, experts);
  b.fill(never, kNever, rows, experts);
  b.fill(r.weight, 0.0f, rows, experts);
  b.fill(r.rank, 0.0f, rows, experts);
  b.fill(place, 0.0f, 1, 1);
  for (int j = 0; j < e.c.num_experts_per_tok; ++j) {
    b.alu(Alu::kAdd, place, place, e.scalar(kOne), Bc::kScalar, 1, 1);
    b.red(isa::Red::kArgmax, index, select, rows, experts);
    one_hot(e, hot, iota, index, rows, experts);
    b.mula(r.weight, hot, score, Bc::kNone, rows, experts);
    b.mula(r.rank, hot, place, Bc::kScalar, rows, experts);
    b.alu(Alu::kSel, select, never, hot, Bc::kNone, rows, experts);
  }
  if (e.c.norm_topk_prob) {
    b.red(isa::Red::kSum, index, r.weight, rows, experts);
    b.alu(Alu::kAdd, index, index, e.scalar(kTiny), Bc::kScalar, 1, rows);
    b.sfu(isa::Sfu::kRcp, index, index, 1, rows);
    b.alu(Alu::kMul, r.weight, r.weight, index, Bc::kCol, rows, experts);
  }
  b.alu(Alu::kMul, r.weight, r.weight, e.scalar(kRouteScale), Bc::kScalar, rows, experts);
  b.release(m);
  return r;
}

}  // namespace

// Router logits come from the last cores, the shared expert's gate and up projections from all.
void emit_router(Emitter& e, const LayerWeights& w) {
  const Builder::Mark m = e.b.mark();
  const uint32_t pairs = w.mlp_up.tiles / 2, buffer_row = pairs * 2, logit_row = w.router.tiles * 2;
  const Share logit_tiles = share(w.router.tiles, e.p.cores - 1 - e.core, e.p.cores);
  const Share mine = share(pairs, e.core, e.p.cores);
  Matmul router(e, w.router, logit_tiles, e.rows);
  Matmul shared(e, w.mlp_up, {mine.first * 2, mine.last * 2}, e.rows);
  router.prefetch();
  e.share_normal(w.post_norm, 2, true);
  if (logit_tiles.size() > 0 || mine.size() > 0 || works_on_experts(e)) e.normalise(w.post_norm);
  if (logit_tiles.size() > 0) {
    const Activations exact = e.normal(2);
    router.run(exact, [&](Loc acc, uint32_t first, uint32_t tiles) {
      e.send(e.row_cores(), e.logits, logit_row, first * 2, acc, tiles * 2, e.rows, tiles * 2);
    });
  }
  if (mine.size() > 0) {
    const Activations a = e.normal(e.p.options.activation_digits);
    shared.run(a, [&](Loc acc, uint32_t first, uint32_t tiles) {
      const Builder::Mark inner = e.b.mark();
      const Loc h = e.b.spm(static_cast<uint32_t>(e.rows) * tiles);
      emit_swiglu(e, h, acc, e.rows, tiles / 2);
      e.send(e.sharers(w.mlp_down.tiles), e.hidden, buffer_row, first, h, tiles, e.rows, tiles);
      e.b.release({inner.spm, e.b.mark().acc});
    });
  }
  e.exchange(isa::Unit::kVx, {},
             {{Space::kSpm, e.hidden.line, static_cast<uint32_t>(e.rows) * buffer_row, true},
              {Space::kSpm, e.logits.line, static_cast<uint32_t>(e.rows) * logit_row, true}});
  e.b.release(m);

  // Each row is routed where its attention was; the decision goes to all.
  const uint32_t line = lines_of(e.c.n_routed_experts);
  for (const int row : e.own_rows) {
    const Builder::Mark inner = e.b.mark();
    const auto r = static_cast<uint32_t>(row);
    const Routing routing = route(e, w, Vt{e.logits + r * logit_row}, 1);
    e.send(e.all_cores(), e.expert_weight, line, r * line, routing.weight.at, line, 1, line);
    e.send(e.all_cores(), e.expert_rank, line, r * line, routing.rank.at, line, 1, line);
    e.b.release(inner);
  }
  const uint32_t lines = static_cast<uint32_t>(e.rows) * line;
  e.exchange(isa::Unit::kVx, {},
             {{Space::kSpm, e.expert_weight.line, lines, true}, {Space::kSpm, e.expert_rank.line, lines, true}});
}

// Sums, per row, the shared expert, where there is one, and the k weighted experts in the order they were selected.
void emit_combine(Emitter& e, const LayerWeights& w) {
  const Builder::Mark m = e.b.mark();
  Builder& b = e.b;
  const uint32_t hidden_lines = lines_of(e.c.hidden_size);
  const auto k = static_cast<uint32_t>(e.c.num_experts_per_tok);
  const bool has_shared = w.mlp_down.tiles > 0;
  // Sum of a chunk of columns, onto `start` or the first expert, in as large pieces as there is room for.
  const auto n = static_cast<uint32_t>(e.rows);
  const auto combine = [&](const Vt* start, uint32_t first, uint32_t all) {
    const uint32_t room = b.spm_free_lines() / (2 * n * (k + 1));
    if (room == 0) throw DoesNotFit(ErrorKind::kInput, "the experts' results for a tile of columns do not fit");
    for (uint32_t done = 0; done < all;) {
      const Builder::Mark inner = b.mark();
      const uint32_t tiles = std::min(room, all - done), lines = tiles * 2;
      const Vt parts{b.spm(n * k * lines)}, sum{b.spm(n * lines)};
      b.ld(parts.at, b.dram(e.p.areas.experts + (first + done) * 2), e.rows * static_cast<int>(k),
           static_cast<int>(lines), static_cast<int>(hidden_lines), static_cast<int>(lines), Object::kExperts);
      const int columns = static_cast<int>(tiles) * 32;
      const auto part = [&](uint32_t j) { return Vt{parts.at + j * lines, 0, k * lines}; };
      Vt before = start == nullptr ? part(0) : tiles == all ? *start : Vt{start->at + done * 2, 0, all * 2};
      for (uint32_t j = start != nullptr ? 0 : 1; j < k; ++j) {
        b.alu(Alu::kAdd, sum, before, part(j), Bc::kNone, e.rows, columns);
        before = sum;
      }
      e.send_to_residual(e.ffn, (first + done) * 2, before.at, lines, before.stride != 0 ? before.stride : lines);
      b.release({inner.spm, b.mark().acc});
      done += tiles;
    }
  };
  const Share mine = share(hidden_lines / 2, e.core, e.p.cores);
  if (mine.size() > 0 && !has_shared) {
    combine(nullptr, mine.first, mine.size());
  } else if (mine.size() > 0) {
    Matmul shared(e, w.mlp_down, mine, e.rows);
    shared.prefetch();
    const Activations a =
        e.quantise(Vt{e.hidden}, e.rows, static_cast<int>(w.mlp_up.tiles) * 16, e.p.options.activation_digits);
    shared.run(a, [&](Loc acc, uint32_t first, uint32_t tiles) {
      const Vt start{acc};
      combine(&start, first, tiles);
    });
  }
  b.release(m);
  e.add_residual(e.ffn);
}

}  // namespace hadal::kernels
