// Routed experts: gather of the rows of each expert, its products, scatter to (row, rank) slots. Many experts are
// spread over the cores whole; few and large ones each over a team of cores; and of many large ones those that a single
// row chose, whichever they are.
#include <algorithm>
#include <bit>
#include <utility>

#include "kernels/emitter.h"

namespace hadal::kernels {
namespace {

using isa::Alu;
using isa::Bc;
using isa::Prm;

constexpr int kCountRegister = 3, kPassRegister = 4, kExpertRegister = 5;
constexpr uint32_t kMaxScatterLines = 254;  // what the length of STG holds, in whole tiles of 32 columns

uint64_t experts_of(const Emitter& e) { return static_cast<uint64_t>(e.c.n_routed_experts); }

// Experts of this core, spread over the cores even when there are fewer experts than cores.
std::vector<uint32_t> own_experts(const Emitter& e) {
  const auto cores = static_cast<uint64_t>(e.p.cores);
  std::vector<uint32_t> mine;
  for (uint64_t x = 0; x < experts_of(e); ++x) {
    if (x * cores / experts_of(e) == static_cast<uint64_t>(e.core)) mine.push_back(static_cast<uint32_t>(x));
  }
  return mine;
}

// Cores that work on the same expert as this core: `member` of `cores` from `first` on.
struct Team {
  uint32_t index = 0;
  int first = 0, cores = 0, member = 0;
  Cores mask() const { return ((Cores{1} << cores) - 1) << first; }
};

Team team_of(const Emitter& e, int teams) {
  const auto first = [&](int team) { return (team * e.p.cores + teams - 1) / teams; };
  const int team = e.core * teams / e.p.cores;
  return {static_cast<uint32_t>(team), first(team), first(team + 1) - first(team), e.core - first(team)};
}

// The rows of one expert, as every core that works on it finds them. Their number is in R[kCountRegister].
class ExpertRows {
 public:
  // `turned`: [experts][rows], 1..k where a row chose the expert.
  ExpertRows(Emitter& e, Vt turned, uint32_t index)
      : e_(e), b_(e.b), index_(index), n_(static_cast<uint32_t>(e.rows)), line_(lines_of(e.c.n_routed_experts)) {
    list_ = b_.spm(lines_of(e.rows));
    count_ = b_.spm(1);
    target_ = b_.spm(lines_of(e.rows));
    b_.compress(list_, Vt{turned.at + index * lines_of(e.rows)}, e.scalar(kOne), count_.line * 16, 1, e.rows);
    b_.ldr(kCountRegister, count_, 0);
  }

  // R[kPassRegister] = 1 where there are rows, else 0.
  void count_passes() {
    const unsigned most = std::bit_ceil(static_cast<unsigned>(e_.rows));
    b_.ldr(kPassRegister, count_, 0, static_cast<int>(most) - 1, std::countr_zero(most));
  }

  // Weight of each gathered row, and its slot in the scratch area: row * k + rank - 1.
  void find_slots() {
    const int rows = e_.rows, experts = static_cast<int>(e_.c.n_routed_experts);
    weight_ = Vt{b_.spm(n_ * line_)};
    const Vt rank{b_.spm(n_ * line_)}, slot{b_.spm(lines_of(rows))}, row{b_.spm(lines_of(rows))};
    b_.gather(weight_, Vt{e_.expert_weight}, list_, rows, experts, n_);
    b_.gather(rank, Vt{e_.expert_rank}, list_, rows, experts, n_);
    b_.prm(Prm::kTranspose, slot, Vt{rank.at + index_ / 16, index_ % 16, line_}, rows, 1);
    b_.cvt(isa::Cvt::kI2f, row, Vt{list_}, 1, rows);
    b_.alu(Alu::kMul, row, row, e_.scalar(kTopK), Bc::kScalar, 1, rows);
    b_.alu(Alu::kAdd, slot, slot, row, Bc::kNone, 1, rows);
    b_.alu(Alu::kAdd, slot, slot, e_.scalar(kMinusOne), Bc::kScalar, 1, rows);
    b_.cvt(isa::Cvt::kF2i, Vt{target_}, slot, 1, rows);
  }

  // Of rows that come as digits: group by group, then the scales.
  Activations gather_digits() {
    const auto hidden = static_cast<int>(e_.c.hidden_size), groups = (hidden + 127) / 128;
    const int digits = e_.p.options.activation_digits;
    const uint32_t scale_lines = lines_of(groups), plane = static_cast<uint32_t>(groups) * n_ * 2;
    const Loc chosen = b_.spm(static_cast<uint32_t>(digits) * plane);
    for (uint32_t g = 0; g < static_cast<uint32_t>(digits * groups); ++g) {
      b_.gather(Vt{chosen + g * n_ * 2}, Vt{e_.normal_digits + g * n_ * 2}, list_, e_.rows, 32, n_);
    }
    const Vt scales{b_.spm(n_ * scale_lines)};
    b_.gather(scales, Vt{e_.normal_scales}, list_, e_.rows, groups, n_);
    return e_.shared_digits(chosen, scales.at, hidden, digits);
  }

  Activations gather() {
    if (e_.streams()) return gather_digits();
    const auto hidden = static_cast<int>(e_.c.hidden_size);
    const uint32_t hidden_lines = lines_of(hidden);
    const Activations digits = e_.reserve(e_.rows, hidden, e_.p.options.activation_digits);
    const Builder::Mark m = b_.mark();
    // The queries have done their work.
    const Vt gathered{e_.tight() && e_.q_lines >= n_ * hidden_lines ? e_.q : b_.spm(n_ * hidden_lines)};
    by_columns(hidden, [&](int begin, int columns) {
      const uint32_t at = static_cast<uint32_t>(begin) / 16;
      b_.gather(Vt{gathered.at + at, 0, hidden_lines}, Vt{e_.xn + at, 0, hidden_lines}, list_, e_.rows, columns, n_);
    });
    e_.quantise_into(digits, gathered, hidden);
    b_.release(m);
    return digits;
  }

  // The down projection's columns `tiles`, weighted and scattered. A scatter moves rows of at most kMaxScatterLines
  // that lie one behind the other: wider results in parts of columns.
  void scatter(Matmul& down, Share tiles, const Activations& a) {
    const uint32_t lines = tiles.size() * 2, parts = (lines + kMaxScatterLines - 1) / kMaxScatterLines;
    const uint32_t part_lines = parts > 0 ? (lines / 2 + parts - 1) / parts * 2 : 0;
    const Loc y = b_.spm(n_ * lines);
    const auto part_of = [&](uint32_t at) {
      const uint32_t first = at / part_lines * part_lines;
      return Share{first, std::min(first + part_lines, lines)};
    };
    down.run(a, [&](Loc acc, uint32_t tile, uint32_t count) {
      const uint32_t begin = (tile - tiles.first) * 2, end = begin + count * 2;
      for (uint32_t at = begin; at < end;) {
        const Share part = part_of(at);
        const uint32_t taken = std::min(end, part.last) - at;
        b_.alu(Alu::kMul, Vt{y + n_ * part.first + (at - part.first), 0, part.size()},
               Vt{acc + (at - begin), 0, count * 2}, Vt{weight_.at + index_ / 16, index_ % 16, line_}, Bc::kCol,
               e_.rows, static_cast<int>(taken) * 16);
        at += taken;
      }
    });
    for (uint32_t at = 0; at < lines; at += part_lines) {
      const Share part = part_of(at);
      b_.stg(b_.dram(e_.p.areas.experts + tiles.first * 2 + at), target_, y + n_ * at, -kCountRegister,
             static_cast<int>(part.size()), lines_of(e_.c.hidden_size), Object::kExperts, e_.rows);
    }
  }

 private:
  Emitter& e_;
  Builder& b_;
  uint32_t index_, n_, line_;
  Loc list_, count_, target_;
  Vt weight_;
};

Vt turned_ranks(Emitter& e) {
  const auto experts = static_cast<uint32_t>(e.c.n_routed_experts);
  const Vt turned{e.b.spm(experts * lines_of(e.rows))};
  e.b.prm(Prm::kTranspose, turned, Vt{e.expert_rank}, e.rows, static_cast<int>(experts));
  return turned;
}

// A whole expert on its rows: skipped when it has none.
void expert(Emitter& e, Vt turned, const PanelMatrix& up, const PanelMatrix& down, uint32_t index) {
  Builder& b = e.b;
  const Builder::Mark m = b.mark();
  const int rows = e.rows;
  const auto n = static_cast<uint32_t>(rows);
  ExpertRows chosen(e, turned, index);
  // One pass over all gathered rows, or none: then no weight is read.
  chosen.count_passes();
  b.begin_if(kPassRegister);
  Matmul first(e, up, {0, up.tiles}, rows);
  first.prefetch();
  chosen.find_slots();
  const Activations a = chosen.gather();
  const uint32_t pairs = up.tiles / 2;
  const Loc h = b.spm(n * pairs * 2);
  Matmul second(e, down, {0, down.tiles}, rows);
  first.run(a, [&](Loc acc, uint32_t tile, uint32_t tiles) {
    if (tile + tiles == up.tiles) second.prefetch();
    const Builder::Mark inner = b.mark();
    const Loc part = b.spm(n * tiles);
    emit_swiglu(e, part, acc, rows, tiles / 2);
    b.prm(Prm::kCopy, Vt{h + tile, 0, pairs * 2}, Vt{part}, rows, static_cast<int>(tiles) * 16);
    b.release({inner.spm, b.mark().acc});
  });
  const Activations ah = e.quantise(Vt{h}, rows, static_cast<int>(pairs) * 32, e.p.options.activation_digits);
  chosen.scatter(second, {0, down.tiles}, ah);
  b.end_if();
  b.release(m);
}

// This core's columns of an expert's up projection, through SwiGLU, to its team: `pairs` tiles in all of it.
void up_to_team(Emitter& e, const Team& team, Matmul& up, const Activations& a, uint32_t pairs) {
  Builder& b = e.b;
  up.run(a, [&](Loc acc, uint32_t tile, uint32_t tiles) {
    const Builder::Mark inner = b.mark();
    const Loc part = b.spm(static_cast<uint32_t>(e.rows) * tiles);
    emit_swiglu(e, part, acc, e.rows, tiles / 2);
    e.send(team.mask(), e.team_hidden, pairs * 2, tile, part, tiles, e.rows, tiles);
    b.release({inner.spm, b.mark().acc});
  });
}

// This core's columns of its team's expert: of the up projection, whose results go to the team, then of the down
// projection. Weights are read also for an expert without rows: the exchange in the middle is for all cores.
void team_expert(Emitter& e, const LayerWeights& w) {
  Builder& b = e.b;
  const Team team = team_of(e, static_cast<int>(experts_of(e)));
  const auto n = static_cast<uint32_t>(e.rows);
  const PanelMatrix &up = w.expert_up[team.index], &down = w.expert_down[team.index];
  const uint32_t pairs = up.tiles / 2;
  const Share mine = share(pairs, team.member, team.cores), columns = share(down.tiles, team.member, team.cores);
  Matmul first(e, up, {mine.first * 2, mine.last * 2}, e.rows);
  first.prefetch();
  ExpertRows chosen(e, turned_ranks(e), team.index);
  chosen.find_slots();
  const Builder::Mark before_rows = b.mark();
  const Activations a = chosen.gather();
  up_to_team(e, team, first, a, pairs);
  b.release({before_rows.spm, b.mark().acc});
  Matmul second(e, down, columns, e.rows);
  second.prefetch();
  e.exchange(isa::Unit::kVx, {}, {{Space::kSpm, e.team_hidden.line, n * pairs * 2, true}});
  const Activations ah =
      e.quantise(Vt{e.team_hidden}, e.rows, static_cast<int>(pairs) * 32, e.p.options.activation_digits);
  chosen.scatter(second, columns, ah);
}

// Lines from expert to expert, where that is the same from each to the next and its number times this is exact in
// FP32, but for a power of two: odd << shift. 0 otherwise.
struct Stride {
  uint32_t odd = 0;
  int shift = 0;
};

Stride expert_stride(const LayerWeights& w) {
  const uint64_t lines = w.expert_up.size() > 1 ? w.expert_up[1].scale_line - w.expert_up[0].scale_line : 1;
  const int shift = std::countr_zero(lines);
  const uint64_t odd = lines >> shift;
  if (odd * w.expert_up.size() >= uint64_t{1} << 24 || shift > 31) return {};
  for (size_t x = 0; x < w.expert_up.size(); ++x) {
    const PanelMatrix *up = &w.expert_up[x], *down = &w.expert_down[x];
    for (const auto& [here, there] : {std::pair{&w.expert_up[0], up}, {&w.expert_down[0], down}}) {
      const uint64_t away = x * lines;
      if (there->line != here->line + away || there->scale_line != here->scale_line + away) return {};
      if (there->digits != here->digits) return {};
    }
  }
  return {static_cast<uint32_t>(odd), shift};
}

// This core's columns of the expert that the only row chose in the place of its team. Its weights lie the expert's
// number times a stride from those of the first.
void ranked_expert(Emitter& e, const LayerWeights& w, const Stride& stride) {
  Builder& b = e.b;
  const Team team = team_of(e, static_cast<int>(e.c.num_experts_per_tok));
  const auto experts = static_cast<int>(experts_of(e));
  const PanelMatrix &up = w.expert_up[0], &down = w.expert_down[0];
  const uint32_t pairs = up.tiles / 2;
  const Share mine = share(pairs, team.member, team.cores), columns = share(down.tiles, team.member, team.cores);

  const Vt weight{b.spm(1)}, place{b.spm(1)}, factor{b.spm(1)}, chosen{b.spm(lines_of(experts))};
  b.fill(chosen, static_cast<float>(team.index + 1), 1, experts);
  b.alu(Alu::kCmpeq, chosen, chosen, Vt{e.expert_rank}, Bc::kNone, 1, experts);
  b.red(isa::Red::kArgmax, place, chosen, 1, experts);
  b.alu(Alu::kMul, chosen, chosen, Vt{e.expert_weight}, Bc::kNone, 1, experts);
  b.red(isa::Red::kSum, weight, chosen, 1, experts);  // of zeros and one weight
  b.fill(factor, static_cast<float>(stride.odd), 1, 1);
  b.alu(Alu::kMul, place, place, factor, Bc::kNone, 1, 1);
  b.cvt(isa::Cvt::kF2i, place, place, 1, 1);
  const uint64_t anchor = up.scale_line;
  b.set(kExpertRegister, anchor);
  b.ldr(kExpertRegister, place.at, 0, 0, 0, stride.shift, kExpertRegister);

  Matmul first(e, up, {mine.first * 2, mine.last * 2}, 1, kExpertRegister, anchor);
  first.prefetch();
  const Builder::Mark before = b.mark();
  const Activations a = e.normal(e.p.options.activation_digits);
  up_to_team(e, team, first, a, pairs);
  b.release({before.spm, b.mark().acc});
  Matmul second(e, down, columns, 1, kExpertRegister, anchor);
  second.prefetch();
  e.exchange(isa::Unit::kVx, {}, {{Space::kSpm, e.team_hidden.line, pairs * 2, true}});
  const Activations ah = e.quantise(Vt{e.team_hidden}, 1, static_cast<int>(pairs) * 32, e.p.options.activation_digits);
  const uint64_t slot = e.p.areas.experts + uint64_t{team.index} * lines_of(e.c.hidden_size);
  second.run(ah, [&](Loc acc, uint32_t tile, uint32_t tiles) {
    const Builder::Mark inner = b.mark();
    const Loc y = b.spm(tiles * 2);
    b.alu(Alu::kMul, Vt{y}, Vt{acc}, weight, Bc::kScalar, 1, static_cast<int>(tiles) * 32);
    b.st(b.dram(slot + tile * 2), y, 1, static_cast<int>(tiles) * 2, 0, 0, Object::kExperts);
    b.release({inner.spm, b.mark().acc});
  });
}

}  // namespace

bool works_on_experts(const Emitter& e) {
  return experts_in_teams(e.c, e.p.cores) || e.p.by_rank() || !own_experts(e).empty();
}

void emit_experts(Emitter& e, const LayerWeights& w) {
  const Builder::Mark m = e.b.mark();
  if (experts_in_teams(e.c, e.p.cores)) {
    team_expert(e, w);
  } else if (const Stride stride = e.p.by_rank() ? expert_stride(w) : Stride{}; stride.odd > 0) {
    ranked_expert(e, w, stride);
  } else if (const std::vector<uint32_t> mine = own_experts(e); !mine.empty()) {
    const Vt turned = turned_ranks(e);
    for (const uint32_t x : mine) expert(e, turned, w.expert_up[x], w.expert_down[x], x);
  }
  e.exchange(isa::Unit::kLd, {{Space::kObject, static_cast<uint32_t>(Object::kExperts), 1, false}},
             {{Space::kObject, static_cast<uint32_t>(Object::kExperts), 1, true}});
  e.b.release(m);
}

}  // namespace hadal::kernels
