// The linear operators around attention: down and up projections, absorption, output, logits; and the embedding.
#include "kernels/emitter.h"

namespace hadal::kernels {
namespace {

constexpr Cores kOwners = 0;  // as readers: each row goes to its owner

Access region(Loc at, uint32_t lines) { return {Space::kSpm, at.line, lines, true}; }

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
    if (readers == kOwners) {
      e.send_to_owners(buffer, buffer_row_lines, first * 2, acc, tiles * 2, tiles * 2);
    } else {
      e.send(readers, buffer, buffer_row_lines, first * 2, acc, tiles * 2, e.rows, tiles * 2);
    }
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
  const size_t kept = readers == kOwners ? e.own_rows.size() : static_cast<size_t>(e.rows);
  e.exchange(isa::Unit::kVx, {}, {region(buffer, static_cast<uint32_t>(kept) * buffer_row_lines)});
  e.b.release(m);
}

Access object(Object o, bool write) { return {Space::kObject, static_cast<uint32_t>(o), 1, write}; }

// Owners normalise the compressed queries of their rows and send digits; the heads go to DRAM, from where each core
// takes what it works on.
void stream_q_up(Emitter& e, const LayerWeights& w, uint32_t q_row) {
  const Builder::Mark m = e.b.mark();
  const auto rank = static_cast<int>(e.c.q_lora_rank);
  const int digits = e.p.options.activation_digits;
  const Share mine = share(w.q_up.tiles, e.core, e.p.cores);
  Matmul product(e, w.q_up, mine, e.rows);
  product.prefetch();
  for (size_t i = 0; i < e.own_rows.size(); ++i) {
    const Builder::Mark inner = e.b.mark();
    const Vt normal{e.b.spm(lines_of(rank))};
    const Vt compressed{e.qkv + static_cast<uint32_t>(i) * lines_of(e.p.qkv_columns())};
    e.rms_norm(normal, compressed, w.q_norm, kInvQRank, 1, rank);
    e.share_digits(normal, rank, digits, static_cast<uint32_t>(e.own_rows[i]), e.sharers(w.q_up.tiles), e.query_digits,
                   e.query_scales);
    e.b.release(inner);
  }
  const auto groups = static_cast<uint32_t>(rank / 128), rows = static_cast<uint32_t>(e.rows);
  e.exchange(isa::Unit::kVx, {},
             {region(e.query_digits, static_cast<uint32_t>(digits) * groups * rows * 2),
              region(e.query_scales, rows * (groups + 15) / 16)});
  if (mine.size() > 0) {
    product.run(e.shared_digits(e.query_digits, e.query_scales, rank, digits),
                [&](Loc acc, uint32_t first, uint32_t tiles) {
                  e.store_rows(e.p.areas.heads + first * 2, q_row, acc, tiles * 2, tiles * 2, Object::kHeads);
                });
  }
  e.exchange(isa::Unit::kLd, {object(Object::kHeads, false)}, {object(Object::kHeads, true)});
  e.b.release(m);
}

// Values of whole groups of 128 columns, so that who makes them can send digits.
void stream_value_up(Emitter& e, const LayerWeights& w) {
  constexpr uint32_t kTiles = 4, kLines = 8;  // of a group
  const auto heads = static_cast<uint32_t>(e.c.num_attention_heads), rows = static_cast<uint32_t>(e.rows);
  const uint32_t latent = lines_of(e.c.kv_lora_rank), of_head = w.value_up[0].tiles / kTiles;
  const auto digits = static_cast<uint32_t>(e.p.options.activation_digits);
  const uint32_t groups = heads * of_head, plane = groups * rows * 2,
                 scale_lines = static_cast<uint32_t>((e.rows + 15) / 16);
  const Share mine = share(groups, e.core, e.p.cores);
  const Cores readers = e.sharers(w.output.tiles);
  const Builder::Mark all = e.b.mark();
  const Loc inputs[2] = {e.b.spm(rows * latent), e.b.spm(rows * latent)};
  for (uint32_t g = mine.first; g < mine.last; ++g) {
    const uint32_t head = g / of_head, first_tile = g % of_head * kTiles;
    const Builder::Mark m = e.b.mark();
    Matmul product(e, w.value_up[head], {first_tile, first_tile + kTiles}, e.rows);
    product.prefetch();
    const Loc u = inputs[g % 2];
    e.load_rows(u, latent, e.p.areas.attention + head * latent, heads * latent, latent, Object::kAttention);
    const Activations a = e.quantise(Vt{u}, e.rows, static_cast<int>(e.c.kv_lora_rank), 2);
    const Loc values = e.b.spm(rows * kLines);
    product.run(a, [&](Loc acc, uint32_t first, uint32_t count) {
      e.b.prm(isa::Prm::kCopy, Vt{values + (first - first_tile) * 2, 0, kLines}, Vt{acc, 0, count * 2}, e.rows,
              static_cast<int>(count) * 32);
    });
    const Activations out = e.reserve(e.rows, 128, static_cast<int>(digits));
    // Whole lines of scales are sent.
    if (e.rows % 16 != 0) e.b.fill(Vt{Loc{out.scale_word / 16}}, 0.0f, 1, static_cast<int>(scale_lines) * 16);
    e.quantise_into(out, Vt{values}, 128);
    for (uint32_t digit = 0; digit < digits; ++digit) {
      e.send(readers, e.value_digits, 0, digit * plane + g * rows * 2, out.d + digit * out.low, rows * 2, 1, 0);
    }
    e.send(readers, e.value_scales, 0, g * scale_lines, Loc{out.scale_word / 16}, scale_lines, 1, 0);
    e.b.release(m);
  }
  e.b.release(all);
  e.exchange(isa::Unit::kVx, {},
             {region(e.value_digits, digits * plane), region(e.value_scales, groups * scale_lines)});
}

Activations streamed_values(const Emitter& e) {
  Activations a;
  a.groups = static_cast<int>(e.p.value_columns() / 128);
  a.rows = e.rows;
  a.digits = e.p.options.activation_digits;
  a.d = e.value_digits;
  a.low = static_cast<uint32_t>(a.groups * a.rows * 2);
  a.scale_word = e.value_scales.line * 16;
  a.scale_group = static_cast<uint32_t>((e.rows + 15) / 16) * 16;
  return a;
}

}  // namespace

// The owner of a row fetches it; 48 cores reading one DRAM row at once would queue on its channel.
void emit_embed(Emitter& e) {
  const uint32_t lines = lines_of(e.c.hidden_size);
  for (size_t i = 0; i < e.own_rows.size(); ++i) {
    const Builder::Mark m = e.b.mark();
    const Loc token = e.records + static_cast<uint32_t>(i) * 4 + 3;
    const Loc bf16 = e.b.spm(e.p.embed_lines), row = e.by_owner ? e.own_x(i).at : e.b.spm(lines);
    e.fetch_embedding(bf16, token);
    by_columns(static_cast<int>(e.c.hidden_size), [&](int first, int count) {
      const auto at = static_cast<uint32_t>(first);
      e.b.cvt(isa::Cvt::kB2f, Vt{row + at / 16}, Vt{bf16 + at / 32}, 1, count);
    });
    e.send_row_to_residual(i, row);
    e.b.release(m);
  }
  e.end_rows_to_residual();
}

void emit_qkv_down(Emitter& e, const LayerWeights& w) {
  const Cores readers = e.streams() ? kOwners : e.row_cores() | (e.c.q_lora_rank > 0 ? e.sharers(w.q_up.tiles) : 0);
  project_residual(e, w.input_norm, w.qkv_down, readers, e.qkv,
                   lines_of(e.c.q_lora_rank + e.c.kv_lora_rank + e.c.qk_rope_head_dim));
}

void emit_qkv(Emitter& e, const LayerWeights& w) {
  project_residual(e, w.input_norm, w.qkv, e.head_cores(), e.qkv, lines_of(e.p.qkv_columns()), w.qkv_bias);
}

// Without compression of the queries they come from the residual, as the latents do.
void emit_q_up(Emitter& e, const LayerWeights& w) {
  const auto rank = static_cast<int>(e.c.q_lora_rank);
  const uint32_t q_row = lines_of(e.c.num_attention_heads * (e.c.qk_nope_head_dim + e.c.qk_rope_head_dim));
  if (e.streams()) return stream_q_up(e, w, q_row);
  const Cores readers = e.head_cores() | e.sharers(static_cast<uint32_t>(e.c.num_attention_heads) * w.key_up[0].tiles);
  if (rank == 0) return project_residual(e, w.input_norm, w.q_up, readers, e.q, q_row, 0, true);
  const Builder::Mark m = e.b.mark();
  const Share mine = share(w.q_up.tiles, e.core, e.p.cores);
  if (mine.size() > 0) {
    Matmul product(e, w.q_up, mine, e.rows);
    product.prefetch();
    const Vt cq{e.qkv, 0, lines_of(rank + e.c.kv_lora_rank + e.c.qk_rope_head_dim)};
    const Vt normal{e.b.spm(static_cast<uint32_t>(e.rows) * lines_of(rank))};
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
  const uint32_t head_lines = lines_of(e.c.qk_nope_head_dim + e.c.qk_rope_head_dim);
  const uint32_t row = lines_of(heads * e.c.kv_lora_rank);
  const Share mine = share(heads * head_tiles, e.core, e.p.cores);
  const Builder::Mark all = e.b.mark();
  // Of two heads in turn, so that one loads while the other is worked on.
  const Loc queries = e.b.spm(e.streams() ? 2 * static_cast<uint32_t>(e.rows) * lines_of(e.c.qk_nope_head_dim) : 0);
  for (uint32_t t = mine.first; t < mine.last;) {
    const uint32_t head = t / head_tiles;
    const Share tiles{t % head_tiles, std::min(head_tiles, t % head_tiles + mine.last - t)};
    const Builder::Mark m = e.b.mark();
    Matmul product(e, w.key_up[head], tiles, e.rows);
    product.prefetch();
    Vt nope{e.q + head * head_lines, 0, heads * head_lines};
    if (e.streams()) {
      const uint32_t lines = lines_of(e.c.qk_nope_head_dim);
      nope = Vt{queries + (head - mine.first / head_tiles) % 2 * static_cast<uint32_t>(e.rows) * lines};
      e.load_rows(nope.at, lines, e.p.areas.heads + head * head_lines, heads * head_lines, lines, Object::kHeads);
    }
    const Activations a = e.quantise(nope, e.rows, static_cast<int>(e.c.qk_nope_head_dim), 2);
    product.run(a, [&](Loc acc, uint32_t first, uint32_t count) {
      const uint64_t line = e.p.areas.query + head * lines_of(e.c.kv_lora_rank) + first * 2;
      e.store_rows(line, row, acc, count * 2, count * 2, Object::kQuery);
    });
    e.b.release(m);
    t += tiles.size();
  }
  e.b.release(all);
  e.exchange(isa::Unit::kLd, {object(Object::kQuery, false), object(Object::kKv, false)},
             {object(Object::kQuery, true), object(Object::kKv, true)});
}

void emit_value_up(Emitter& e, const LayerWeights& w) {
  if (e.streams()) return stream_value_up(e, w);
  const auto heads = static_cast<uint32_t>(e.c.num_attention_heads);
  const uint32_t head_tiles = w.value_up[0].tiles;
  const uint32_t latent = lines_of(e.c.kv_lora_rank), value_lines = lines_of(heads * e.c.v_head_dim);
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
    const Activations a = e.streams() ? streamed_values(e)
                                      : e.quantise(Vt{e.value}, e.rows, static_cast<int>(e.p.value_columns()),
                                                   e.p.options.activation_digits);
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
