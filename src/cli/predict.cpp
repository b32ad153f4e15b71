// hadal predict: time of a model's step on any described chip.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/app.h"
#include "cli/find.h"
#include "cli/output.h"
#include "predict/serve.h"
#include "predict/system.h"
#include "report/document.h"
#include "report/table.h"
#include "report/units.h"

namespace hadal::cli {
namespace {

using Json = nlohmann::ordered_json;
using report::Align;

struct Options {
  std::string model, chip, phase = "decode", mode = "profile", load = "uniform", matrix, cache = "bf16", constants,
                           json;
  double batch = 1, context = 4096, queries = 0, tpot_ms = 0, acceptance = 0.7, hit = 0, comm_cores = 0;
  int64_t ep = 1, tp = 1, pp = 1, dp = 0, redundant = 0, mtp = 0, heads_over = 1;
  int overlap = 1;
  bool sequence_parallel = false, shared_apart = false;
  // Serving
  double rate = 0, output = 512, variation = 1, chunk = 8192, most = 256, ttft_slo_ms = 2000, tpot_slo_ms = 50;
  int64_t prefill_ep = 0, requests = 500, seed = 1;
  bool together = false, capacity = false;
  std::string trace;
  bool serving() const { return rate > 0 || !trace.empty() || capacity; }
};

graph::Format format_of(const std::string& name) {
  return name == "bf16" ? graph::Format::kBf16 : name == "int8" ? graph::Format::kInt8 : graph::Format::kFp8;
}

predict::SystemOptions system_options(const Options& o, const chip::Chip& chip) {
  predict::SystemOptions s;
  s.prefill = o.phase == "prefill";
  s.mode = o.mode == "production" ? predict::Mode::kProduction : predict::Mode::kProfile;
  s.plan.tp = o.tp;
  s.plan.pp = o.pp;
  s.plan.ep = o.ep;
  s.plan.dp = o.dp > 0 ? o.dp : std::max<int64_t>(1, o.ep / o.tp);
  s.plan.sequence_parallel = o.sequence_parallel;
  s.plan.redundant_experts = o.redundant;
  s.plan.heads_over = o.heads_over;
  s.sequences = o.batch;
  s.keys = o.context;
  s.queries = s.prefill ? (o.queries > 0 ? o.queries : o.context) : 1;
  if (s.queries > s.keys) input_error("--new-tokens", "{} is more than the context of {}", s.queries, s.keys);
  // The narrowest format the chip multiplies that the model is published for.
  const bool fp8 = chip.performance.fp8_mac > 0, int8 = chip.performance.int8_mac > 0;
  s.matrix = !o.matrix.empty() ? format_of(o.matrix)
             : fp8             ? graph::Format::kFp8
             : int8            ? graph::Format::kInt8
                               : graph::Format::kBf16;
  s.cache = format_of(o.cache);
  s.overlap = o.overlap;
  s.comm_cores = o.comm_cores;
  s.load = predict::parse_load(o.load, "--load");
  s.shared_on_rank = !o.shared_apart;
  s.mtp = s.prefill ? 0 : o.mtp;
  s.acceptance = o.acceptance;
  s.prefix_hit = o.hit;
  s.tpot_target_s = o.tpot_ms * 1e-3;
  return s;
}

// Tasks of the same name taken together, in order of first appearance.
std::vector<predict::OperatorTime> by_name(const std::vector<predict::OperatorTime>& operators) {
  std::vector<predict::OperatorTime> out;
  for (const predict::OperatorTime& op : operators) {
    const auto same = std::find_if(out.begin(), out.end(), [&](const auto& o) { return o.name == op.name; });
    if (same == out.end()) {
      out.push_back(op);
    } else {
      if (op.seconds > same->seconds) same->bound = op.bound;
      same->seconds += op.seconds;
      same->count += op.count;
    }
  }
  return out;
}

predict::ServeOptions serve_options(const Options& o, const chip::Chip& chip) {
  predict::ServeOptions s;
  s.decode = system_options(o, chip);
  s.prefill = s.decode;
  s.prefill.prefill = true;
  s.prefill.mtp = 0;
  s.decode.comm_cores = 0;
  if (o.prefill_ep > 0) s.prefill.plan.ep = s.prefill.plan.dp = o.prefill_ep;
  s.disaggregated = !o.together;
  s.chunk = o.chunk;
  s.most_sequences = o.most;
  s.ttft_slo_s = o.ttft_slo_ms * 1e-3;
  s.tpot_slo_s = o.tpot_slo_ms * 1e-3;
  return s;
}

// Simulates requests instead of one step.
void execute_serving(const Options& o, const chip::Chip& chip, const model::Architecture& model,
                     const predict::Constants& constants, const std::optional<OutputFile>& json) {
  const predict::ServeOptions options = serve_options(o, chip);
  const auto count = static_cast<size_t>(o.requests);
  const auto seed = static_cast<uint64_t>(o.seed);
  double rate = o.rate;
  if (o.capacity) {
    rate = predict::capacity(chip, constants, model, options, o.context, o.output, o.variation, count, 0.9, seed);
    if (rate <= 0) input_error("--capacity", "no rate meets the objectives; loosen --ttft-slo-ms or --tpot-slo-ms");
  }
  const predict::ServeResult r = predict::serve(
      chip, constants, model, options,
      o.trace.empty() ? predict::poisson_requests(rate, o.capacity ? predict::requests_for(rate, count) : count,
                                                  o.context, o.output, o.variation, seed)
                      : predict::trace_requests(o.trace));
  const std::pair<const char*, const predict::Percentiles*> rows[] = {
      {"ttft", &r.ttft_s}, {"tpot", &r.tpot_s}, {"e2e", &r.e2e_s}};
  if (json) {
    Json out{{"model", model.name},
             {"chip", chip.name},
             {"requests_per_s", r.requests_per_s},
             {"goodput_per_s", r.goodput_per_s},
             {"attained", r.attained},
             {"tokens_per_s_per_chip", r.output_tokens_per_s_per_chip},
             {"prefill_busy", r.prefill_busy},
             {"decode_busy", r.decode_busy},
             {"mean_batch", r.mean_batch},
             {"definitions", predict::latency_definitions()}};
    if (o.capacity) out["capacity_requests_per_s"] = rate;
    for (const auto& [name, p] : rows) {
      out[std::string(name) + "_ms"] = {
          {"p50", p->p50 * 1e3}, {"p90", p->p90 * 1e3}, {"p99", p->p99 * 1e3}, {"mean", p->mean * 1e3}};
    }
    json->write(report::document("serving", out).dump(2) + "\n");
    if (json->is_standard_output()) return;
  }
  report::Table table({{"ms", Align::kLeft}, {"P50"}, {"P90"}, {"P99"}, {"mean"}});
  for (const auto& [name, p] : rows) {
    table.add({name, fmt::format("{:.1f}", p->p50 * 1e3), fmt::format("{:.1f}", p->p90 * 1e3),
               fmt::format("{:.1f}", p->p99 * 1e3), fmt::format("{:.1f}", p->mean * 1e3)});
  }
  fmt::print("{} on {}: {:.3g} requests/s, {}\n\n{}\n", model.name, chip.name, r.requests_per_s,
             o.together ? "prefill and decode together" : "prefill and decode apart", table.text());
  if (o.capacity) {
    fmt::print("capacity        {:.3g} requests/s: the highest rate at which 90 % meet both objectives\n", rate);
  }
  fmt::print("goodput         {:.3g} requests/s, {} of the requests meet TTFT {:.0f} ms and TPOT {:.0f} ms\n",
             r.goodput_per_s, report::percent(r.attained), o.ttft_slo_ms, o.tpot_slo_ms);
  fmt::print("output tokens   {:.0f} a second and chip\n", r.output_tokens_per_s_per_chip);
  fmt::print("busy            prefill {}, decode {}; {:.1f} sequences on a device while decoding\n\n{}",
             report::percent(r.prefill_busy), report::percent(r.decode_busy), r.mean_batch,
             predict::latency_definitions());
}

void execute(const Options& o) {
  const std::string chip_file = find_chip(o.chip);
  const chip::Chip chip = chip::load_any(chip_file);
  const model::Architecture model = model::Architecture::load(find_shape(o.model));
  const predict::Constants constants =
      predict::load_constants(o.constants.empty() ? find_data("measurements/constants.yaml") : o.constants);
  std::optional<OutputFile> json;
  if (!o.json.empty()) json.emplace(o.json);
  if (o.serving()) return execute_serving(o, chip, model, constants, json);
  const predict::SystemOptions options = system_options(o, chip);
  const predict::Prediction p = predict::predict(chip, constants, model, options);
  const bool fits = p.weight_bytes + p.cache_bytes <= p.memory_bytes;
  const std::vector<predict::OperatorTime> operators = by_name(p.operators);

  // Where figures of the chip are assumptions: the same with all of them at their slow and at their fast ends.
  std::vector<double> range;
  if (!chip.assumptions.empty()) {
    for (const chip::Bound bound : {chip::Bound::kSlow, chip::Bound::kFast}) {
      range.push_back(
          predict::predict(chip::load_any(chip_file, bound), constants, model, options).tokens_per_s_per_chip);
    }
    std::sort(range.begin(), range.end());
  }
  if (json) {
    Json out{{"model", model.name},
             {"chip", chip.name},
             {"phase", o.phase},
             {"mode", o.mode},
             {"batch", p.sequences},
             {"context", options.keys},
             {"latency_us", p.step_s * 1e6},
             {"tokens_per_s_per_chip", p.tokens_per_s_per_chip},
             {"compute_us", p.compute_s * 1e6},
             {"exchange_us", p.exchange_s * 1e6},
             {"host_us", p.host_s * 1e6},
             {"expert_factor", p.expert_factor},
             {"weight_bytes", p.weight_bytes},
             {"cache_bytes", p.cache_bytes},
             {"memory_bytes", p.memory_bytes},
             {"fits", fits}};
    if (!options.prefill) out["tpot_ms"] = p.tpot_s * 1e3;
    if (!range.empty()) out["tokens_per_s_per_chip_range"] = range;
    out["operators"] = Json::array();
    for (const predict::OperatorTime& op : operators) {
      out["operators"].push_back({{"name", op.name},
                                  {"latency_us", op.seconds * 1e6},
                                  {"count", op.count},
                                  {"bound_by", predict::bound_name(op.bound)}});
    }
    json->write(report::document("predict", out).dump(2) + "\n");
    if (json->is_standard_output()) return;
  }
  double sum = 0;
  for (const predict::OperatorTime& op : operators) sum += op.seconds;
  report::Table table(
      {{"operator", Align::kLeft}, {"times"}, {"us each"}, {"us a step"}, {"share"}, {"bound by", Align::kLeft}});
  for (const predict::OperatorTime& op : operators) {
    table.add({op.name, fmt::format("{:.0f}", op.count), fmt::format("{:.1f}", op.seconds / op.count * 1e6),
               fmt::format("{:.0f}", op.seconds * 1e6), report::percent(op.seconds / sum),
               std::string(predict::bound_name(op.bound))});
  }
  fmt::print("{} on {}, {}, {} mode: {:.0f} sequences a device, context {:.0f}, TP{} DP{} EP{} PP{}\n\n", model.name,
             chip.name, o.phase, o.mode, p.sequences, options.keys, o.tp, options.plan.dp, o.ep, o.pp);
  fmt::print("{}\n", table.text());
  if (options.prefill) {
    fmt::print("step                     {:.2f} ms: from the start of the batch to its last first token\n",
               p.step_s * 1e3);
    fmt::print("computed prompt tokens   {:.0f} a second and chip\n", p.tokens_per_s_per_chip);
  } else {
    fmt::print("step                     {:.2f} ms\n", p.step_s * 1e3);
    fmt::print("time per output token    {:.2f} ms: step / (1 + accepted drafts), between tokens of one sequence\n",
               p.tpot_s * 1e3);
    fmt::print("output tokens            {:.0f} a second and chip\n", p.tokens_per_s_per_chip);
  }
  if (!range.empty()) {
    fmt::print(
        "range                    {:.0f} to {:.0f}: {} figures of the chip are assumptions, here all at their ends\n",
        range.front(), range.back(), chip.assumptions.size());
  }
  fmt::print("compute / exchanges      {:.2f} / {:.2f} ms a step before overlap\n", p.compute_s * 1e3,
             p.exchange_s * 1e3);
  fmt::print("host between steps       {:.2f} ms of the step\n", p.host_s * 1e3);
  fmt::print("fullest device           {:.2f} times the mean of expert rows\n", p.expert_factor);
  fmt::print("memory a device          weights {}, cache {} of {}{}\n", report::binary_bytes(uint64_t(p.weight_bytes)),
             report::binary_bytes(uint64_t(p.cache_bytes)), report::binary_bytes(uint64_t(p.memory_bytes)),
             fits ? "" : ": does not fit");
}

}  // namespace

void add_predict(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("predict", "Time of a model's step on any described chip");
  const auto count = CLI::Range(1, 1 << 20);
  command->add_option("-m,--model", o.model, "Name of a file under models/configs/, or a config.json")->required();
  command->add_option("-c,--chip", o.chip, "Chip description, or the name of a file under chips/")->required();
  command->add_option("-p,--phase", o.phase, "prefill or decode")
      ->check(CLI::IsMember({"prefill", "decode"}))
      ->capture_default_str();
  command->add_option("-b,--batch", o.batch, "Sequences on each data-parallel group")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
  command->add_option("-l,--context", o.context, "Tokens of a sequence at the end of the step")
      ->check(CLI::Range(1.0, 1e9))
      ->capture_default_str();
  command->add_option("--new-tokens", o.queries, "Prefill: tokens of a sequence that are computed; all if not given")
      ->check(CLI::Range(1.0, 1e9));
  command->add_option("--tpot-ms", o.tpot_ms, "Decode: the largest batch within this time per output token")
      ->check(CLI::Range(0.001, 1e6));
  command->add_option("--tp", o.tp, "Devices that split each product")->check(count)->capture_default_str();
  command->add_option("--dp", o.dp, "Data-parallel groups of attention; EP / TP if not given")->check(count);
  command->add_option("--ep", o.ep, "Devices that hold the experts")->check(count)->capture_default_str();
  command->add_option("--pp", o.pp, "Stages of layers")->check(count)->capture_default_str();
  command->add_flag("--sp", o.sequence_parallel, "Split activations outside the TP products too");
  command->add_option("--redundant", o.redundant, "Copies of hot experts over all devices")
      ->check(CLI::Range(0, 1 << 20));
  command
      ->add_option("--heads-over", o.heads_over,
                   "Prefill of MLA: so many devices share out the heads, rows stay with each before and after")
      ->check(count)
      ->capture_default_str();
  command->add_flag("--shared-apart", o.shared_apart, "Shared experts sit on devices of their own");
  command->add_option("--overlap", o.overlap, "Micro-batches that hide each other's exchanges")
      ->check(CLI::Range(1, 2))
      ->capture_default_str();
  command->add_option("--comm-cores", o.comm_cores, "Cores that exchanges occupy")->check(CLI::Range(0.0, 1e6));
  command->add_option("--load", o.load, "Expert load: uniform, power_law:ALPHA, production or trace:FILE")
      ->capture_default_str();
  command->add_option("--mode", o.mode, "profile: steady and balanced; production: imbalance, lengths, load, host")
      ->check(CLI::IsMember({"profile", "production"}))
      ->capture_default_str();
  command->add_option("--mtp", o.mtp, "Tokens drafted ahead")->check(CLI::Range(0, 16));
  command->add_option("--acceptance", o.acceptance, "Share of drafted tokens that is accepted")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--prefix-hit", o.hit, "Prefill: share of the context found in a prefix cache")
      ->check(CLI::Range(0.0, 0.999));
  command->add_option("--matrix", o.matrix, "Format of products: bf16, fp8 or int8; the narrowest the chip has")
      ->check(CLI::IsMember({"bf16", "fp8", "int8"}));
  command->add_option("--cache", o.cache, "Format of the KV cache: bf16 or fp8")
      ->check(CLI::IsMember({"bf16", "fp8"}))
      ->capture_default_str();
  command->add_option("--rate", o.rate, "Simulate serving: requests a second that arrive at random (Poisson)")
      ->check(CLI::Range(1e-6, 1e9));
  command->add_option("--trace", o.trace, "Simulate serving: a file of requests, each arrival, prompt, output tokens");
  command->add_flag("--capacity", o.capacity, "Simulate serving: find the rate at which 90 % meet both objectives");
  command->add_option("--requests", o.requests, "Serving: how many arrive")->check(CLI::Range(1, 10000000));
  command->add_option("--output", o.output, "Serving: mean output tokens; --context is the mean prompt")
      ->check(CLI::Range(1.0, 1e7));
  command->add_option("--variation", o.variation, "Serving: standard deviation of lengths over their mean")
      ->check(CLI::Range(0.0, 10.0));
  command->add_option("--prefill-ep", o.prefill_ep, "Serving: devices of the prefill instance; --ep if not given");
  command->add_option("--chunk", o.chunk, "Serving: prefill tokens a device takes in a step")
      ->check(CLI::Range(1.0, 1e9));
  command->add_option("--max-batch", o.most, "Serving: sequences running on a data-parallel group")
      ->check(CLI::Range(1.0, 1e6));
  command->add_flag("--together", o.together, "Serving: one instance does prefill (in chunks) and decode");
  command->add_option("--ttft-slo-ms", o.ttft_slo_ms, "Serving: objective for the first token")
      ->check(CLI::Range(0.1, 1e9));
  command->add_option("--tpot-slo-ms", o.tpot_slo_ms, "Serving: objective per output token")
      ->check(CLI::Range(0.01, 1e9));
  command->add_option("--seed", o.seed, "Serving: of arrivals and lengths")->check(CLI::Range(0, 1 << 30));
  command->add_option("--constants", o.constants, "Constants of the model; measurements/constants.yaml if not given");
  command->add_option("--json", o.json, "Write the result as JSON; - writes it to standard output, and nothing else");
  command->footer(
      "Examples:\n"
      "  hadal predict --model DeepSeek-V3 --chip h800 --phase decode --batch 128 --context 4096 --ep 128 --overlap 2\n"
      "  hadal predict --model DeepSeek-V3 --chip h800 --phase prefill --batch 4 --context 4096 --ep 32 --overlap 2 "
      "\\\n"
      "    --comm-cores 24\n"
      "  hadal predict --model DeepSeek-V3 --chip h800 --ep 64 --prefill-ep 32 --overlap 2 --context 4000 --rate 50\n"
      "  hadal predict --model DeepSeek-V4-Pro --chip ascend-910c --batch 64 --context 65536 --ep 64");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
