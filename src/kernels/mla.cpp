// Multi-head latent attention in the absorbed form: cache rows, and what attention makes of a tile of them.
#include <algorithm>

#include "kernels/attention.h"

namespace hadal::kernels {
namespace {

using isa::Alu;
using isa::Bc;

// Digits and scales of a tile of cached tokens, ready for the matrix unit.
struct KeyTile {
  Loc latent;              // digits of the latents, token-major
  uint32_t row = 0;        // lines from one token to the next
  uint32_t low = 0;        // lines to the low digits (BF16 cache)
  Loc scales;              // line of token 0's scales; in the FP8 cache part of the row
  uint32_t scale_row = 0;  // words from token to token
  Loc rope;                // FP8 cache: two digit planes of the BF16 rope part, one line a token
  uint32_t rope_scale_word = 0;
};

class LatentAttention : public AttentionPass {
 public:
  LatentAttention(Emitter& emitter, int layer)
      : AttentionPass(emitter, static_cast<int>(emitter.c.num_attention_heads) / emitter.head_groups,
                      static_cast<int>(emitter.c.kv_lora_rank),
                      emitter.p.areas.kv + static_cast<uint64_t>(layer) * emitter.p.areas.kv_layer_lines),
        bf16_(emitter.p.options.kv_format == KvFormat::kBf16),
        heads_(queries_),
        latent_(values_),
        rope_(static_cast<int>(emitter.c.qk_rope_head_dim)),
        blocks_(latent_ / 128) {}

  // The heads of one group for one row.
  void row(const Emitter::HeadRow& own) {
    const int r = e_.record_rows[static_cast<size_t>(own.record)];
    first_head_ = static_cast<uint32_t>(r * e_.head_groups + own.head) * static_cast<uint32_t>(heads_);
    run(own.record, [&](Vt u) {
      const auto lines = static_cast<int>(static_cast<uint32_t>(heads_) * lines_of(latent_));
      constexpr int kMost = 2048;  // lines of a transfer
      for (int at = 0; at < lines; at += kMost) {
        const auto from = static_cast<uint32_t>(at);
        b_.st(b_.dram(e_.p.areas.attention + first_head_ * lines_of(latent_) + from), u.at + from, 1,
              std::min(kMost, lines - at), 0, 0, Object::kAttention);
      }
    });
  }

 private:
  // Absorbed query and rotated rope query, scaled for base-2 softmax, as digits. The FP8 cache keeps the rope part in
  // BF16, so it is a product of its own; the BF16 cache is one run of groups.
  void reserve_query() override {
    const auto h = static_cast<uint32_t>(heads_);
    if (bf16_) {
      query_ = e_.reserve(heads_, latent_ + rope_, 2);
    } else {
      query_ = e_.reserve(heads_, latent_, 2);
      rope_query_ = {b_.spm(2 * h), h, b_.spm(lines_of(heads_)).line * 16, heads_, 1, 2};
    }
  }

  void load_query(int index) override {
    const auto h = static_cast<uint32_t>(heads_);
    const uint32_t latent_lines = lines_of(latent_), rope_lines = lines_of(rope_);
    const uint32_t row = latent_lines + rope_lines;
    const Builder::Mark m = b_.mark();
    const Loc all = b_.spm(h * row);
    b_.ld(all, b_.dram(e_.p.areas.query + first_head_ * latent_lines), heads_, static_cast<int>(latent_lines),
          static_cast<int>(latent_lines), static_cast<int>(row), Object::kQuery);
    const uint32_t head_lines = lines_of(e_.c.qk_nope_head_dim + rope_);
    const uint32_t behind = first_head_ * head_lines + lines_of(e_.c.qk_nope_head_dim);
    Vt rope_query{e_.q + behind, 0, head_lines};
    if (e_.streams()) {
      rope_query = Vt{b_.spm(h * rope_lines), 0, rope_lines};
      b_.ld(rope_query.at, b_.dram(e_.p.areas.heads + behind), heads_, static_cast<int>(rope_lines),
            static_cast<int>(head_lines), static_cast<int>(rope_lines), Object::kHeads);
    }
    const Vt rotated{all + latent_lines, 0, row};
    rope(e_, rotated, rope_query, e_.rope + static_cast<uint32_t>(index) * e_.p.rope_lines, heads_, rope_);
    b_.alu(Alu::kMul, Vt{all}, Vt{all}, e_.scalar(kQueryScale), Bc::kScalar, heads_, latent_ + rope_);
    e_.quantise_into(query_, Vt{all, 0, row}, bf16_ ? latent_ + rope_ : latent_);
    b_.release(m);
    if (bf16_) return;
    b_.qnt({.d = rope_query_.d, .row = 1, .low = h, .scale_word = rope_query_.scale_word}, rotated, heads_, rope_, 2,
           64);
  }

  void reserve_tile() override {
    const auto t = static_cast<uint32_t>(tile_);
    if (bf16_) {
      const auto k = static_cast<uint32_t>(blocks_ + 1) * 2;
      key_digits_ = b_.spm(t * k * 2);
      key_scales_ = b_.spm(t);
    } else {
      key_digits_ = b_.spm(t * 2);
      key_scales_ = b_.spm(lines_of(tile_));
    }
    const auto h = static_cast<uint32_t>(heads_);
    const uint32_t columns = t / 16;
    value_scales_ = Vt{b_.spm(static_cast<uint32_t>(blocks_) * columns)};
    weighted_ = Vt{b_.spm(static_cast<uint32_t>(blocks_) * h * columns)};
    weights_ = b_.spm(static_cast<uint32_t>(blocks_) * h * 4);
    weight_scales_ = b_.spm(lines_of(blocks_ * heads_));
  }

  KeyTile prepare(Loc cache) {
    KeyTile k;
    const auto t = static_cast<uint32_t>(tile_);
    if (bf16_) {
      k.row = static_cast<uint32_t>(blocks_ + 1) * 2;
      k.latent = key_digits_;
      k.low = t * k.row;
      k.scales = key_scales_;
      k.scale_row = 16;
      b_.qnt({.d = key_digits_,
              .row = k.row,
              .block = 2,
              .low = k.low,
              .scale_word = key_scales_.line * 16,
              .scale_row = 16,
              .scale_group = 1},
             Vt{cache, 0, row_lines_, true}, tile_, latent_ + rope_, 2, 128);
      b_.prm(isa::Prm::kTranspose, value_scales_, Vt{key_scales_, 0, 1}, tile_, blocks_);
      return k;
    }
    // Row of the cache: latent digits, one FP32 scale a block, BF16 rope.
    const Loc tail = cache + lines_of(latent_ / 4);
    k.latent = cache;
    k.row = row_lines_;
    k.scales = tail;
    k.scale_row = row_lines_ * 16;
    k.rope = key_digits_;
    k.low = t;
    k.rope_scale_word = key_scales_.line * 16;
    b_.qnt({.d = k.rope, .row = 1, .low = t, .scale_word = k.rope_scale_word},
           Vt{tail, static_cast<uint32_t>(blocks_), row_lines_, true}, tile_, rope_, 2, 64);
    b_.prm(isa::Prm::kTranspose, value_scales_, Vt{tail, 0, row_lines_}, tile_, blocks_);
    return k;
  }

  void scores(const KeyTile& k) {
    using namespace isa::cfg;
    b_.mcfg(kARs, 0);
    b_.mcfg(kAGs, 0);
    b_.mcfg(kADs, query_.low);
    b_.mcfg(kBNs, k.row);
    b_.mcfg(kBGs, 2);
    b_.mcfg(kBDs, k.low);
    b_.mcfg(kSa, query_.scale_word);
    b_.mcfg(kSaG, 0);
    if (k.scales.areg != 0) {
      b_.mcfg_from(kSb, k.scales.areg, 4, k.scales.line * 16);
    } else {
      b_.mcfg(kSb, k.scales.line * 16);
    }
    b_.mcfg(kSbSh, 0);
    b_.mcfg(kSbN, k.scale_row);
    b_.mcfg(kSbG, 1);
    b_.mcfg(kCRs, static_cast<uint32_t>(tile_) / 16);
    const uint8_t two = bf16_ ? isa::flag::kDb : uint8_t{0};
    b_.mma(scores_, query_.d, k.latent, heads_, tile_ / 32, query_.groups,
           static_cast<uint8_t>(isa::flag::kClr | isa::flag::kBr | isa::flag::kDa | two));
    if (bf16_) return;
    b_.mcfg(kARs, 1);
    b_.mcfg(kADs, rope_query_.low);
    b_.mcfg(kBNs, 1);
    b_.mcfg(kSa, rope_query_.scale_word);
    b_.mcfg(kSb, k.rope_scale_word);
    b_.mcfg(kSbN, 1);
    b_.mma(scores_, rope_query_.d, k.rope, heads_, tile_ / 32, 1,
           static_cast<uint8_t>(isa::flag::kBr | isa::flag::kDa | isa::flag::kDb | 1u << isa::flag::kGroupShift));
  }

  // The scale of V varies along the contraction, so it is folded into the probabilities: one variant a latent block.
  void accumulate(const KeyTile& k) {
    using namespace isa::cfg;
    const auto h = static_cast<uint32_t>(heads_), columns = static_cast<uint32_t>(tile_) / 16;
    for (uint32_t block = 0; block < static_cast<uint32_t>(blocks_); ++block) {
      b_.alu(Alu::kMul, Vt{weighted_.at + block * h * columns}, probability_, Vt{value_scales_.at + block * columns},
             Bc::kRow, heads_, tile_);
    }
    const uint32_t plane = static_cast<uint32_t>(blocks_) * h * 2;
    b_.qnt({.d = weights_, .low = plane, .scale_word = weight_scales_.line * 16}, weighted_, blocks_ * heads_, tile_, 2,
           tile_);
    b_.mcfg(kARs, 0);
    b_.mcfg(kADs, plane);
    b_.mcfg(kBNs, k.row);
    b_.mcfg(kBGs, 0);
    b_.mcfg(kBDs, k.low);
    b_.mcfg(kSb, e_.scalar_word(kOne));
    b_.mcfg(kSbSh, 31);
    b_.mcfg(kSbN, 0);
    b_.mcfg(kAl, alpha_.at.line * 16);
    b_.mcfg(kCRs, lines_of(latent_));
    const uint8_t two = bf16_ ? isa::flag::kDb : uint8_t{0};
    for (uint32_t block = 0; block < static_cast<uint32_t>(blocks_); ++block) {
      b_.mcfg(kSa, weight_scales_.line * 16 + block * h);
      b_.mma(output_ + block * 8, weights_ + block * h * 2, k.latent + block * 2, heads_, 4, 1,
             static_cast<uint8_t>(isa::flag::kRsc | isa::flag::kBt | isa::flag::kDa | two | group_flag_));
    }
  }

  void tile_pass(Loc cache) override {
    const KeyTile k = prepare(cache);
    scores(k);
    softmax();
    accumulate(k);
  }

  const bool bf16_;
  const int heads_, latent_, rope_, blocks_;  // heads: of a group
  uint32_t first_head_ = 0;                   // of the row and group at work, counted over all rows
  Activations query_, rope_query_;
  Loc key_digits_, key_scales_, weights_, weight_scales_;
  Vt value_scales_, weighted_;
};

}  // namespace

void emit_latent_kv_write(Emitter& e, const LayerWeights& w, int layer) {
  const auto latent = static_cast<int>(e.c.kv_lora_rank), rope_dim = static_cast<int>(e.c.qk_rope_head_dim);
  const uint32_t row = lines_of(e.c.q_lora_rank + latent + rope_dim);
  const uint64_t base = e.p.areas.kv + static_cast<uint64_t>(layer) * e.p.areas.kv_layer_lines;
  for (size_t i = 0; i < e.own_rows.size(); ++i) {
    const Builder::Mark m = e.b.mark();
    const auto at = e.streams() ? static_cast<uint32_t>(i) : static_cast<uint32_t>(e.record_rows[i]);
    const Loc source = e.qkv + at * row + lines_of(e.c.q_lora_rank);
    const Vt normal{e.b.spm(lines_of(latent))}, key{e.b.spm(lines_of(rope_dim))};
    const Loc line = e.b.spm(e.p.kv_row_lines);
    e.rms_norm(normal, Vt{source}, w.kv_norm, kInvKvRank, 1, latent);
    rope(e, key, Vt{source + lines_of(latent)}, e.rope + static_cast<uint32_t>(i) * e.p.rope_lines, 1, rope_dim);
    if (e.p.options.kv_format == KvFormat::kBf16) {
      e.b.cvt(isa::Cvt::kF2b, Vt{line}, normal, 1, latent);
      e.b.cvt(isa::Cvt::kF2b, Vt{line + lines_of(latent / 2)}, key, 1, rope_dim);
    } else {
      const Loc tail = line + lines_of(latent / 4);
      const uint32_t tail_lines = e.p.kv_row_lines - lines_of(latent / 4);
      e.b.fill(Vt{tail}, 0.0f, 1, static_cast<int>(tail_lines * 16));
      e.b.qnt({.d = line,
               .row = e.p.kv_row_lines,
               .block = 2,
               .scale_word = tail.line * 16,
               .scale_row = e.p.kv_row_lines * 16,
               .scale_group = 1},
              normal, 1, latent, 1, 128);
      e.b.cvt(isa::Cvt::kF2b, Vt{tail, static_cast<uint32_t>(latent / 128)}, key, 1, rope_dim);
    }
    e.b.stg(e.b.dram(base), e.records + static_cast<uint32_t>(i) * 4 + 1, line, 1, static_cast<int>(e.p.kv_row_lines),
            e.p.kv_row_lines, Object::kKv);
    e.b.release(m);
  }
}

void emit_latent_attention(Emitter& e, int layer) {
  LatentAttention attention(e, layer);
  for (const Emitter::HeadRow& own : e.own_heads) attention.row(own);
  e.exchange(isa::Unit::kLd, {{Space::kObject, static_cast<uint32_t>(Object::kAttention), 1, false}},
             {{Space::kObject, static_cast<uint32_t>(Object::kAttention), 1, true}});
}

}  // namespace hadal::kernels
