// Options of a model on its chips, and a session for requests that are not known yet.
#include "cli/model_options.h"

#include <algorithm>

#include "base/error.h"
#include "cli/find.h"

namespace hadal::cli {

void add_placement_options(CLI::App& command, PlacementOptions& o) {
  command.add_option("--kv", o.kv, "Format of the cache: fp8, bf16, or auto: fp8 for latents")
      ->check(CLI::IsMember({"auto", "fp8", "bf16"}))
      ->capture_default_str();
  command
      .add_option("--weight-digits", o.weight_digits, "E4M3 digits of weights that are not FP8: 1 or 2 (nearly BF16)")
      ->check(CLI::Range(1, 2))
      ->capture_default_str();
  command.add_option("--activation-digits", o.digits, "E4M3 digits of an activation: 1 (FP8) or 2 (nearly BF16)")
      ->check(CLI::Range(1, 2))
      ->capture_default_str();
  command
      .add_option("--chips", o.chips,
                  "Chips in a row, with a share of the layers each; 0 takes as few as hold the model")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  command
      .add_option("--rows", o.rows, "Most tokens of a step; default: as many as fit, at most 32. Fewer compile faster")
      ->check(CLI::Range(1, 32));
  command
      .add_option("--host-memory", o.host_memory_gib,
                  "GiB of this machine's memory for weights of a larger model; default: three quarters of it")
      ->check(CLI::Range(0.001, 1e6));
}

kernels::CompileOptions compile_options(const PlacementOptions& o) {
  kernels::CompileOptions out;
  out.activation_digits = o.digits;
  out.kv_format = kv_format(o.kv);
  out.weight_digits = o.weight_digits;
  out.chips = o.chips;
  if (o.rows > 0) {
    for (const int usual : kernels::kUsualRows) {
      if (usual < o.rows) out.row_buckets.push_back(usual);
    }
    out.row_buckets.push_back(o.rows);
  }
  out.host_bytes = static_cast<uint64_t>(o.host_memory_gib * 0x1p30);
  return out;
}

void add_sampling_options(CLI::App& command, runtime::SamplerOptions& o) {
  command.add_option("--temperature", o.temperature, "0 takes the likeliest token")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command.add_option("--top-p", o.top_p, "Draw from the likeliest tokens that hold this probability")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command.add_option("--seed", o.seed, "Of the draws; equal seeds give equal text")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

void add_model_options(CLI::App& command, ModelOptions& o) {
  command.add_option("MODEL", o.model, "Model directory or GGUF file, or the name of a folder under models/")
      ->required();
  command.add_option("--chip", o.chip, "Chip description, or the name of a file under chips/")->capture_default_str();
  command.add_option("--context", o.context, "Tokens of prompt and answer that fit; 0 takes 4096 or the model's limit")
      ->check(CLI::Range(0, 1 << 24))
      ->capture_default_str();
  add_placement_options(command, o.placement);
  command.add_option("--threads", o.threads, "Host threads of the functional simulator")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command.add_flag("--no-timing", o.no_timing, "Leave out the timing simulator: faster, no simulated times");
  command.add_flag("--no-checks", o.no_checks, "Leave out the checks for races and unwritten memory");
}

LoadedModel::LoadedModel(const ModelOptions& options)
    : chip(chip::load(find_chip(options.chip))),
      model(model::Model::load(find_model(options.model))),
      prompting(model) {
  const int64_t limit = model.config.max_position_embeddings;
  if (options.context > limit) input_error("--context", "of {}; the model takes at most {}", options.context, limit);
  runtime::SessionOptions session_options;
  session_options.compile = compile_options(options.placement);
  session_options.compile.sequences = options.sequences;
  session_options.compile.context = options.context > 0 ? options.context : std::min(limit, kUsualContext);
  session_options.functional.check_races = session_options.functional.check_initialised = !options.no_checks;
  session_options.functional.threads = options.threads;
  session_options.timing = !options.no_timing;
  session = std::make_unique<runtime::Session>(model, chip, session_options);
}

}  // namespace hadal::cli
