// hadal chips, models and isa: what there is.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "chip/chip.h"
#include "cli/app.h"
#include "cli/find.h"
#include "cli/output.h"
#include "isa/isa.h"
#include "model/model.h"
#include "report/run.h"
#include "report/table.h"
#include "report/units.h"

namespace hadal::cli {
namespace {

using Json = nlohmann::ordered_json;
using report::Align;
using report::Table;

// Shows every entry that is right and then fails with the first one that is not.
void list(const std::vector<std::string>& paths, Table table, const std::string& json_path,
          const std::function<Json(const std::string&, Table&)>& entry) {
  Json all = Json::array();
  std::exception_ptr failure;
  for (const std::string& path : paths) {
    try {
      all.push_back(entry(path, table));
    } catch (const Error&) {
      if (!failure) failure = std::current_exception();
    }
  }
  if (!json_path.empty()) OutputFile(json_path).write(all.dump(2) + "\n");
  if (json_path != "-") fmt::print("{}", table.text(0));
  if (failure) std::rethrow_exception(failure);
}

Json chip_entry(const std::string& path, Table& table) {
  const chip::Chip c = chip::load_any(path);
  const chip::Performance& p = c.performance;
  // The narrowest format but FP4, two operations a multiply-accumulate, at the nominal clock.
  const double rate = 2 * c.cores * c.clock_hz;
  const double narrow = rate * (p.fp8_mac > 0 ? p.fp8_mac : p.int8_mac), wide = rate * p.bf16_mac;
  const double scratch = p.scratch_bytes;
  table.add({c.name, fmt::format("{}", c.cores), report::si(c.clock_hz, "Hz"), report::si(wide, "FLOPS"),
             report::si(narrow, p.fp8_mac > 0 ? "FLOPS" : "OPS"), report::binary_bytes(static_cast<uint64_t>(scratch)),
             p.memory_standard, report::binary_bytes(static_cast<uint64_t>(p.memory_bytes)),
             report::si(p.memory_bytes_per_s, "B/s"), fmt::format("{:.0f}", narrow / p.memory_bytes_per_s),
             c.has_links ? report::si(c.links.scale_up.bytes_per_s, "B/s") : "-",
             c.assumptions.empty() ? "" : fmt::format("{} assumed", c.assumptions.size()), c.process, path});
  Json out{{"name", c.name},
           {"description", c.description},
           {"file", path},
           {"runs_programs", c.runs_programs},
           {"cores", c.cores},
           {"clock_hz", c.clock_hz},
           {"sustained_clock_hz", p.sustained_hz},
           {"process", c.process},
           {"bf16_flops", wide},
           {"fp8_flops", rate * p.fp8_mac},
           {"int8_ops", rate * p.int8_mac},
           {"fp4_flops", rate * p.fp4_mac},
           {"spm_bytes_per_core", static_cast<uint64_t>(scratch)},
           {"acc_bytes_per_core", static_cast<uint64_t>(p.accumulator_bytes)},
           {"cache_bytes", static_cast<uint64_t>(p.cache_bytes)},
           {"dram", p.memory_standard},
           {"dram_bytes", static_cast<uint64_t>(p.memory_bytes)},
           {"dram_bytes_per_s", p.memory_bytes_per_s},
           {"power_w", p.power_w}};
  if (c.runs_programs) out["static_w"] = c.energy.static_w;
  if (c.has_links) {
    out["scale_up_bytes_per_s"] = c.links.scale_up.bytes_per_s;
    out["scale_up_chips"] = c.links.scale_up.chips;
    out["scale_out_bytes_per_s"] = c.links.scale_out.bytes_per_s;
  }
  out["assumptions"] = Json::array();
  for (const chip::Assumption& a : c.assumptions) {
    out["assumptions"].push_back({{"key", a.key}, {"value", a.value}, {"low", a.low}, {"high", a.high}});
  }
  return out;
}

Json model_entry(const std::string& directory, Table& table) {
  const auto base = std::filesystem::path(directory);
  const model::Config c = model::Config::load((base / "config.json").string());
  const model::Safetensors weights = model::Safetensors::open(directory);
  const std::string name = base.filename().string();
  // Parameters that work on a token: all but the embedding and the experts that are not chosen.
  int64_t parameters = 0, routed = 0;
  uint64_t bytes = 0;
  for (const model::Tensor& tensor : weights.tensors()) {
    bytes += tensor.data.size();
    if (tensor.name.ends_with("weight_scale_inv") || tensor.name.ends_with("e_score_correction_bias")) continue;
    int64_t count = 1;
    for (const int64_t n : tensor.shape) count *= n;
    parameters += count;
    if (tensor.name.find(".mlp.experts.") != std::string::npos) routed += count;
  }
  const int64_t active =
      parameters - c.vocab_size * c.hidden_size - routed + routed / c.n_routed_experts * c.num_experts_per_tok;
  table.add({name, report::si(static_cast<double>(parameters), ""), report::si(static_cast<double>(active), ""),
             report::si(static_cast<double>(bytes), "B"), fmt::format("{}", c.num_hidden_layers),
             fmt::format("{}", c.hidden_size), fmt::format("{}", c.num_attention_heads),
             fmt::format("{} of {} + {}", c.num_experts_per_tok, c.n_routed_experts, c.n_shared_experts),
             fmt::format("{}", c.vocab_size), fmt::format("{}", c.max_position_embeddings), directory});
  return {{"name", name},
          {"directory", directory},
          {"parameters", parameters},
          {"parameters_active", active},
          {"weight_bytes", bytes},
          {"layers", c.num_hidden_layers},
          {"hidden_size", c.hidden_size},
          {"heads", c.num_attention_heads},
          {"routed_experts", c.n_routed_experts},
          {"experts_per_token", c.num_experts_per_tok},
          {"shared_experts", c.n_shared_experts},
          {"vocabulary", c.vocab_size},
          {"context_tokens", c.max_position_embeddings}};
}

void add_list(CLI::App& app, Action& action, const char* name, const char* about,
              const std::function<void(const std::string&)>& show) {
  const auto json = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(name, about);
  command->add_option("--json", *json, "Write JSON to this file, or to standard output if none is given")
      ->expected(0, 1)
      ->default_str("-");
  command->callback([json, show, &action, command] {
    if (command->count("--json") > 0 && json->empty()) *json = "-";
    action = [json, show] { show(*json); };
  });
}

}  // namespace

void add_chips(CLI::App& app, Action& action) {
  add_list(app, action, "chips", "List the chips that are described", [](const std::string& json) {
    list(chip_files(),
         Table({{"chip", Align::kLeft},
                {"cores"},
                {"clock"},
                {"BF16"},
                {"8 bit"},
                {"SPM a core"},
                {"DRAM", Align::kLeft},
                {""},
                {""},
                {"FLOP/B"},
                {"scale-up"},
                {"", Align::kLeft},
                {"process", Align::kLeft},
                {"file", Align::kLeft}}),
         json, chip_entry);
  });
}

void add_models(CLI::App& app, Action& action) {
  add_list(app, action, "models", "List the models under models/", [](const std::string& json) {
    list(model_directories(),
         Table({{"model", Align::kLeft},
                {"parameters"},
                {"active"},
                {"weights"},
                {"layers"},
                {"hidden"},
                {"heads"},
                {"experts"},
                {"vocabulary"},
                {"context"},
                {"directory", Align::kLeft}}),
         json, model_entry);
  });
}

void add_isa(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("isa", "Print the reference page of the instruction set (Markdown)");
  command->callback([&action] { action = [] { OutputFile("-").write(isa::reference_page()); }; });
}

}  // namespace hadal::cli
