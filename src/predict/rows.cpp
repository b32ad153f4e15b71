// From a row of the measurement table to the task it measured, and back to the unit of the row.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <set>

#include "base/error.h"
#include "base/nearest.h"
#include "predict/measurement.h"
#include "predict/system.h"

namespace hadal::predict {
namespace {

using graph::Format;

// The configuration of a row; every key must be asked for by the operator.
class Config {
 public:
  explicit Config(const Measurement& row) : row_(row) {}

  double number(std::string_view key, double low = 1, double high = 1e12) {
    const auto it = row_.config.find(key);
    if (it == row_.config.end()) input_error(row_.where, "config: {} needs {}=NUMBER", row_.operation, key);
    return parse(key, it->second, low, high);
  }
  double number_or(std::string_view key, double absent, double low = 0, double high = 1e12) {
    known_.emplace_back(key);
    const auto it = row_.config.find(key);
    return it == row_.config.end() ? absent : parse(key, it->second, low, high);
  }
  int64_t whole(std::string_view key, int64_t low = 1) {
    return static_cast<int64_t>(number(key, static_cast<double>(low), 1e9));
  }
  int64_t whole_or(std::string_view key, int64_t absent) {
    return static_cast<int64_t>(number_or(key, static_cast<double>(absent)));
  }
  std::string word_or(std::string_view key, const char* absent) {
    known_.emplace_back(key);
    const auto it = row_.config.find(key);
    return it == row_.config.end() ? absent : it->second;
  }
  template <typename T>
  T choice_or(std::string_view key, const char* absent, std::initializer_list<std::pair<std::string_view, T>> values) {
    const std::string word = word_or(key, absent);
    std::string names;
    for (const auto& [name, value] : values) {
      if (word == name) return value;
      names += names.empty() ? std::string(name) : fmt::format(", {}", name);
    }
    input_error(row_.where, "config: {}={} is not one of {}", key, word, names);
  }
  Format format_or(std::string_view key, const char* absent) {
    return choice_or<Format>(
        key, absent, {{"bf16", Format::kBf16}, {"fp8", Format::kFp8}, {"int8", Format::kInt8}, {"fp4", Format::kFp4}});
  }
  void done() const {
    for (const auto& [key, value] : row_.config) {
      if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
        const std::set<std::string_view> unique(known_.begin(), known_.end());
        const std::vector<std::string_view> names(unique.begin(), unique.end());
        input_error(row_.where, "config: {} does not know '{}'; {}", row_.operation, key, suggestion(key, names));
      }
    }
  }

 private:
  double parse(std::string_view key, const std::string& text, double low, double high) {
    known_.emplace_back(key);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !(value >= low && value <= high)) {
      input_error(row_.where, "config: {}={} must be a number from {:g} to {:g}", key, text, low, high);
    }
    return value;
  }
  const Measurement& row_;
  std::vector<std::string> known_;
};

// What a row comes to: a time, and the work that rates are counted from.
struct Outcome {
  double seconds = 0;
  double macs = 0;
  Format format = Format::kBf16;
  double bytes = 0;  // that a bandwidth is counted from
  double tokens_per_s = 0, tpot_s = 0;
};

struct Context {
  Config& config;
  const Measurement& row;
  Library& library;
  const chip::Chip& chip;
  Device device;
  const model::Architecture& model() const {
    if (row.model.empty()) input_error(row.where, "{} needs a model", row.operation);
    return library.model(row.model);
  }
};

void set_timing(Context& c) {
  const Constants& k = c.device.constants;
  c.device.kernel_extra_s =
      1e-6 * c.config.choice_or<double>(
                 "timing", "author",
                 {{"author", 0.0}, {"bench", k.bench_us}, {"framework", k.framework_us}, {"eager", k.eager_us}});
  // Cores that the kernel got, where others moved data meanwhile.
  const double cores = c.config.number_or("cores", 0);
  if (cores > 0) c.device = c.device.with_cores(std::min(1.0, cores / c.device.cores));
}

Outcome gemm(Context& c) {
  graph::GemmTask t;
  t.m = c.config.number("m");
  t.n = c.config.whole("n");
  t.k = c.config.whole("k");
  t.groups = c.config.number_or("groups", 1);
  t.activation = t.weight = c.config.format_or("format", "bf16");
  t.block_scaled = c.config.whole_or("scaled", 0) > 0;
  set_timing(c);
  // Which kernel: DeepGEMM scales the sums of one step while the next one multiplies, TensorRT-LLM's does so between.
  const bool late = c.config.choice_or<bool>("scaling", "beside", {{"beside", false}, {"between", true}});
  if (late) c.device.constants.promotion_exposed = c.device.constants.late_promotion_exposed;
  Outcome out;
  out.seconds = estimate(c.device, t).seconds;
  out.macs = t.m * t.groups * double(t.n) * double(t.k);
  out.format = t.activation;
  // Kernels that bring the activations from BF16 to the format first.
  const auto passes = static_cast<double>(c.config.whole_or("quantise", 0));
  const double elements = t.m * t.groups * double(t.k);
  // One pass reads and writes; of several the first ones find the largest element.
  const double reads = passes > 1 ? 2 / passes : 1;
  const graph::VectorTask quantise{.read_bytes = 2 * elements * reads,
                                   .written_bytes = elements / std::max(1.0, passes),
                                   .operations = 4 * elements};
  out.seconds += passes * estimate(c.device, quantise).seconds;
  return out;
}

Outcome mla_decode(Context& c) {
  graph::AttentionTask t;
  t.sequences = c.config.number("sequences");
  t.queries = c.config.number_or("queries", 1, 1);
  const double sparse = c.config.number_or("sparse", 0);
  t.keys = c.config.number("keys");
  if (sparse > 0) t.keys = sparse;  // the kernel works on a full list, whatever it holds
  t.heads = c.config.whole("heads");
  t.kv_heads = 1;
  t.qk_dim = 576;
  t.v_dim = 512;
  t.shared_value = true;
  t.gathered = sparse > 0;
  t.dequantise = c.config.format_or("cache", "bf16") != Format::kBf16;
  t.kv_token_bytes = t.dequantise ? 656 : 1152;
  set_timing(c);
  Outcome out;
  out.seconds = estimate(c.device, t).seconds;
  out.macs = t.sequences * t.queries * t.keys * double(t.heads) * double(t.qk_dim + t.v_dim);
  const graph::VectorTask small{};
  out.seconds += c.config.number_or("launches", 0) * estimate(c.device, small).seconds;
  return out;
}

Outcome mla_prefill(Context& c) {
  graph::AttentionTask t;
  t.sequences = c.config.number("sequences");
  t.queries = c.config.number("queries");
  t.keys = c.config.whole_or("causal", 1) > 0 ? (t.queries + 1) / 2 : t.queries;
  t.heads = t.kv_heads = c.config.whole("heads");
  t.qk_dim = c.config.whole_or("qk", 192);
  t.v_dim = c.config.whole_or("v", 128);
  t.expanded = true;
  t.kv_token_bytes = 2 * double(t.qk_dim + t.v_dim);
  set_timing(c);
  Outcome out;
  out.seconds = estimate(c.device, t).seconds;
  out.macs = t.sequences * t.queries * t.keys * double(t.heads) * double(t.qk_dim + t.v_dim);
  return out;
}

// The tasks of one layer's attention, in decode.
Outcome attention_block(Context& c, bool heads_given) {
  model::Architecture a = c.model();
  graph::ParallelPlan plan;
  graph::StepShape s;
  s.sequences = c.config.number("sequences");
  s.context = c.config.number("keys");
  s.cache = c.config.format_or("cache", "bf16");
  if (heads_given) a.heads = c.config.whole("heads");
  plan.tp = c.config.whole_or("tp", 1);
  set_timing(c);
  Outcome out;
  for (const graph::Task& task : forward(a, plan, s)) {
    if (task.part != graph::Part::kAttention) continue;
    out.seconds += estimate(c.device, task).seconds;
    out.macs += macs(task);
  }
  return out;
}

// One task of a step of the model, by its name.
Outcome task(Context& c) {
  const std::string name = c.config.word_or("name", "");
  graph::ParallelPlan plan;
  plan.ep = c.config.whole_or("ep", 1);
  graph::StepShape s;
  s.prefill = c.config.choice_or<bool>("phase", "decode", {{"decode", false}, {"prefill", true}});
  s.sequences = c.config.number("sequences");
  s.queries = c.config.number_or("queries", 1, 1);
  s.context = c.config.number("keys");
  s.library_kernels = s.prefill;
  set_timing(c);
  std::vector<std::string_view> names;
  const std::vector<graph::Task> tasks = forward(c.model(), plan, s);
  for (const graph::Task& t : tasks) {
    if (t.name == name) return {.seconds = estimate(c.device, t).seconds, .macs = macs(t)};
    names.push_back(t.name);
  }
  input_error(c.row.where, "config: a step of {} has no task '{}'; {}", c.row.model, name, suggestion(name, names));
}

// The routed experts of the fullest device: both products and the activation between them.
Outcome moe(Context& c) {
  const model::Architecture& a = c.model();
  const double tokens = c.config.number("tokens");
  graph::ParallelPlan plan;
  plan.ep = c.config.whole("ep");
  const bool prefill = c.config.choice_or<bool>("phase", "decode", {{"decode", false}, {"prefill", true}});
  const LoadSpec load = parse_load(c.config.word_or("load", "uniform"), c.row.where);
  set_timing(c);
  graph::StepShape s;
  s.prefill = prefill;
  s.sequences = tokens / double(plan.ep);
  const Placement placement{.experts = a.experts, .devices = plan.ep};
  const FullestDevice fullest = fullest_device(load, placement, tokens, tokens * double(a.experts_per_token));
  s.expert_rows_factor = fullest.factor;
  s.expert_rows = fullest.rows;
  Outcome out;
  for (const graph::Task& task : forward(a, plan, s)) {
    const bool permute = task.name == "scatter" || task.name == "gather";
    if (!task.name.starts_with("experts_") && !permute) continue;
    if (permute) {
      // The benchmark permutes the tokens of all devices on each, and writes a result row for every one.
      const auto& v = std::get<graph::VectorTask>(task.work);
      const double hidden = double(a.hidden), row = task.name == "scatter" ? hidden : 2 * hidden;
      const bool in = task.name == "scatter";
      const graph::VectorTask all{.read_bytes = in ? tokens * row : v.read_bytes,
                                  .written_bytes = in ? v.written_bytes : tokens * row};
      out.seconds += estimate(c.device, all).seconds;
      continue;
    }
    out.seconds += estimate(c.device, task).seconds;
    out.macs += macs(task);
  }
  const Constants& k = c.device.constants;
  const graph::VectorTask small{};
  out.seconds += c.config.number_or("launches", 0) * estimate(c.device, small).seconds;
  out.seconds = std::max(out.seconds, c.config.number_or("host_launches", 0) * k.host_launch_us * 1e-6);
  return out;
}

Outcome exchange(Context& c) {
  graph::ExchangeTask t;
  t.kind = c.row.operation == "dispatch" ? graph::ExchangeKind::kDispatch : graph::ExchangeKind::kCombine;
  t.bulk = c.config.choice_or<bool>("mode", "low_latency", {{"low_latency", false}, {"bulk", true}});
  t.tokens = c.config.number("tokens");
  t.choices = c.config.whole("choices");
  t.groups = c.config.whole_or("groups", 1);
  t.group_limit = c.config.whole_or("limit", t.groups);
  t.devices = c.config.whole("ep");
  const double hidden = c.config.number("hidden");
  const Format format = c.config.format_or("format", "bf16");
  t.token_bytes = graph::format_bytes(format) * hidden + (format == Format::kBf16 ? 0 : hidden / 32);
  c.device.domain = c.config.whole_or("domain", c.device.domain);
  t.cores = c.config.number_or("sms", 20);
  Outcome out;
  out.seconds = estimate(c.device, t).seconds;
  // DeepEP counts a copy for every node (or rank, on one node) a token goes to, its own included.
  const auto devices = static_cast<double>(t.devices);
  const double domain = std::min(devices, static_cast<double>(c.device.domain));
  const double nodes = std::ceil(devices / domain);
  out.bytes = bulk_copies(t, nodes > 1 ? nodes : devices) * t.tokens * t.token_bytes;
  return out;
}

Outcome system(Context& c) {
  SystemOptions o;
  o.prefill = c.row.operation == "prefill";
  o.mode =
      c.config.choice_or<Mode>("mode", "profile", {{"profile", Mode::kProfile}, {"production", Mode::kProduction}});
  o.plan.ep = c.config.whole_or("ep", 1);
  o.plan.tp = c.config.whole_or("tp", 1);
  o.plan.pp = c.config.whole_or("pp", 1);
  o.plan.dp = c.config.whole_or("dp", std::max<int64_t>(1, o.plan.ep / o.plan.tp));
  o.plan.redundant_experts = c.config.whole_or("redundant", 0);
  o.tpot_target_s = o.prefill ? 0 : c.config.number_or("tpot_ms", 0) * 1e-3;
  o.sequences = o.tpot_target_s > 0 ? 1 : c.config.number("sequences");
  o.queries = o.prefill ? c.config.number("queries") : 1;
  o.keys = c.config.number("keys");
  o.overlap = static_cast<int>(c.config.whole_or("overlap", 1));
  o.comm_cores = c.config.number_or("comm_cores", 0);
  o.matrix = c.config.format_or("matrix", "fp8");
  o.cache = c.config.format_or("cache", "bf16");
  o.load = parse_load(c.config.word_or("load", "uniform"), c.row.where);
  o.mtp = c.config.whole_or("mtp", 0);
  o.acceptance = c.config.number_or("acceptance", 0, 0, 1);
  o.prefix_hit = c.config.number_or("prefix_hit", 0, 0, 1);
  o.shared_on_rank = c.config.whole_or("shared_on_rank", 1) > 0;
  o.plan.heads_over = c.config.whole_or("heads_over", 1);
  o.host = c.config.choice_or<bool>("timing", "system", {{"system", true}, {"device", false}});
  const Prediction p = predict(c.chip, c.device.constants, c.model(), o);
  return {p.step_s, 0, Format::kBf16, 0, p.tokens_per_s_per_chip, p.tpot_s};
}

struct Operation {
  std::string_view name;
  std::function<Outcome(Context&)> run;
};

const std::vector<Operation>& operations() {
  static const std::vector<Operation> kOperations{
      {"gemm", gemm},
      {"mla_decode", mla_decode},
      {"mla_prefill", mla_prefill},
      {"mla_block", [](Context& c) { return attention_block(c, true); }},
      {"attention_layer", [](Context& c) { return attention_block(c, false); }},
      {"task", task},
      {"moe", moe},
      {"dispatch", exchange},
      {"combine", exchange},
      {"prefill", system},
      {"decode", system}};
  return kOperations;
}

double in_unit(const Measurement& row, const chip::Chip& chip, const Outcome& out) {
  const auto is = [&](const char* metric, const char* unit) { return row.metric == metric && row.unit == unit; };
  if (is("latency", "us")) return out.seconds * 1e6;
  if (is("latency", "ms")) return out.seconds * 1e3;
  if (is("rate", "TFLOPS") && out.macs > 0) return 2 * out.macs / out.seconds / 1e12;
  if (is("utilisation", "%") && out.macs > 0) {
    const Device device(chip, Constants{});
    const double peak = device.mac_per_cycle(out.format) * device.cores * chip.clock_hz;
    return 100 * out.macs / out.seconds / peak;
  }
  if (is("bottleneck_bandwidth", "GB/s") && out.bytes > 0) return out.bytes / out.seconds / 1e9;
  if (is("throughput_per_chip", "tokens/s") && out.tokens_per_s > 0) return out.tokens_per_s;
  if (is("tpot", "ms") && out.tpot_s > 0) return out.tpot_s * 1e3;
  input_error(row.where,
              "{} has no metric '{}' in '{}'; there are latency (us, ms), rate (TFLOPS), utilisation (%), "
              "bottleneck_bandwidth (GB/s), throughput_per_chip (tokens/s), tpot (ms)",
              row.operation, row.metric, row.unit);
}

}  // namespace

double predict_row(const Measurement& row, Library& library, const Constants& constants) {
  for (const Operation& operation : operations()) {
    if (operation.name != row.operation) continue;
    Config config(row);
    const chip::Chip& chip = library.chip(row.chip);
    Context context{config, row, library, chip, Device(chip, constants)};
    const Outcome outcome = operation.run(context);
    config.done();
    return in_unit(row, chip, outcome);
  }
  std::vector<std::string_view> names;
  for (const Operation& operation : operations()) names.push_back(operation.name);
  input_error(row.where, "operator '{}' is unknown; {}", row.operation, suggestion(row.operation, names));
}

}  // namespace hadal::predict
