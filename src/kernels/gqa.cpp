// Grouped-query attention. A cache row is one key and one value of one token and head: [K | V] digits in E4M3, with a
// second plane of low digits behind it unless the cache is FP8, then a line with their scales. A core handles pairs of
// a row and a key head, with all the queries that share the head.
#include <algorithm>

#include "kernels/attention.h"

namespace hadal::kernels {
namespace {

using isa::Alu;
using isa::Bc;

// Where the heads of a row lie in the buffer of projections, and how a head lies in the cache.
struct Shape {
  explicit Shape(const Emitter& e)
      : heads(static_cast<int>(e.c.num_attention_heads)),
        kv_heads(static_cast<int>(e.c.num_key_value_heads)),
        group(heads / kv_heads),
        dim(static_cast<int>(e.c.head_dim)),
        padded(static_cast<int>(e.p.head_columns)),
        head_lines(lines_of(padded)),
        row_lines(static_cast<uint32_t>(heads + 2 * kv_heads) * head_lines),
        code_lines(static_cast<uint32_t>(padded) / 64),
        digits(e.p.options.kv_format == KvFormat::kFp8 ? 1 : 2) {}

  const int heads, kv_heads, group, dim, padded;
  const uint32_t head_lines, row_lines;  // FP32
  const uint32_t code_lines;             // of a digit plane of one vector
  const int digits;                      // of the cache
  uint32_t scale_line() const { return 2 * code_lines * static_cast<uint32_t>(digits); }
  int scale_group() const { return std::min(padded, 128); }
  int blocks() const { return padded / scale_group(); }
  // Head `head` of all: queries, then keys, then values.
  Loc at(const Emitter& e, int row, int head) const {
    return e.qkv + static_cast<uint32_t>(row) * row_lines + static_cast<uint32_t>(head) * head_lines;
  }
  uint64_t cache(const Emitter& e, int layer, int kv_head) const {
    return e.p.areas.kv + static_cast<uint64_t>(layer) * e.p.areas.kv_layer_lines +
           static_cast<uint64_t>(kv_head) * e.p.areas.kv_head_lines;
  }
};

// d = RoPE(norm(x)), norm where the model has one; columns past the head's own are zero.
void normalise_and_rotate(Emitter& e, const Shape& s, Vt d, Loc x, uint64_t norm, int record, int rows) {
  const Builder::Mark m = e.b.mark();
  if (s.dim != s.padded) e.b.fill(d, 0.0f, rows, s.padded);
  Vt source{x, 0, s.head_lines};
  if (norm != 0) {
    const Vt normal{e.b.spm(static_cast<uint32_t>(rows) * s.head_lines), 0, s.head_lines};
    e.rms_norm(normal, source, norm, kInvHeadDim, rows, s.dim);
    source = normal;
  }
  rope(e, d, source, e.rope + static_cast<uint32_t>(record) * e.p.rope_lines, rows, s.dim);
  e.b.release(m);
}

class GroupedAttention : public AttentionPass {
 public:
  GroupedAttention(Emitter& emitter, const LayerWeights& w, int layer, int kv_head)
      : AttentionPass(emitter, Shape(emitter).group, Shape(emitter).padded,
                      Shape(emitter).cache(emitter, layer, kv_head)),
        s_(emitter),
        w_(w),
        kv_head_(kv_head) {}

  void row(int record) {
    run(record, [&](Vt u) {
      const auto r = static_cast<uint32_t>(e_.record_rows[static_cast<size_t>(record)]);
      const uint32_t lines = static_cast<uint32_t>(s_.group) * s_.head_lines;
      const uint32_t row = static_cast<uint32_t>(s_.kv_heads) * lines;
      e_.send(e_.sharers(w_.output.tiles), e_.value, row, r * row + static_cast<uint32_t>(kv_head_) * lines, u.at,
              lines, 1, lines);
    });
  }

 private:
  void reserve_query() override {
    if (s_.padded >= 128) {
      query_ = e_.reserve(queries_, s_.padded, 2);
      return;
    }
    const auto q = static_cast<uint32_t>(queries_);
    query_ = {b_.spm(2 * q), q, b_.spm(lines_of(queries_)).line * 16, queries_, 1, 2};
  }

  void load_query(int record) override {
    const Builder::Mark m = b_.mark();
    const int r = e_.record_rows[static_cast<size_t>(record)];
    const Vt q{b_.spm(static_cast<uint32_t>(queries_) * s_.head_lines), 0, s_.head_lines};
    normalise_and_rotate(e_, s_, q, s_.at(e_, r, kv_head_ * s_.group), w_.query_norm, record, queries_);
    b_.alu(Alu::kMul, q, q, e_.scalar(kQueryScale), Bc::kScalar, queries_, s_.padded);
    if (s_.padded >= 128) {
      e_.quantise_into(query_, q, s_.padded);
    } else {
      b_.qnt({.d = query_.d, .row = 1, .low = query_.low, .scale_word = query_.scale_word}, q, queries_, s_.padded, 2,
             64);
    }
    b_.release(m);
  }

  void reserve_tile() override {
    const auto q = static_cast<uint32_t>(queries_), blocks = static_cast<uint32_t>(s_.blocks());
    const uint32_t columns = static_cast<uint32_t>(tile_) / 16;
    value_scales_ = Vt{b_.spm(blocks * columns)};
    weighted_ = Vt{b_.spm(blocks * q * columns)};
    weights_ = b_.spm(blocks * q * 4);
    weight_scales_ = b_.spm(lines_of(s_.blocks() * queries_));
  }

  void tile_pass(Loc cache) override {
    scores(cache);
    softmax();
    accumulate(cache);
  }

  void scores(Loc cache) {
    using namespace isa::cfg;
    const bool narrow = s_.padded < 128;
    const Loc scales = cache + s_.scale_line();
    b_.mcfg(kARs, narrow ? 1 : 0);
    b_.mcfg(kAGs, 0);
    b_.mcfg(kADs, query_.low);
    b_.mcfg(kBNs, row_lines_);
    b_.mcfg(kBGs, 2);
    b_.mcfg(kBDs, 2 * s_.code_lines);
    b_.mcfg(kSa, query_.scale_word);
    b_.mcfg(kSaG, 0);
    if (scales.areg != 0) {
      b_.mcfg_from(kSb, scales.areg, 4, scales.line * 16);
    } else {
      b_.mcfg(kSb, scales.line * 16);
    }
    b_.mcfg(kSbSh, 0);
    b_.mcfg(kSbN, row_lines_ * 16);
    b_.mcfg(kSbG, 2);
    b_.mcfg(kCRs, static_cast<uint32_t>(tile_) / 16);
    b_.mma(scores_, query_.d, cache, queries_, tile_ / 32, s_.blocks(),
           static_cast<uint8_t>(isa::flag::kClr | isa::flag::kBr | isa::flag::kDa | low_digits() |
                                (narrow ? 1u << isa::flag::kGroupShift : 0u)));
  }

  // A value's scale varies along the contraction, so it is folded into the probabilities: one variant a block.
  void accumulate(Loc cache) {
    using namespace isa::cfg;
    const auto q = static_cast<uint32_t>(queries_), blocks = static_cast<uint32_t>(s_.blocks());
    const uint32_t columns = static_cast<uint32_t>(tile_) / 16;
    for (uint32_t block = 0; block < blocks; ++block) {
      const Vt scale{value_scales_.at + block * columns};
      b_.prm(isa::Prm::kTranspose, scale, Vt{cache + s_.scale_line(), 1 + 2 * block, row_lines_}, tile_, 1);
      b_.alu(Alu::kMul, Vt{weighted_.at + block * q * columns}, probability_, scale, Bc::kRow, queries_, tile_);
    }
    const uint32_t plane = blocks * q * 2;
    b_.qnt({.d = weights_, .low = plane, .scale_word = weight_scales_.line * 16}, weighted_, s_.blocks() * queries_,
           tile_, 2, tile_);
    b_.mcfg(kARs, 0);
    b_.mcfg(kADs, plane);
    b_.mcfg(kBNs, row_lines_);
    b_.mcfg(kBGs, 0);
    b_.mcfg(kBDs, 2 * s_.code_lines);
    b_.mcfg(kSb, e_.scalar_word(kOne));
    b_.mcfg(kSbSh, 31);
    b_.mcfg(kSbN, 0);
    b_.mcfg(kAl, alpha_.at.line * 16);
    b_.mcfg(kCRs, s_.head_lines);
    for (uint32_t block = 0; block < blocks; ++block) {
      b_.mcfg(kSa, weight_scales_.line * 16 + block * q);
      b_.mma(output_ + block * 8, weights_ + block * q * 2, cache + s_.code_lines + block * 2, queries_,
             s_.scale_group() / 32, 1,
             static_cast<uint8_t>(isa::flag::kRsc | isa::flag::kBt | isa::flag::kDa | low_digits() | group_flag_));
    }
  }

  uint8_t low_digits() const { return s_.digits == 2 ? isa::flag::kDb : uint8_t{0}; }

  const Shape s_;
  const LayerWeights& w_;
  const int kv_head_;
  Activations query_;
  Loc weights_, weight_scales_;
  Vt value_scales_, weighted_;
};

}  // namespace

void emit_grouped_kv_write(Emitter& e, const LayerWeights& w, int layer) {
  const Shape s(e);
  for (const Emitter::HeadRow& pair : e.own_heads) {
    const Builder::Mark m = e.b.mark();
    const int r = e.record_rows[static_cast<size_t>(pair.record)];
    const Loc both = e.b.spm(2 * s.head_lines), line = e.b.spm(e.p.kv_row_lines);
    const Loc scales = line + s.scale_line();
    normalise_and_rotate(e, s, Vt{both}, s.at(e, r, s.heads + pair.head), w.key_norm, pair.record, 1);
    e.b.prm(isa::Prm::kCopy, Vt{both + s.head_lines}, Vt{s.at(e, r, s.heads + s.kv_heads + pair.head)}, 1, s.padded);
    e.b.fill(Vt{scales}, 0.0f, 1, 16);
    e.b.qnt({.d = line,
             .row = s.code_lines,
             .block = 2,
             .low = 2 * s.code_lines,
             .scale_word = scales.line * 16,
             .scale_row = 1,
             .scale_group = 2},
            Vt{both}, 2, s.padded, s.digits, s.scale_group());
    e.b.stg(e.b.dram(s.cache(e, layer, pair.head)), e.records + static_cast<uint32_t>(pair.record) * 4 + 1, line, 1,
            static_cast<int>(e.p.kv_row_lines), e.p.kv_row_lines, Object::kKv);
    e.b.release(m);
  }
  const Access cached{Space::kObject, static_cast<uint32_t>(Object::kKv), 1, false};
  e.exchange(isa::Unit::kLd, {cached}, {{Space::kObject, static_cast<uint32_t>(Object::kKv), 1, true}});
}

void emit_grouped_attention(Emitter& e, const LayerWeights& w, int layer) {
  for (const Emitter::HeadRow& pair : e.own_heads) GroupedAttention(e, w, layer, pair.head).row(pair.record);
  const Shape s(e);
  const uint32_t lines = static_cast<uint32_t>(e.rows * s.heads) * s.head_lines;
  e.exchange(isa::Unit::kVx, {}, {{Space::kSpm, e.value.line, lines, true}});
}

}  // namespace hadal::kernels
