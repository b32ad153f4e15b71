// Steps: tasks of a micro-batch, overlap of micro-batches, and what follows.
#include "predict/system.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace hadal::predict {
namespace {

using graph::ExchangeTask;
using model::Architecture;

void check_plan(const Architecture& a, const graph::ParallelPlan& p) {
  if (a.heads % p.tp != 0) input_error("--tp", "{} does not divide the {} heads of {}", p.tp, a.heads, a.name);
  if (a.heads % p.heads_over != 0 || p.heads_over > p.dp) {
    input_error("--heads-over", "{} must divide the {} heads of {} and be no more than the {} data-parallel groups",
                p.heads_over, a.heads, a.name, p.dp);
  }
  if (p.ep > 1 && a.experts == 0) input_error("--ep", "{} has no experts; leave it at 1", a.name);
  if (p.ep > a.experts + p.redundant_experts && a.experts > 0 && p.ep > 2 * a.experts) {
    input_error("--ep", "{} is more than twice the {} experts of {}", p.ep, a.experts, a.name);
  }
  if (p.pp > a.layers) input_error("--pp", "{} is more than the {} layers of {}", p.pp, a.layers, a.name);
}

// Seconds of a micro-batch in all layers, and how many of them are the memory's: kernels that it bounds, or what an
// exchange moves through it.
struct Share {
  double seconds = 0, memory = 0;
  Share& operator+=(const Share& other) {
    seconds += other.seconds;
    memory += other.memory;
    return *this;
  }
  friend Share operator+(Share x, const Share& y) { return x += y; }
};

// By what can stand beside what: attention up to and with its core and after it, the shared expert, the routed ones,
// and the exchanges before and after those.
struct Sums {
  Share front, back, shared, routed, dispatch, combine, other_exchange, outside;
  double compute() const { return (front + back + shared + routed).seconds; }
  double exchange() const { return (dispatch + combine + other_exchange).seconds; }
};

Share& place(Sums& sums, const graph::Task& task, bool& core_seen) {
  if (const auto* x = std::get_if<ExchangeTask>(&task.work)) {
    return x->kind == graph::ExchangeKind::kDispatch  ? sums.dispatch
           : x->kind == graph::ExchangeKind::kCombine ? sums.combine
                                                      : sums.other_exchange;
  }
  if (task.part == graph::Part::kOutside) return sums.outside;
  if (task.part == graph::Part::kAttention) {
    core_seen = core_seen || std::holds_alternative<graph::AttentionTask>(task.work);
    return core_seen ? sums.back : sums.front;
  }
  if (task.name.starts_with("shared_")) return sums.shared;
  const bool routed = task.name.starts_with("experts_") || task.name == "place" || task.name == "scatter" ||
                      task.name == "gather" || task.name == "unpack" || task.name == "send";
  return routed ? sums.routed : sums.back;
}

// Kernels beside an exchange. What that moves goes through the same memory, so kernels that the memory bounds take as
// much longer, as far as they stand beside it.
double beside(const Share& kernels, const Share& exchange) {
  if (kernels.seconds <= 0 || exchange.seconds <= 0) return std::max(kernels.seconds, exchange.seconds);
  const double together = std::min(1.0, kernels.seconds / exchange.seconds);
  const double bound = std::min(1.0, kernels.memory / kernels.seconds);
  const double taken = std::min(exchange.memory, exchange.seconds);
  return std::max(kernels.seconds + bound * together * taken, exchange.seconds);
}

// Half a period of two micro-batches, in the orders that DeepSeek drew beside its profiles. Decode: while the rows of
// one are dispatched, its shared expert and the front of the other's attention run; while they are combined, the rest
// of that attention. Prefill: attention and experts run whole, each beside an exchange of the other micro-batch, the
// shared expert beside a combine.
double half_period(const Sums& s, bool prefill) {
  if (!prefill) {
    return beside(s.front + s.shared, s.dispatch) + s.routed.seconds + beside(s.back, s.combine) +
           s.other_exchange.seconds;
  }
  const Share attention = s.front + s.back;
  const double period = beside(attention + s.shared, s.combine) + beside(attention, s.dispatch) +
                        beside(s.routed, s.dispatch) + beside(s.routed + s.shared, s.combine);
  return period / 2 + s.other_exchange.seconds;
}

// Devices that exchange in every layer all wait for the slowest. Where the power limit sets the clock, devices of one
// kind differ: by 8 % between the ends of the whiskers (Sinha et al., SC22), which are 5.4 standard deviations of a
// normal spread apart. Time of computing on the slowest of `devices` over that of a mean one.
double slowest_of(const Device& d, double nominal_hz, double devices) {
  constexpr double kSpread = 0.08 / 5.4;
  if (devices <= 1 || d.hz >= nominal_hz) return 1;
  // Expected largest of so many normal deviates.
  const double far = std::sqrt(2 * std::log(devices));
  const double largest =
      far - (std::log(std::log(devices)) + std::log(4 * std::numbers::pi)) / (2 * far) + std::numbers::egamma / far;
  return 1 + kSpread * largest;
}

// `slowest` multiplies what the clock decides.
Sums add_up(const Device& compute, const Device& whole, double slowest, const std::vector<graph::Task>& tasks,
            std::vector<OperatorTime>* operators, double times) {
  Sums sums;
  bool core_seen = false;
  for (const graph::Task& task : tasks) {
    if (task.name == "attn_norm") core_seen = false;
    const bool exchange = std::holds_alternative<ExchangeTask>(task.work);
    const Estimate e = exchange ? estimate(whole, task) : estimate(compute, task);
    const bool clocked = e.bound == Bound::kMatrix || e.bound == Bound::kVector;
    const double seconds = e.seconds * task.repeat * (clocked ? slowest : 1);
    // What an exchange does on the cores cannot hide behind computing.
    const double on_cores = e.core_seconds * task.repeat;
    const double memory =
        exchange ? e.memory_bytes * task.repeat / whole.memory_bytes_per_s : (e.bound == Bound::kMemory ? seconds : 0);
    place(sums, task, core_seen) += {seconds - on_cores, memory};
    sums.routed += {on_cores, 0};
    if (operators != nullptr && task.repeat > 0) {
      operators->push_back({task.name, seconds * times, task.repeat * times, e.bound, exchange});
    }
  }
  return sums;
}

// Cached tokens of the fullest of `devices` over the mean, where a balancer hands every request to the device with the
// fewest. All then sit near one level but for what they were handed last: the longest of those lengths, of which a
// device's `sequences` are many. The factor is what a simulation gives for exponential lengths (serve_test.cpp).
double attention_spread(double sequences, double devices) {
  return 1 + kProduction.handed_last * std::log(devices) / std::max(1.0, sequences);
}

double weights(const Architecture& a, const SystemOptions& o) {
  const model::ParameterCount p = count_parameters(a);
  const double experts_all = double(a.moe_layers()) * double(a.experts);
  const double here = a.experts > 0 ? double(a.moe_layers()) * graph::experts_per_device(a, o.plan) : 0;
  const double narrow = a.linear_weights == model::WeightFormat::kBf16 ? 2 : graph::format_bytes(o.matrix);
  const double expert = a.expert_weights == model::WeightFormat::kFp4 ? 0.5 : narrow;
  const double rest = p.total - experts_all * p.expert - (a.tied_embeddings ? 1 : 2) * p.embedding;
  const double split = o.plan.ep == 1 ? double(o.plan.tp) : 1;
  const double vocabulary = (a.tied_embeddings ? 1 : 2) * p.embedding * 2 / double(o.plan.tp);
  return (rest * narrow / double(o.plan.tp) + here * p.expert * expert / split) / double(o.plan.pp) + vocabulary;
}

struct Step {
  double seconds = 0, compute = 0, exchange = 0, host = 0;
};

Step run_step(const chip::Chip& chip, const Device& whole, const Architecture& a, const SystemOptions& o,
              double sequences, Prediction& out, bool list) {
  const int parts = o.overlap == 2 && (sequences >= 2 || o.queries >= 2) ? 2 : 1;
  graph::StepShape s;
  s.prefill = o.prefill;
  s.sequences = sequences;
  s.queries = o.prefill ? o.queries : 1 + double(o.mtp);
  if (parts == 2) (sequences >= 2 ? s.sequences : s.queries) /= 2;
  s.context = o.keys;
  s.matrix = o.matrix;
  s.expert = a.expert_weights == model::WeightFormat::kFp4 ? graph::Format::kFp4 : o.matrix;
  s.cache = o.cache;
  s.library_kernels = o.prefill && !chip.runs_programs;
  s.shared_expert_on_rank = o.shared_on_rank;
  s.exchange_cores = o.comm_cores;
  s.mean_share = o.mean_share;
  const double rows = s.sequences * s.queries;
  if (o.mode == Mode::kProduction) s.context *= attention_spread(sequences, double(o.plan.dp));
  const LoadSpec load = o.mode == Mode::kProduction && o.load.kind == LoadKind::kUniform
                            ? LoadSpec{LoadKind::kProduction, 0, {}}
                            : o.load;
  if (a.experts > 0 && o.plan.ep > 1) {
    const double tokens = rows * double(o.plan.ep);
    // Nodes for the balancer: what scale-up links reach.
    const int64_t nodes = whole.domain > 0 && o.plan.ep % whole.domain == 0 ? o.plan.ep / whole.domain : 1;
    const Placement placement{a.experts, std::max<int64_t>(1, a.groups), o.plan.ep, nodes, o.plan.redundant_experts};
    const auto choices = double(a.experts_per_token);
    const double spread = batch_spread(s.sequences * double(o.plan.dp), s.queries, double(a.experts), choices);
    const FullestDevice fullest = fullest_device(load, placement, tokens, tokens * choices, spread);
    s.expert_rows_factor = fullest.factor;
    s.expert_rows = fullest.rows;
    out.expert_factor = fullest.factor;
  }
  const Device compute = o.comm_cores > 0 && parts == 2 ? whole.with_cores(1 - o.comm_cores / whole.cores) : whole;
  Architecture deep = a;
  deep.layers += o.mtp;  // a drafting layer is one more of the last kind
  if (!deep.compress_ratios.empty()) deep.compress_ratios.resize(static_cast<size_t>(deep.layers), 0);
  const std::vector<graph::Task> tasks = forward(deep, o.plan, s);
  const double slowest = slowest_of(whole, chip.clock_hz, double(std::max(o.plan.ep, o.plan.tp)));
  const auto layers_of = [&](const Sums& x) {
    return parts == 2 ? 2 * half_period(x, o.prefill) : x.compute() + x.exchange();
  };
  Sums sums = add_up(compute, whole, slowest, tasks, list ? &out.operators : nullptr, parts);
  double layers = layers_of(sums);
  if (list) {
    graph::StepShape mean = s;
    mean.expert_rows.clear();
    mean.expert_rows_factor = 1;
    out.matrix_busy_s = out.vector_busy_s = out.memory_busy_s = 0;
    for (const graph::Task& task : forward(deep, o.plan, mean)) {
      const Work w = work(whole, task);
      out.matrix_busy_s += parts * w.matrix_s;
      out.vector_busy_s += parts * w.vector_s;
      out.memory_busy_s += parts * task.repeat * estimate(whole, task).memory_bytes /
                           (whole.chip.memory_bytes_per_s / whole.chip.devices);
    }
  }
  if (!s.expert_rows.empty()) {
    // With few tokens the device with the most rows may hold experts that nobody chose, and a mean one takes longer.
    s.expert_rows.clear();
    s.expert_rows_factor = 1;
    std::vector<OperatorTime> even;
    const Sums mean = add_up(compute, whole, slowest, forward(deep, o.plan, s), list ? &even : nullptr, parts);
    if (layers_of(mean) > layers) {
      sums = mean;
      layers = layers_of(mean);
      if (list) out.operators = std::move(even);
    }
  }
  const double outside = sums.outside.seconds;
  Step step{(layers + parts * outside) * double(o.plan.pp), parts * (sums.compute() + outside),
            parts * sums.exchange()};
  if (o.plan.pp > 1) {
    graph::ExchangeTask hand{graph::ExchangeKind::kTransfer, rows, 2 * double(a.hidden), 1, 1, 1, o.plan.pp, 1, true};
    step.seconds += double(o.plan.pp - 1) * estimate(whole, hand).seconds;
  }
  if (o.host) step.host = o.mode == Mode::kProduction ? kProduction.host_s : chip.runs_programs ? 0 : kBenchmarkHostS;
  step.seconds += step.host;
  return step;
}

}  // namespace

namespace {

// With one sequence on a data-parallel group where the target is out of reach (`reached` false).
Prediction predict_step(const chip::Chip& chip, const Constants& constants, const Architecture& a,
                        const SystemOptions& options, bool& reached) {
  SystemOptions o = options;
  reached = true;
  check_plan(a, o.plan);
  Device device(chip, constants);
  // Kernels of libraries are nodes of a captured graph, each with its gap; our own chip runs one program.
  if (!chip.runs_programs) device.kernel_extra_s = constants.framework_us * 1e-6;
  Prediction out;
  if (o.prefill && o.prefix_hit > 0) o.queries = std::max(1.0, o.keys * (1 - o.prefix_hit));
  const double gain = o.prefill ? 0 : 1 + double(o.mtp) * o.acceptance;
  double sequences = o.sequences;
  if (!o.prefill && o.tpot_target_s > 0) {
    // The largest batch within the target.
    double low = 1, high = 1;
    const auto tpot = [&](double batch) { return run_step(chip, device, a, o, batch, out, false).seconds / gain; };
    reached = tpot(1) <= o.tpot_target_s;
    while (high < 65536 && tpot(high) <= o.tpot_target_s) high *= 2;
    low = high / 2;
    for (int i = 0; i < 20 && high - low > 0.5; ++i) {
      const double middle = (low + high) / 2;
      (tpot(middle) <= o.tpot_target_s ? low : high) = middle;
    }
    sequences = reached ? std::max(1.0, std::floor(low)) : 1;
  }
  const Step step = run_step(chip, device, a, o, sequences, out, true);
  out.step_s = step.seconds;
  out.compute_s = step.compute;
  out.exchange_s = step.exchange;
  out.host_s = step.host;
  out.sequences = sequences;
  out.memory_bytes = device.memory_bytes;
  out.weight_bytes = weights(a, o);
  out.cache_bytes =
      sequences * kv_bytes(a, o.keys, graph::format_bytes(o.cache)) /
      double(o.plan.pp * (a.attention == model::AttentionKind::kGqa ? std::min(o.plan.tp, a.kv_heads) : 1));
  const double per_device = 1 / double(o.plan.tp * o.plan.pp) * chip.performance.devices;
  // Stages work on different batches at once; a pipeline of pp stages holds pp of them.
  const double in_flight = double(o.plan.pp);
  if (o.prefill) {
    out.utilisation = o.mode == Mode::kProduction ? kProduction.prefill_utilisation : 1;
    out.tokens_per_s_per_chip = sequences * o.queries * in_flight * per_device / out.step_s * out.utilisation;
  } else {
    out.tpot_s = out.step_s / gain;
    out.tokens_per_s_per_chip = sequences * in_flight * per_device / out.tpot_s;
  }
  return out;
}

}  // namespace

Prediction predict(const chip::Chip& chip, const Constants& constants, const Architecture& a,
                   const SystemOptions& options) {
  bool reached = true;
  Prediction out = predict_step(chip, constants, a, options, reached);
  if (!reached) {
    input_error("--tpot-ms", "{:g} is not to be had: one sequence alone takes {:.3g} ms", options.tpot_target_s * 1e3,
                out.tpot_s * 1e3);
  }
  return out;
}

std::optional<Prediction> predict_within(const chip::Chip& chip, const Constants& constants, const Architecture& a,
                                         const SystemOptions& options) {
  bool reached = true;
  Prediction out = predict_step(chip, constants, a, options, reached);
  if (!reached) return std::nullopt;
  return out;
}

double transfer_s(const chip::Chip& chip, const Constants& constants, const Architecture& model, double context,
                  graph::Format cache) {
  graph::ExchangeTask task;
  task.kind = graph::ExchangeKind::kTransfer;
  task.tokens = 1;
  task.token_bytes = kv_bytes(model, context, graph::format_bytes(cache));
  return estimate(Device(chip, constants), task).seconds;
}

}  // namespace hadal::predict
