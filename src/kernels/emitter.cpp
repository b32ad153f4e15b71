// Buffers and shared pieces of a core's program.
#include "kernels/emitter.h"

#include <algorithm>

namespace hadal::kernels {
namespace {

uint32_t most_own_rows(uint32_t rows, int cores) {
  return (rows + static_cast<uint32_t>(cores) - 1) / static_cast<uint32_t>(cores);
}
uint32_t tiles_of(int64_t columns) { return static_cast<uint32_t>((columns + 31) / 32); }

}  // namespace

Emitter::Emitter(const Plan& plan, int core_index)
    : p(plan),
      c(*plan.config),
      b(*plan.chip, core_index),
      core(core_index),
      rows(plan.rows),
      by_owner(plan.by_owner()) {
  for (int r = core; r < rows; r += p.cores) own_rows.push_back(r);
  record_rows = own_rows;
  const bool latent = c.attention == model::Attention::kLatent;
  if (latent) head_groups = latent_head_groups(c, *p.chip, rows, p.kv_tile);
  assign_heads(attention_heads());
  const auto m = static_cast<uint32_t>(rows);
  const int64_t heads = c.num_attention_heads;
  const uint32_t kept = by_owner ? most_own_rows(m, p.cores) : m;  // rows of the residual
  const int64_t shared = c.moe_intermediate_size * c.n_shared_experts;
  const uint32_t hidden_lines =
      m * 2 * tiles_of(c.first_k_dense_replace > 0 ? std::max(c.intermediate_size, shared) : shared);
  const uint32_t team_lines =
      experts_in_teams(c, p.cores) || p.by_rank() ? m * 2 * tiles_of(c.moe_intermediate_size) : 0;
  const auto groups = static_cast<uint32_t>((c.hidden_size + 127) / 128);
  q_lines = m * lines_of(heads * (c.qk_nope_head_dim + c.qk_rope_head_dim));
  streams_ = !p.draft && rows_stream(c, *p.chip, rows, p.options.owners_from);
  // Same order on every core: other cores send into these.
  const uint32_t qkv_lines = m * lines_of(p.qkv_columns()), values = m * lines_of(p.value_columns());
  // Grouped attention's projections and values are read, an exchange later hidden activations come.
  shares_ = !latent && hidden_lines > 0 && qkv_lines + values + hidden_lines > b.spm_free_lines() / 3;
  if (streams_) {
    stream_buffers(kept * lines_of(p.qkv_columns()), hidden_lines, team_lines);
  } else if (shares_) {
    qkv = hidden = b.spm(std::max(qkv_lines + values, hidden_lines));
    value = qkv + qkv_lines;
  } else {
    qkv = b.spm(qkv_lines);
    q = b.spm(q_lines);
  }
  // Values of attention arrive when every core is done with the queries, sums of the experts when every core has added
  // those of attention: where rows are wide, the later take the place of the earlier.
  const uint32_t sums = kept * lines_of(c.hidden_size);
  tight_ = streams_ || (latent && q_lines + values + 2 * sums > b.spm_free_lines() / 3);
  if (!streams_ && !shares_) value = tight_ && values <= q_lines ? q : b.spm(values);
  delta = b.spm(sums);
  ffn = tight_ ? delta : b.spm(sums);
  if (!streams_ && !shares_) hidden = b.spm(hidden_lines);
  logits = b.spm(m * 2 * tiles_of(c.n_routed_experts));
  expert_weight = b.spm(m * lines_of(c.n_routed_experts));
  expert_rank = b.spm(m * lines_of(c.n_routed_experts));
  x = b.spm(kept * lines_of(c.hidden_size));
  if (!streams_) team_hidden = b.spm(team_lines);
  join = b.spm(p.draft ? m * 2 * lines_of(c.hidden_size) : 0);
  xn = b.spm(streams_ || (by_owner && !c.has_experts()) ? 0 : m * lines_of(c.hidden_size));
  normal_digits = b.spm(by_owner ? 2 * groups * m * 2 : 0);
  normal_scales = b.spm(by_owner ? m * lines_of(groups) : 0);
  constants = b.spm(lines_of(kConstants));
  records = b.spm(static_cast<uint32_t>(record_rows.size()) * 4);
  rope = b.spm(static_cast<uint32_t>(record_rows.size()) * p.rope_lines);
  minus_iota = b.spm(lines_of(p.kv_tile));
  below_ring_ = b.mark();
  ring_ = b.spm(static_cast<uint32_t>(p.slots * p.slot_lines));
}

// The compressed queries live until the last core has projected them, the values until the output is projected, the
// hidden activations from there to the end of the layer: exchanges lie in between, so they share lines.
void Emitter::stream_buffers(uint32_t qkv_lines, uint32_t hidden_lines, uint32_t team_lines) {
  const auto m = static_cast<uint32_t>(rows), digits = static_cast<uint32_t>(p.options.activation_digits);
  const auto query_groups = static_cast<uint32_t>(c.q_lora_rank / 128);
  const auto value_groups = static_cast<uint32_t>(p.value_columns() / 128);
  const uint32_t query_lines = digits * query_groups * m * 2, value_lines = digits * value_groups * m * 2;
  const uint32_t first = qkv_lines + query_lines + m * lines_of(query_groups);
  const uint32_t second = value_lines + value_groups * lines_of(rows);
  const Loc start = b.spm(std::max({first, second, hidden_lines + team_lines}));
  qkv = start;
  query_digits = qkv + qkv_lines;
  query_scales = query_digits + query_lines;
  value_digits = start;
  value_scales = value_digits + value_lines;
  hidden = start;
  team_hidden = hidden + hidden_lines;
}

// Key heads or groups of heads of a row go to different cores, as far apart as they are many.
int Emitter::core_of_head(int row, int head, int heads) const {
  return (row + head * std::max(1, p.cores / heads)) % p.cores;
}

void Emitter::assign_heads(int heads) {
  for (int r = 0; r < rows; ++r) {
    for (int h = 0; h < heads; ++h) {
      if (core_of_head(r, h, heads) != core) continue;
      const auto known = std::find(record_rows.begin(), record_rows.end(), r);
      own_heads.push_back({static_cast<int>(known - record_rows.begin()), h});
      if (known == record_rows.end()) record_rows.push_back(r);
    }
  }
}

Cores Emitter::sharers(uint32_t tiles) const {
  Cores found = 0;
  for (int other = 0; other < p.cores; ++other) {
    if (share(tiles, other, p.cores).size() > 0) found |= Cores{1} << other;
  }
  return found;
}

Cores Emitter::head_cores() const {
  Cores found = 0;
  const int heads = attention_heads();
  for (int r = 0; r < rows; ++r) {
    for (int h = 0; h < heads; ++h) found |= Cores{1} << core_of_head(r, h, heads);
  }
  return found;
}

Cores Emitter::row_cores() const { return (Cores{1} << std::min(rows, p.cores)) - 1; }

void Emitter::exchange(isa::Unit unit, std::vector<Access> after, std::vector<Access> writes) {
  const int go = unit == isa::Unit::kLd ? kGoLdSemaphore : kGoVxSemaphore;
  int post = b.sync_post_remote(kArriveSemaphore, kHubRegister, std::move(after));
  if (core == p.hub()) post = b.sync_post_remote(go, kMaskRegister, {}, kArriveSemaphore, p.cores);
  b.sync_wait(unit, go, 1, std::move(writes), post);
}

void Emitter::rms_norm(Vt d, Vt x_in, uint64_t weight_line, Constant inverse, int n_rows, int cols) {
  const Builder::Mark m = b.mark();
  const uint32_t row_lines = lines_of(cols);
  const uint32_t x_stride = x_in.stride != 0 ? x_in.stride : row_lines, d_stride = d.stride != 0 ? d.stride : row_lines;
  const Loc weight = b.spm(row_lines);
  const uint32_t lines = static_cast<uint32_t>(n_rows) * row_lines;
  // The squares may stand where the result will, if there is no room for both.
  const bool in_place = d_stride == row_lines && d.at.line != x_in.at.line && b.spm_free_lines() < lines + row_lines;
  const Vt square{in_place ? d.at : b.spm(lines)}, column{b.spm(lines_of(n_rows))};
  const Vt more{cols > kMaxColumns ? b.spm(lines_of(n_rows)) : column.at};
  const auto part = [](Vt tile, uint32_t stride, int first) {
    return Vt{tile.at + static_cast<uint32_t>(first) / 16, tile.off, stride};
  };
  b.ld(weight, b.dram(weight_line), 1, static_cast<int>(row_lines), 0, 0);
  by_columns(cols, [&](int first, int count) {
    const Vt from = part(x_in, x_stride, first), squared = part(square, row_lines, first);
    b.alu(isa::Alu::kMul, squared, from, from, isa::Bc::kNone, n_rows, count);
    b.red(isa::Red::kSum, first == 0 ? column : more, squared, n_rows, count);
    if (first > 0) b.alu(isa::Alu::kAdd, column, column, more, isa::Bc::kNone, 1, n_rows);
  });
  b.alu(isa::Alu::kMul, column, column, scalar(inverse), isa::Bc::kScalar, 1, n_rows);
  b.alu(isa::Alu::kAdd, column, column, scalar(kEps), isa::Bc::kScalar, 1, n_rows);
  b.sfu(isa::Sfu::kRsqrt, column, column, 1, n_rows);
  by_columns(cols, [&](int first, int count) {
    const Vt scaled = part(square, row_lines, first);
    b.alu(isa::Alu::kMul, scaled, part(x_in, x_stride, first), column, isa::Bc::kCol, n_rows, count);
    b.alu(isa::Alu::kMul, part(d, d_stride, first), scaled, Vt{weight + static_cast<uint32_t>(first) / 16},
          isa::Bc::kRow, n_rows, count);
  });
  b.release(m);
}

Activations Emitter::reserve(int n_rows, int cols, int digits) {
  Activations out;
  out.rows = n_rows;
  out.groups = (cols + 127) / 128;
  out.digits = digits;
  out.low = static_cast<uint32_t>(out.groups * n_rows * 2);
  out.d = b.spm(out.low * static_cast<uint32_t>(digits));
  out.scale_word = b.spm(lines_of(out.groups * n_rows)).line * 16;
  return out;
}

void Emitter::quantise_into(const Activations& out, Vt a, int cols) {
  const uint32_t stride = a.stride != 0 ? a.stride : lines_of(cols);
  by_columns(cols, [&](int first, int count) {
    // A part begins with a multiple of 16 groups, so its scales begin on a line.
    const auto done = static_cast<uint32_t>(first / 128 * out.rows);
    b.qnt({.d = out.d + done * 2, .low = out.low, .scale_word = out.scale_word + done},
          Vt{a.at + static_cast<uint32_t>(first) / 16, a.off, stride}, out.rows, count, out.digits, 128);
  });
}

Activations Emitter::quantise(Vt a, int n_rows, int cols, int digits) {
  const Activations out = reserve(n_rows, cols, digits);
  quantise_into(out, a, cols);
  return out;
}

void Emitter::send(Cores readers, Loc buffer, uint32_t buffer_row_lines, uint32_t first_line, Loc source,
                   uint32_t lines, int n_rows, uint32_t source_stride) {
  const int to = readers == all_cores() ? kMaskRegister : b.mask(readers);
  if (n_rows == 1 || (buffer_row_lines <= kMaxLocalStride && source_stride <= kMaxLocalStride)) {
    b.snd(buffer + first_line, source, n_rows, static_cast<int>(lines), to,
          n_rows == 1 ? 0 : static_cast<int>(source_stride), n_rows == 1 ? 0 : static_cast<int>(buffer_row_lines));
    return;
  }
  for (uint32_t r = 0; r < static_cast<uint32_t>(n_rows); ++r) {
    b.snd(buffer + first_line + r * buffer_row_lines, source + r * source_stride, 1, static_cast<int>(lines), to, 0, 0);
  }
}

void Emitter::fetch_embedding(Loc d, Loc token) {
  for (uint32_t at = 0; at < p.embed_lines; at += kMaxGatherLines) {
    const uint32_t count = std::min(kMaxGatherLines, p.embed_lines - at);
    b.ldg(d + at, b.dram(p.embed + at), token, 1, static_cast<int>(count), p.embed_lines);
  }
}

void Emitter::load_rows(Loc d, uint32_t stride, uint64_t line, uint32_t pitch, uint32_t lines, Object object) {
  if (pitch <= kMaxDramStride) {
    b.ld(d, b.dram(line), rows, static_cast<int>(lines), static_cast<int>(pitch), static_cast<int>(stride), object);
    return;
  }
  for (uint32_t r = 0; r < static_cast<uint32_t>(rows); ++r) {
    b.ld(d + r * stride, b.dram(line + uint64_t{r} * pitch), 1, static_cast<int>(lines), 0, 0, object);
  }
}

void Emitter::store_rows(uint64_t line, uint32_t pitch, Loc s, uint32_t stride, uint32_t lines, Object object) {
  if (pitch <= kMaxDramStride) {
    b.st(b.dram(line), s, rows, static_cast<int>(lines), static_cast<int>(stride), static_cast<int>(pitch), object);
    return;
  }
  for (uint32_t r = 0; r < static_cast<uint32_t>(rows); ++r) {
    b.st(b.dram(line + uint64_t{r} * pitch), s + r * stride, 1, static_cast<int>(lines), 0, 0, object);
  }
}

}  // namespace hadal::kernels
