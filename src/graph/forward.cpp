// The task list of a forward step, family by family.
#include "graph/forward.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace hadal::graph {
namespace {

using model::Architecture;
using model::AttentionKind;
using model::WeightFormat;

double real(int64_t value) { return static_cast<double>(value); }

class Builder {
 public:
  Builder(const Architecture& a, const ParallelPlan& plan, const StepShape& step)
      : a_(a), plan_(plan), s_(step), rows_(step.sequences * step.queries), tp_(plan.tp) {}

  std::vector<Task> build();

 private:
  Format linear() const { return a_.linear_weights == WeightFormat::kBf16 ? Format::kBf16 : s_.matrix; }
  bool scaled(Format f) const { return f == Format::kFp8 || f == Format::kFp4; }
  // Rows whose activations a device holds outside the split products.
  double own_rows() const { return plan_.sequence_parallel ? rows_ / real(tp_) : rows_; }
  // Layers of one pipeline stage.
  double share(int64_t layers) const { return real(layers) / real(plan_.pp); }

  void add(const char* name, Part part, double repeat, auto work) {
    tasks_.push_back({name, part, repeat, std::move(work)});
  }
  void gemm(const char* name, Part part, double repeat, double m, int64_t n, int64_t k, Format f, double groups = 1,
            double out = 2) {
    add(name, part, repeat, GemmTask{m, n, k, groups, f, f, out, scaled(f), {}});
  }
  void vector(const char* name, Part part, double repeat, double rows, double read, double written, double ops,
              double specials = 0) {
    add(name, part, repeat,
        VectorTask{.read_bytes = rows * read,
                   .written_bytes = rows * written,
                   .operations = rows * ops,
                   .specials = rows * specials});
  }
  // Rotation of the rotary part of every head, which lies between elements that stay.
  void rotate(const char* name, Part part, double repeat, double rows, double width, double ops) {
    add(name, part, repeat,
        VectorTask{.read_bytes = 2 * rows * width,
                   .written_bytes = 2 * rows * width,
                   .operations = ops * rows * width,
                   .pieces = true});
  }
  void exchange(const char* name, Part part, double repeat, ExchangeTask task) { add(name, part, repeat, task); }
  bool apart() const { return s_.library_kernels && linear() != Format::kBf16; }
  // Bytes of an element that goes to a product next, before it is quantised where that is a kernel of its own.
  double handed() const { return apart() ? 2 : format_bytes(linear()); }
  // RMSNorm with the residual added and, where the same kernel does it, the result quantised for the next product.
  void norm(const char* name, Part part, double repeat, double width) {
    vector(name, part, repeat, own_rows(), 4 * width, 2 * width + handed() * width, 6 * width);
  }
  // Largest element of every block, then the block divided by it.
  void quantise(const char* name, Part part, double repeat, double rows, double width) {
    if (apart()) vector(name, part, repeat, rows, 2 * width, format_bytes(linear()) * width, 4 * width);
  }
  void join(const char* name, Part part, double repeat);
  void mla(double repeat);
  void gqa(double repeat);
  void latent(int64_t ratio, double repeat);
  void index(double repeat, double keys);
  void hyper(const char* name, Part part, double repeat);
  void dense(double repeat);
  void experts(double repeat);

  const Architecture& a_;
  const ParallelPlan& plan_;
  const StepShape& s_;
  double rows_;
  int64_t tp_;
  std::vector<Task> tasks_;
};

// Sums partial results of a product split over its contraction.
void Builder::join(const char* name, Part part, double repeat) {
  if (tp_ == 1) return;
  ExchangeTask t;
  t.kind = plan_.sequence_parallel ? ExchangeKind::kReduceScatter : ExchangeKind::kAllReduce;
  t.tokens = rows_;
  t.token_bytes = 2 * real(a_.hidden);
  t.devices = tp_;
  exchange(name, part, repeat, t);
}

double mean_keys(const StepShape& s) {
  // A prefill row sees what was cached and, on average, half of the new tokens.
  return s.prefill ? s.context - s.queries + (s.queries + 1) / 2 : s.context;
}

void Builder::index(double repeat, double keys) {
  const auto part = Part::kAttention;
  gemm("index_q", part, repeat, rows_, a_.index_heads * a_.index_dim, a_.q_lora, linear());
  gemm("index_k", part, repeat, rows_, a_.index_dim + a_.index_heads, a_.hidden, Format::kBf16);
  const double width = real(a_.index_heads * a_.index_dim);
  vector("index_rope", part, repeat, rows_, 2 * width, width, 10 * width);  // rotation, Hadamard, quantise
  add("index_scores", part, repeat, IndexTask{rows_, keys, s_.sequences, a_.index_heads, a_.index_dim});
  vector("index_top", part, repeat, rows_, 8 * keys, 4 * real(a_.index_topk), 8 * keys);  // two passes of FP32 scores
}

void Builder::mla(double repeat) {
  const auto part = Part::kAttention;
  const int64_t heads = std::max<int64_t>(1, a_.heads / tp_), latent = a_.kv_lora + a_.rope_dim;
  const double cache = format_bytes(s_.cache);
  norm("attn_norm", part, repeat, real(a_.hidden));
  quantise("attn_quant", part, repeat, rows_, real(a_.hidden));
  gemm("qkv_down", part, repeat, rows_, a_.q_lora + latent, a_.hidden, linear());
  const double stored = s_.library_kernels ? 2 * real(latent) : cache * real(latent);
  vector("q_kv_norm", part, repeat, rows_, 2 * real(a_.q_lora + latent), handed() * real(a_.q_lora) + stored,
         8 * real(a_.q_lora + latent));
  if (s_.library_kernels) vector("kv_write", part, repeat, rows_, 2 * real(latent), cache * real(latent), 0);
  quantise("q_quant", part, repeat, rows_, real(a_.q_lora));
  const bool sparse = a_.index_topk > 0;
  const bool staged = plan_.heads_over > 1 && s_.prefill && !sparse;
  if (staged) {
    ExchangeTask gather;
    gather.kind = ExchangeKind::kAllGather;
    gather.devices = plan_.heads_over;
    gather.tokens = rows_ * real(gather.devices);
    gather.token_bytes = format_bytes(linear()) * real(a_.q_lora) + stored;
    exchange("latent_gather", part, repeat, gather);
  }
  gemm("q_up", part, repeat, rows_, heads * (a_.nope_dim + a_.rope_dim), a_.q_lora, linear());
  if (sparse) index(repeat, mean_keys(s_));
  AttentionTask t;
  t.sequences = s_.sequences;
  t.queries = s_.queries;
  t.keys = sparse ? real(a_.index_topk) : mean_keys(s_);  // a full list, whatever it holds
  t.heads = heads;
  t.kv_heads = 1;
  if (s_.prefill && !sparse) {
    // Expanded: keys and values of every token of the context, per head.
    quantise("kv_quant", part, repeat, s_.sequences * s_.context, real(a_.kv_lora));
    gemm("kv_up", part, repeat, s_.sequences * s_.context, heads * (a_.nope_dim + a_.v_dim), a_.kv_lora, linear());
    t.kv_heads = heads;
    t.qk_dim = a_.nope_dim + a_.rope_dim;
    t.v_dim = a_.v_dim;
    t.kv_token_bytes = 2 * real(t.qk_dim + t.v_dim);
    t.expanded = true;
    const double rotated = real(heads * a_.rope_dim);
    rotate("q_rope", part, repeat, rows_, rotated, 3);
    // Every head's own part of the keys is copied, and the shared rotary part written beside each.
    const double tokens = s_.sequences * s_.context, own = 2 * real(heads * a_.nope_dim);
    vector("k_join", part, repeat, tokens, own, own, 0);
    add("k_rope", part, repeat,
        VectorTask{
            .read_bytes = 2 * tokens * real(a_.rope_dim), .written_bytes = 2 * tokens * rotated, .pieces = true});
    add("attention", part, repeat, t);
  } else {
    gemm("q_absorb", part, repeat, rows_, a_.kv_lora, a_.nope_dim, Format::kBf16, real(heads));
    rotate("q_rope", part, repeat, rows_, real(heads * a_.rope_dim), 3);
    t.qk_dim = latent;
    t.v_dim = a_.kv_lora;
    t.shared_value = true;
    t.gathered = sparse;
    t.dequantise = s_.cache == Format::kFp8 || s_.cache == Format::kInt8;
    t.kv_token_bytes = t.dequantise ? real(a_.kv_lora) + 16 + 2 * real(a_.rope_dim) : 2 * real(latent);
    add("attention", part, repeat, t);
    gemm("v_up", part, repeat, rows_, a_.v_dim, a_.kv_lora, Format::kBf16, real(heads));
  }
  if (staged) {
    ExchangeTask back;
    back.kind = ExchangeKind::kAllToAll;
    back.devices = plan_.heads_over;
    back.tokens = rows_;
    back.token_bytes = 2 * real(heads * a_.v_dim);
    exchange("head_exchange", part, repeat, back);
  }
  if (scaled(linear()) || linear() == Format::kInt8) {
    vector("o_quant", part, repeat, rows_, 2 * real(heads * a_.v_dim), real(heads * a_.v_dim),
           3 * real(heads * a_.v_dim));
  }
  gemm("output", part, repeat, rows_, a_.hidden, heads * a_.v_dim, linear());
  join("attn_reduce", part, repeat);
}

void Builder::gqa(double repeat) {
  const auto part = Part::kAttention;
  const int64_t heads = std::max<int64_t>(1, a_.heads / tp_), kv = std::max<int64_t>(1, a_.kv_heads / tp_);
  const int64_t width = (heads + 2 * kv) * a_.head_dim;
  norm("attn_norm", part, repeat, real(a_.hidden));
  gemm("qkv", part, repeat, rows_, width, a_.hidden, linear());
  vector("qk_rope", part, repeat, rows_, 2 * real(width), 2 * real(width), 8 * real(width));
  AttentionTask t;
  t.sequences = s_.sequences;
  t.queries = s_.queries;
  t.keys = mean_keys(s_);
  t.heads = heads;
  t.kv_heads = kv;
  t.qk_dim = t.v_dim = a_.head_dim;
  t.kv_token_bytes = 2 * format_bytes(s_.cache) * real(a_.head_dim);
  t.expanded = s_.prefill;
  t.dequantise = !s_.prefill && s_.cache != Format::kBf16;
  add("attention", part, repeat, t);
  gemm("output", part, repeat, rows_, a_.hidden, heads * a_.head_dim, linear());
  join("attn_reduce", part, repeat);
}

// V4: a window of raw tokens and compressed entries, all of them (ratio 128) or the top of an index (ratio 4).
void Builder::latent(int64_t ratio, double repeat) {
  const auto part = Part::kAttention;
  const int64_t heads = std::max<int64_t>(1, a_.heads / tp_), groups = std::max<int64_t>(1, a_.o_groups / tp_);
  if (a_.hyper_connections > 0) hyper("attn_mix", part, repeat);
  norm("attn_norm", part, repeat, real(a_.hidden));
  gemm("qkv_down", part, repeat, rows_, a_.q_lora + a_.head_dim, a_.hidden, linear());
  vector("q_kv_norm", part, repeat, rows_, 2 * real(a_.q_lora + a_.head_dim), real(a_.q_lora + a_.head_dim),
         8 * real(a_.q_lora + a_.head_dim));
  gemm("q_up", part, repeat, rows_, heads * a_.head_dim, a_.q_lora, linear());
  vector("q_rope", part, repeat, rows_, 2 * real(heads * a_.head_dim), 2 * real(heads * a_.head_dim),
         6 * real(heads * a_.head_dim));
  const double all = mean_keys(s_);
  double keys = std::min(all, real(a_.window));
  if (ratio > 0) {
    const int64_t halves = ratio == 4 ? 2 : 1;
    gemm("compress", part, repeat, rows_, 2 * a_.head_dim * halves, a_.hidden, Format::kBf16);
    const double entries = all / real(ratio);
    if (ratio == 4) {
      gemm("index_compress", part, repeat, rows_, 2 * a_.index_dim * halves, a_.hidden, Format::kBf16);
      index(repeat, entries);
    }
    keys += ratio == 4 ? std::min(entries, real(a_.index_topk)) : entries;
  }
  AttentionTask t;
  t.sequences = s_.sequences;
  t.queries = s_.queries;
  t.keys = keys;
  t.heads = heads;
  t.kv_heads = 1;
  t.qk_dim = t.v_dim = a_.head_dim;
  t.shared_value = true;
  t.gathered = ratio == 4;
  t.dequantise = s_.cache == Format::kFp8;
  t.kv_token_bytes = t.dequantise ? real(a_.head_dim + a_.rope_dim) + 7 : 2 * real(a_.head_dim);
  add("attention", part, repeat, t);
  gemm("output_a", part, repeat, rows_, a_.o_lora, heads / groups * a_.head_dim, Format::kBf16, real(groups));
  gemm("output_b", part, repeat, rows_, a_.hidden, groups * a_.o_lora, linear());
  join("attn_reduce", part, repeat);
}

// mHC: the residual is `hyper_connections` streams of FP32, mixed before and after every block.
void Builder::hyper(const char* name, Part part, double repeat) {
  const double width = real(a_.hyper_connections * a_.hidden);
  vector(name, part, repeat, own_rows(), 8 * width, 4 * width, real(2 + a_.hyper_connections) * 6 * width);
}

void Builder::dense(double repeat) {
  const auto part = Part::kFeedForward;
  const int64_t inter = std::max<int64_t>(1, a_.dense_inter / tp_);
  norm("mlp_norm", part, repeat, real(a_.hidden));
  quantise("mlp_quant", part, repeat, own_rows(), real(a_.hidden));
  gemm("mlp_up", part, repeat, rows_, 2 * inter, a_.hidden, linear());
  vector("mlp_act", part, repeat, rows_, 4 * real(inter), handed() * real(inter), 4 * real(inter), real(inter));
  quantise("mlp_act_quant", part, repeat, rows_, real(inter));
  gemm("mlp_down", part, repeat, rows_, a_.hidden, inter, linear());
  join("mlp_reduce", part, repeat);
}

// Devices that a token goes to, of `ep`: as many copies of rows arrive at a device on average.
double arrivals(const Architecture& a, const ParallelPlan& plan) {
  const double devices = real(plan.ep);
  return devices * (1 - std::pow(1 - 1 / devices, real(a.experts_per_token)));
}

void Builder::experts(double repeat) {
  const auto part = Part::kFeedForward;
  const double hidden = real(a_.hidden), inter = real(a_.moe_inter);
  const Format expert = a_.expert_weights == WeightFormat::kBf16 ? Format::kBf16 : s_.expert;
  const Format activation = expert == Format::kFp4 ? Format::kFp8 : expert;
  if (a_.hyper_connections > 0) hyper("ffn_mix", part, repeat);
  norm("ffn_norm", part, repeat, hidden);
  const double rows = own_rows();  // each device routes the rows it holds
  gemm("router", part, repeat, rows, a_.experts, a_.hidden, Format::kBf16, 1, 4);
  // Groups are chosen first, then experts, the largest that is left in every round.
  const double rounds = real(a_.experts_per_token) + (a_.groups > 1 ? real(a_.group_limit) : 0);
  add("top_k", part, repeat,
      VectorTask{.read_bytes = 4 * rows * real(a_.experts),
                 .written_bytes = 8 * rows * real(a_.experts_per_token),
                 .operations = 12 * rows * real(a_.experts),
                 .specials = rows * real(a_.experts),
                 .rows = rows,
                 .rounds = rounds});
  if (a_.shared_experts > 0 && s_.shared_expert_on_rank) {
    const int64_t width = a_.shared_experts * a_.moe_inter / (plan_.tp_shared_expert ? tp_ : 1);
    quantise("shared_quant", part, repeat, rows, hidden);
    gemm("shared_up", part, repeat, rows, 2 * width, a_.hidden, linear());
    vector("shared_act", part, repeat, rows, 4 * real(width), handed() * real(width), 4 * real(width), real(width));
    quantise("shared_act_quant", part, repeat, rows, real(width));
    gemm("shared_down", part, repeat, rows, a_.hidden, width, linear());
  }
  ExchangeTask x;
  x.tokens = rows;
  x.choices = a_.experts_per_token;
  x.groups = a_.groups;
  x.group_limit = a_.group_limit;
  x.devices = plan_.ep;
  x.hot = s_.expert_rows_factor;
  x.bulk = s_.prefill;
  x.cores = s_.exchange_cores;
  const double copies = rows * s_.mean_share * real(a_.experts_per_token);  // mean of rows received
  if (plan_.ep > 1) {
    x.kind = ExchangeKind::kDispatch;
    x.token_bytes = format_bytes(activation) * hidden + (activation == Format::kBf16 ? 0 : hidden / 32);
    // Low-latency kernels quantise, copy to and from the network's buffers and add up weighted results themselves.
    add("pack", part, repeat,
        VectorTask{.read_bytes = 2 * rows * hidden,
                   .written_bytes = rows * x.token_bytes,
                   .operations = 3 * rows * hidden,
                   .inside = !x.bulk});
    exchange("dispatch", part, repeat, x);
  }
  // Experts split by TP where nothing else holds them.
  const int64_t split = plan_.ep == 1 ? tp_ : 1;
  const double here = experts_per_device(a_, plan_);
  GemmTask up;
  up.n = 2 * a_.moe_inter / split;
  up.k = a_.hidden;
  up.activation = activation;
  up.weight = expert;
  up.block_scaled = scaled(expert);
  const double received = copies * (plan_.ep == 1 && plan_.sequence_parallel ? real(tp_) : 1) * s_.expert_rows_factor;
  if (s_.expert_rows.empty()) {
    up.groups = active_experts(here, real(a_.experts), copies * real(plan_.ep));
    up.m = up.groups > 0 ? received / up.groups : 0;
  } else {
    up.group_rows = s_.expert_rows;
    up.groups = 0;
    for (const double r : up.group_rows) up.groups += active(r);
    up.m = up.groups > 0 ? received / up.groups : 0;
  }
  GemmTask down = up;
  down.n = a_.hidden;
  down.k = a_.moe_inter / split;
  // Throughput kernels deliver a row once a device; it is copied to each of its experts there, and their results are
  // added up before they go back.
  const bool permute = s_.prefill && plan_.ep > 1, copies_in = !s_.prefill && plan_.ep > 1;
  const double width = format_bytes(activation) * hidden;
  const double once = permute ? rows * s_.mean_share * arrivals(a_, plan_) : 0;
  if (permute) {
    if (s_.library_kernels) add("place", part, repeat, VectorTask{.placed = once});
    add("scatter", part, repeat, VectorTask{.read_bytes = once * width, .written_bytes = received * width});
  }
  // Low-latency kernels leave rows in buffers that the network writes and reads; cores copy them from and to there.
  if (copies_in) {
    add("unpack", part, repeat,
        VectorTask{.read_bytes = received * width, .written_bytes = received * width, .inside = true});
  }
  add("experts_up", part, repeat, up);
  vector("experts_act", part, repeat, received, 4 * inter / real(split), format_bytes(activation) * inter / real(split),
         4 * inter / real(split), inter / real(split));
  add("experts_down", part, repeat, down);
  if (permute) {
    add("gather", part, repeat,
        VectorTask{
            .read_bytes = received * 2 * hidden, .written_bytes = once * 2 * hidden, .operations = received * hidden});
  }
  if (copies_in) {
    add("send", part, repeat,
        VectorTask{.read_bytes = received * 2 * hidden, .written_bytes = received * 2 * hidden, .inside = true});
  }
  if (plan_.ep > 1) {
    x.kind = ExchangeKind::kCombine;
    x.token_bytes = 2 * hidden;
    exchange("combine", part, repeat, x);
  }
  const double parts = permute ? 1 : real(a_.experts_per_token);  // results of a token still to be added
  add("weigh", part, repeat,
      VectorTask{.read_bytes = 2 * rows * hidden * (parts + 1),
                 .written_bytes = 2 * rows * hidden,
                 .operations = 2 * rows * hidden * parts,
                 .inside = copies_in});
  if (plan_.ep == 1) join("moe_reduce", part, repeat);
  if (plan_.ep > 1 && tp_ > 1) {
    ExchangeTask g;
    g.kind = ExchangeKind::kAllGather;
    g.tokens = rows_;
    g.token_bytes = 2 * hidden;
    g.devices = tp_;
    exchange("moe_gather", part, repeat, g);
  }
}

std::vector<Task> Builder::build() {
  const double hidden = real(a_.hidden);
  vector("embed", Part::kOutside, 1 / real(plan_.pp), rows_, 2 * hidden, 2 * hidden, 0);
  if (a_.attention == AttentionKind::kLatent) {
    std::map<int64_t, int64_t> layers;
    for (int64_t i = 0; i < a_.layers; ++i) ++layers[a_.compress_ratios[static_cast<size_t>(i)]];
    for (const auto& [ratio, count] : layers) latent(ratio, share(count));
  } else if (a_.attention == AttentionKind::kMla) {
    mla(share(a_.layers));
  } else {
    gqa(share(a_.layers));
  }
  if (a_.dense_layers > 0) dense(share(a_.dense_layers));
  if (a_.moe_layers() > 0) experts(share(a_.moe_layers()));
  const double last = s_.prefill ? s_.sequences : rows_;  // rows whose logits are wanted
  vector("final_norm", Part::kOutside, 1 / real(plan_.pp), last, 2 * hidden, 2 * hidden, 6 * hidden);
  const int64_t vocab = std::max<int64_t>(1, a_.vocab / tp_);
  gemm("lm_head", Part::kOutside, 1 / real(plan_.pp), last, vocab, a_.hidden, Format::kBf16, 1, 4);
  vector("sample", Part::kOutside, 1 / real(plan_.pp), last, 8 * real(vocab), 4, 6 * real(vocab), real(vocab));
  return std::move(tasks_);
}

}  // namespace

double format_bytes(Format format) {
  switch (format) {
    case Format::kBf16: return 2;
    case Format::kFp8:
    case Format::kInt8: return 1;
    case Format::kFp4: return 0.5;
  }
  return 2;
}

double experts_per_device(const Architecture& a, const ParallelPlan& plan) {
  return std::max(1.0, real(a.experts + plan.redundant_experts) / real(plan.ep));
}

double active(double rows) { return 1 - std::exp(-rows); }

double active_experts(double experts_here, double experts_all, double assignments) {
  if (experts_all <= 1) return experts_here;
  return experts_here * (1 - std::pow(1 - 1 / experts_all, assignments));
}

std::vector<Task> forward(const Architecture& a, const ParallelPlan& plan, const StepShape& step) {
  return Builder(a, plan, step).build();
}

double macs(const Task& task) {
  if (const auto* g = std::get_if<GemmTask>(&task.work)) return g->m * g->groups * real(g->n) * real(g->k);
  if (const auto* t = std::get_if<AttentionTask>(&task.work)) {
    return t->sequences * t->queries * t->keys * real(t->heads) * real(t->qk_dim + t->v_dim);
  }
  if (const auto* i = std::get_if<IndexTask>(&task.work)) return i->rows * i->keys * real(i->heads) * real(i->dim);
  return 0;
}

}  // namespace hadal::graph
