// hadal random: a checkpoint of random weights in the shape of any config.json, for what a shape costs and whether it
// fits, without its weights.
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>

#include "base/error.h"
#include "cli/app.h"
#include "cli/find.h"
#include "cli/output.h"
#include "model/random_shape.h"
#include "report/units.h"

namespace hadal::cli {
namespace {

struct Options {
  std::string config, directory;
  model::ShapeOptions shape;
  double shard_gib = 2;
};

void execute(const Options& options) {
  const std::string file = find_shape(options.config);
  model::ShapeOptions shape = options.shape;
  shape.shard_bytes = static_cast<uint64_t>(options.shard_gib * 0x1p30);
  const auto start = std::chrono::steady_clock::now();
  const model::WrittenShape written = model::write_random_shape(options.directory, read_text(file), file, shape);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::string holes =
      written.filled < written.bytes
          ? fmt::format(" ({} of them on disk)", report::si(static_cast<double>(written.filled), "B"))
          : "";
  fmt::print("{}: {} parameters, {}{} in {} {}, written in {:.1f} s\n", options.directory,
             report::si(static_cast<double>(written.parameters), ""),
             report::si(static_cast<double>(written.bytes), "B"), holes, written.shards,
             written.shards == 1 ? "file" : "shards", seconds);
}

}  // namespace

void add_random(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command =
      app.add_subcommand("random", "Write a checkpoint of random weights in the shape of a config.json");
  command->add_option("CONFIG", o.config, "config.json, or the name of a shape under models/configs/")->required();
  command->add_option("-o,--output", o.directory, "Folder of the checkpoint; it must hold none")->required();
  command->add_option("--layers", o.shape.layers, "Layers; default: all")->check(CLI::Range(1, 4096));
  command->add_option("--dense-layers", o.shape.dense_layers, "Of them without experts; default: as the shape says")
      ->check(CLI::Range(0, 4096));
  command->add_option("--experts", o.shape.experts, "Routed experts of a layer; default: all")
      ->check(CLI::Range(1, 1 << 16));
  command->add_option("--groups", o.shape.groups, "Their groups; default: as the shape says")
      ->check(CLI::Range(1, 1 << 16));
  command->add_option("--vocabulary", o.shape.vocabulary, "Tokens; default: all")->check(CLI::Range(258, 1 << 24));
  command->add_flag("--sparse-experts", o.shape.sparse_experts,
                    "Leave routed experts as holes of the files: zeros, which cost no disk");
  command->add_option("--seed", o.shape.seed, "Of the weights")->capture_default_str();
  command->add_option("--shard-gib", o.shard_gib, "GiB from which on a shard is full")
      ->check(CLI::Range(0.001, 1024.0))
      ->capture_default_str();
  command->footer(
      "Example:\n"
      "  hadal random Meta-Llama-3.1-8B --layers 2 -o /tmp/llama-2\n"
      "  hadal run /tmp/llama-2 --prompt hello -n 4");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
