// The linear operators around attention: down and up projections, absorption, output, logits; and the embedding.
#include "kernels/emitter.h"

namespace hadal::kernels {
namespace {

Access region(Loc at, uint32_t lines) { return {Space::kSpm, at.line, lines, true}; }

uint32_t row_lines(int64_t columns) { return static_cast<uint32_t>(columns / 16); }

// `a` times this core's share of the columns of `product`, plus the bias if there is one, into `buffer` of its readers.
void project(Emitter& e, Matmul& product, const Activations& a, Share mine, Cores readers, Loc buffer,
             uint32_t buffer_row_lines, uint64_t bias) {
  Loc added;
  if (bias != 0) {
    added = e.b.spm(mine.size() * 2);
    e.b.ld(added, e.b.dram(bias + mine.first * 2), 1, static_cast<int>(mine.size() * 2), 0, 0);
  }
  product.run(a, [&](Loc acc, uint32_t first, uint32_t tiles) {
    if (bias != 0) {
      const Vt sum{acc, 0, tiles * 2};
      e.b.alu(isa::Alu::kAdd, sum, sum, Vt{added + (first - mine.first) * 2}, isa::Bc::kRow, e.rows,
              static_cast<int>(tiles) * 32);
    }
    e.send(readers, buffer, buffer_row_lines, first * 2, acc, tiles * 2, e.rows, tiles * 2);
  });
}

// Projects the normalised residual, and exchanges. `shared`: an operator before has normalised it.
void project_residual(Emitter& e, uint64_t norm, const PanelMatrix& w, Cores readers, Loc buffer,
                      uint32_t buffer_row_lines, uint64_t bias = 0, bool shared = false) {
  const Builder::Mark m = e.b.mark();
  const int digits = e.p.options.activation_digits;
  const Share mine = share(w.tiles, e.core, e.p.cores);
  Matmul product(e, w, mine, e.rows);
  product.prefetch();
  if (!shared) e.share_normal(norm, digits, false);
  if (mine.size() > 0) {
    e.normalise(norm);
    project(e, product, e.normal(digits), mine, readers, buffer, buffer_row_lines, bias);
  }
  e.exchange(isa::Unit::kVx, {}, {region(buffer, static_cast<uint32_t>(e.rows) * buffer_row_lines)});
  e.b.release(m);
}

}  // namespace

// The owner of a row fetches it; 48 cores reading one DRAM row at once would queue on its channel.
void emit_embed(Emitter& e) {
  const uint32_t lines = row_lines(e.c.hidden_size);
  for (size_t i = 0; i < e.own_rows.size(); ++i) {
    const Builder::Mark m = e.b.mark();
    const Loc token = e.records + static_cast<uint32_t>(i) * 4 + 3;
    const Loc bf16 = e.b.spm(e.p.embed_lines), row = e.by_owner ? e.own_x(i).at : e.b.spm(lines);
    e.b.ldg(bf16, e.b.dram(e.p.embed), token, 1, static_cast<int>(e.p.embed_lines), e.p.embed_lines);
    by_columns(static_cast<int>(e.c.hidden_size), [&](int first, int count) {
      const auto at = static_cast<uint32_t>(first);
      e.b.cvt(isa::Cvt::kB2f, Vt{row + at / 16}, Vt{bf16 + at / 32}, 1, count);
    });
    if (!e.by_owner) {
      e.send(e.all_cores(), e.x, 0, static_cast<uint32_t>(e.own_rows[i]) * lines, row, lines, 1, 0);
    }
    e.b.release(m);
  }
  if (!e.by_owner) e.exchange(isa::Unit::kVx, {}, {region(e.x, static_cast<uint32_t>(e.rows) * lines)});
}

void emit_qkv_down(Emitter& e, const LayerWeights& w) {
  const Cores readers = e.row_cores() | (e.c.q_lora_rank > 0 ? e.sharers(w.q_up.tiles) : 0);
  project_residual(e, w.input_norm, w.qkv_down, readers, e.qkv,
                   row_lines(e.c.q_lora_rank + e.c.kv_lora_rank + e.c.qk_rope_head_dim));
}

void emit_qkv(Emitter& e, const LayerWeights& w) {
  project_residual(e, w.input_norm, w.qkv, e.head_cores(), e.qkv, row_lines(e.p.qkv_columns()), w.qkv_bias);
}

// Without compression of the queries they come from the residual, as the latents do.
void emit_q_up(Emitter& e, const LayerWeights& w) {
  const auto rank = static_cast<int>(e.c.q_lora_rank);
  const uint32_t q_row = row_lines(e.c.num_attention_heads * (e.c.qk_nope_head_dim + e.c.qk_rope_head_dim));
  const Cores readers = e.head_cores() | e.sharers(static_cast<uint32_t>(e.c.num_attention_heads) * w.key_up[0].tiles);
  if (rank == 0) return project_residual(e, w.input_norm, w.q_up, readers, e.q, q_row, 0, true);
  const Builder::Mark m = e.b.mark();
  const Share mine = share(w.q_up.tiles, e.core, e.p.cores);
  if (mine.size() > 0) {
    Matmul product(e, w.q_up, mine, e.rows);
    product.prefetch();
    const Vt cq{e.qkv, 0, row_lines(rank + e.c.kv_lora_rank + e.c.qk_rope_head_dim)};
    const Vt normal{e.b.spm(static_cast<uint32_t>(e.rows) * row_lines(rank))};
    e.rms_norm(normal, cq, w.q_norm, kInvQRank, e.rows, rank);
    const Activations a = e.quantise(normal, e.rows, rank, e.p.options.activation_digits);
    project(e, product, a, mine, readers, e.q, q_row, 0);
  }
  e.exchange(isa::Unit::kVx, {}, {region(e.q, static_cast<uint32_t>(e.rows) * q_row)});
  e.b.release(m);
}

void emit_q_absorb(Emitter& e, const LayerWeights& w) {
  const auto heads = static_cast<uint32_t>(e.c.num_attention_heads);
  const uint32_t head_tiles = w.key_up[0].tiles;
  const uint32_t head_lines = row_lines(e.c.qk_nope_head_dim + e.c.qk_rope_head_dim);
  const uint32_t row = row_lines(heads * e.c.kv_lora_rank);
  const Share mine = share(heads * head_tiles, e.core, e.p.cores);
  for (uint32_t t = mine.first; t < mine.last;) {
    const uint32_t head = t / head_tiles;
    const Share tiles{t % head_tiles, std::min(head_tiles, t % head_tiles + mine.last - t)};
    const Builder::Mark m = e.b.mark();
    Matmul product(e, w.key_up[head], tiles, e.rows);
    product.prefetch();
    const Vt nope{e.q + head * head_lines, 0, heads * head_lines};
    const Activations a = e.quantise(nope, e.rows, static_cast<int>(e.c.qk_nope_head_dim), 2);
    product.run(a, [&](Loc acc, uint32_t first, uint32_t count) {
      const uint64_t line = e.p.areas.query + head * row_lines(e.c.kv_lora_rank) + first * 2;
      e.store_rows(line, row, acc, count * 2, count * 2, Object::kQuery);
    });
    e.b.release(m);
    t += tiles.size();
  }
  const Access stored{Space::kObject, static_cast<uint32_t>(Object::kQuery), 1, false};
  const Access cached{Space::kObject, static_cast<uint32_t>(Object::kKv), 1, false};
  e.exchange(isa::Unit::kLd, {stored, cached},
             {{Space::kObject, static_cast<uint32_t>(Object::kQuery), 1, true},
              {Space::kObject, static_cast<uint32_t>(Object::kKv), 1, true}});
}

void emit_value_up(Emitter& e, const LayerWeights& w) {
  const auto heads = static_cast<uint32_t>(e.c.num_attention_heads);
  const uint32_t head_tiles = w.value_up[0].tiles;
  const uint32_t latent = row_lines(e.c.kv_lora_rank), value_lines = row_lines(heads * e.c.v_head_dim);
  const Share mine = share(heads * head_tiles, e.core, e.p.cores);
  for (uint32_t t = mine.first; t < mine.last;) {
    const uint32_t head = t / head_tiles;
    const Share tiles{t % head_tiles, std::min(head_tiles, t % head_tiles + mine.last - t)};
    const Builder::Mark m = e.b.mark();
    Matmul product(e, w.value_up[head], tiles, e.rows);
    product.prefetch();
    const Loc u = e.b.spm(static_cast<uint32_t>(e.rows) * latent);
    e.load_rows(u, latent, e.p.areas.attention + head * latent, heads * latent, latent, Object::kAttention);
    const Activations a = e.quantise(Vt{u}, e.rows, static_cast<int>(e.c.kv_lora_rank), 2);
    product.run(a, [&](Loc acc, uint32_t first, uint32_t count) {
      e.send(e.sharers(w.output.tiles), e.value, value_lines, (head * head_tiles + first) * 2, acc, count * 2, e.rows,
             count * 2);
    });
    e.b.release(m);
    t += tiles.size();
  }
  e.exchange(isa::Unit::kVx, {}, {region(e.value, static_cast<uint32_t>(e.rows) * value_lines)});
}

void emit_output(Emitter& e, const LayerWeights& w) {
  const Builder::Mark m = e.b.mark();
  const Share mine = share(w.output.tiles, e.core, e.p.cores);
  if (mine.size() > 0) {
    Matmul product(e, w.output, mine, e.rows);
    product.prefetch();
    const Activations a =
        e.quantise(Vt{e.value}, e.rows, static_cast<int>(e.p.value_columns()), e.p.options.activation_digits);
    product.run(a, [&](Loc acc, uint32_t first, uint32_t tiles) {
      e.send_to_residual(e.delta, first * 2, acc, tiles * 2, tiles * 2);
    });
  }
  e.b.release(m);
  e.add_residual(e.delta);
}

void emit_lm_head(Emitter& e, uint64_t norm, const PanelMatrix& w) {
  const Builder::Mark m = e.b.mark();
  const Share mine = share(w.tiles, e.core, e.p.cores);
  Matmul product(e, w, mine, e.rows);
  product.prefetch();
  e.share_normal(norm, 2, false);
  if (mine.size() == 0) return;
  e.normalise(norm);
  const Activations a = e.normal(2);
  product.run(a, [&](Loc acc, uint32_t first, uint32_t tiles) {
    const auto lines = static_cast<int>(tiles * 2);
    if (w.tiles * 2 <= kMaxDramStride) {
      e.b.st(e.b.dram(e.p.areas.logits + first * 2), acc, e.rows, lines, lines, static_cast<int>(w.tiles * 2),
             Object::kLogits);
      return;
    }
    for (uint32_t r = 0; r < static_cast<uint32_t>(e.rows); ++r) {
      e.b.st(e.b.dram(e.p.areas.logits + r * w.tiles * 2 + first * 2), acc + r * tiles * 2, 1, lines, 0, 0,
             Object::kLogits);
    }
  });
  e.b.release(m);
}

}  // namespace hadal::kernels
