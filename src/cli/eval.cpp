// hadal eval: how well a model on the chip predicts a text, and beside it the same model in plain FP32.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <numbers>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "cli/app.h"
#include "cli/find.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "kernels/quantisation.h"
#include "report/document.h"
#include "report/table.h"
#include "report/units.h"
#include "runtime/evaluate.h"

namespace hadal::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string model, text, chip = "chips/hadal-1.yaml", json;
  PlacementOptions placement;
  int64_t window = 512, max_tokens = 0;
  int threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 8u));
  bool reference = false, no_checks = false;
};

struct Text {
  size_t bytes = 0, tokens = 0;
  std::vector<std::vector<int32_t>> windows;
};

Text read_windows(const Options& options, const model::Model& model) {
  if (options.window > model.config.max_position_embeddings) {
    input_error("--window", "is {}; the model takes at most {} positions", options.window,
                model.config.max_position_embeddings);
  }
  // Models without a token that begins a text are used to the one that ends the text before.
  const int64_t first = model.config.bos_token_id >= 0 ? model.config.bos_token_id : model.config.eos_token_id;
  if (first < 0)
    input_error(model.directory, "has neither bos_token_id nor eos_token_id; every window starts with one");
  const std::string text = read_text(options.text);
  std::vector<int32_t> tokens = model.tokenizer.encode(text);
  if (tokens.empty()) input_error(options.text, "is empty; a text is needed");
  Text out;
  out.bytes = text.size();
  if (options.max_tokens > 0 && tokens.size() > static_cast<size_t>(options.max_tokens)) {
    tokens.resize(static_cast<size_t>(options.max_tokens));
    out.bytes = model.tokenizer.decode(tokens, false).size();
  }
  out.tokens = tokens.size();
  out.windows = runtime::cut_windows(tokens, static_cast<int32_t>(first), static_cast<size_t>(options.window));
  return out;
}

// Scores of all windows on one of the two sides, and the first thing that went wrong.
struct Side {
  std::vector<runtime::WindowScore> scores;
  size_t done = 0;
  double nats() const {
    double sum = 0;
    for (const runtime::WindowScore& score : scores) sum += score.nats;
    return sum;
  }
};

// Windows are independent: every worker takes the next one until none is left.
class Work {
 public:
  Work(const Text& text, bool reference) : text_(text), reference_(reference) {
    chip_side.scores.resize(text.windows.size());
    reference_side.scores.resize(text.windows.size());
  }

  // Runs `scorer` on the windows of a side that are not taken yet.
  void run(Side& side, size_t& next, const std::function<runtime::WindowScore(std::span<const int32_t>)>& scorer) {
    while (true) {
      size_t window = 0;
      {
        const std::lock_guard lock(mutex_);
        if (failure_ || next == text_.windows.size()) return;
        window = next++;
      }
      side.scores[window] = scorer(text_.windows[window]);
      const std::lock_guard lock(mutex_);
      ++side.done;
      progress();
    }
  }
  void fail(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
  }
  void finish() {
    status_.clear();
    if (failure_) std::rethrow_exception(failure_);
  }

  Side chip_side, reference_side;
  size_t next_chip = 0, next_reference = 0;

 private:
  static constexpr double kLogEvery = 30;  // seconds between lines where standard error is no terminal

  void progress() {
    std::string text = fmt::format("chip {} of {} windows", chip_side.done, text_.windows.size());
    if (reference_) text += fmt::format(", reference {}", reference_side.done);
    const double seconds = watch_.seconds();
    const size_t all = text_.windows.size() * (reference_ ? 2 : 1), done = chip_side.done + reference_side.done;
    text += fmt::format(", {:.0f} s", seconds);
    if (status_.active()) {
      status_.show(fmt::format("[{}]", text));
    } else if (seconds - logged_ > kLogEvery && done < all) {
      logged_ = seconds;
      fmt::print(stderr, "{}\n", text);
    }
  }

  const Text& text_;
  bool reference_;
  std::mutex mutex_;
  std::exception_ptr failure_;
  StatusLine status_;
  Stopwatch watch_;
  double logged_ = 0;
};

void score_all(const Options& options, const model::Model& model, const chip::Chip& chip, Work& work, size_t windows) {
  runtime::SessionOptions session;
  session.compile = compile_options(options.placement);
  session.compile.sequences = 1;
  session.compile.context = options.window;
  session.functional.check_races = session.functional.check_initialised = !options.no_checks;
  const size_t workers = std::min(static_cast<size_t>(options.threads), windows);
  std::optional<runtime::Reference> reference;
  if (options.reference) reference.emplace(model);
  const auto compiled = std::make_shared<const runtime::Chips>(kernels::compile_stages(model, chip, session.compile));
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < workers; ++i) {
      threads.emplace_back([&] {
        try {
          {
            runtime::Session own(model, chip, session, compiled);
            work.run(work.chip_side, work.next_chip, [&](auto window) { return runtime::score_window(own, window); });
          }
          if (!reference) return;
          work.run(work.reference_side, work.next_reference,
                   [&](auto window) { return runtime::score_window(*reference, window); });
        } catch (...) {
          work.fail(std::current_exception());
        }
      });
    }
  }
  work.finish();
}

struct Quality {
  double nats_per_token = 0, perplexity = 0, bits_per_byte = 0;
};

Quality quality(const std::string& directory, double nats, const Text& text) {
  if (!std::isfinite(nats)) input_error(directory, "gives probabilities that are no numbers on this text");
  const double per_token = nats / static_cast<double>(text.tokens);
  return {per_token, std::exp(per_token), nats / std::numbers::ln2 / static_cast<double>(text.bytes)};
}

double agreement(const Work& work, size_t tokens) {
  size_t equal = 0;
  for (size_t w = 0; w < work.chip_side.scores.size(); ++w) {
    const auto &a = work.chip_side.scores[w].best, &b = work.reference_side.scores[w].best;
    for (size_t i = 0; i < a.size(); ++i) equal += a[i] == b[i] ? 1 : 0;
  }
  return static_cast<double>(equal) / static_cast<double>(tokens);
}

void add(report::Table& table, const char* name, const Quality& q) {
  table.add({name, fmt::format("{:.5f}", q.nats_per_token), fmt::format("{:.3f}", q.perplexity),
             fmt::format("{:.5f}", q.bits_per_byte)});
}

void execute(const Options& options) {
  const std::string directory = find_model(options.model);
  const chip::Chip chip = chip::load(find_chip(options.chip));
  std::optional<OutputFile> json;
  if (!options.json.empty()) json.emplace(options.json);
  const model::Model model = model::Model::load(directory);
  const Text text = read_windows(options, model);

  const Stopwatch watch;
  Work work(text, options.reference);
  score_all(options, model, chip, work, text.windows.size());
  const double wall = watch.seconds();
  const Quality on_chip = quality(directory, work.chip_side.nats(), text);

  Json out{{"model", options.model},
           {"chip", chip.name},
           {"text", options.text},
           {"kv", options.placement.kv},
           {"activation_digits", options.placement.digits},
           {"weight_digits", options.placement.weight_digits},
           {"window_tokens", options.window},
           {"windows", text.windows.size()},
           {"bytes", text.bytes},
           {"tokens", text.tokens},
           {"nats_per_token", on_chip.nats_per_token},
           {"perplexity", on_chip.perplexity},
           {"bits_per_byte", on_chip.bits_per_byte},
           {"wall_s", wall},
           {"tokens_per_s_wall", static_cast<double>(text.tokens) / wall}};
  report::Table table({{"", report::Align::kLeft}, {"nats a token"}, {"perplexity"}, {"bits a byte"}});
  add(table, chip.name.c_str(), on_chip);
  std::string comparison;
  if (options.reference) {
    const Quality plain = quality(directory, work.reference_side.nats(), text);
    const double difference = 100 * (on_chip.nats_per_token / plain.nats_per_token - 1);
    const double same = agreement(work, text.tokens);
    out["reference"] = {{"nats_per_token", plain.nats_per_token},
                        {"perplexity", plain.perplexity},
                        {"bits_per_byte", plain.bits_per_byte}};
    out["relative_difference_pct"] = difference;
    out["top1_agreement"] = same;
    add(table, "FP32", plain);
    comparison = fmt::format("\ndifference {:+.4f} %; the likeliest token is the same at {:.2f} % of the positions\n",
                             difference, 100 * same);
    const kernels::QuantisationError lost = kernels::quantisation_error(model, options.placement.weight_digits);
    out["quantised_weights"] = lost.weights;
    out["quantisation_relative_rms"] = lost.relative_rms;
    if (lost.matrices > 0) {
      comparison += fmt::format(
          "{} matrices of the checkpoint ({} weights) are not FP8: as {} E4M3 digit{} they lose {:.3g} of their size\n",
          lost.matrices, report::si(static_cast<double>(lost.weights), ""), options.placement.weight_digits,
          options.placement.weight_digits == 1 ? "" : "s", lost.relative_rms);
    }
  }
  if (json) json->write(report::document("eval", out).dump(2) + "\n");
  if (json && json->is_standard_output()) return;
  fmt::print("{}: {} tokens, {} bytes, {} windows of at most {} tokens, {:.1f} s\n\n{}{}", options.text, text.tokens,
             text.bytes, text.windows.size(), options.window, wall, table.text(), comparison);
}

}  // namespace

void add_eval(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("eval", "Cross-entropy of a text on the chip, and beside it in plain FP32");
  command->add_option("MODEL", o.model, "Model directory or GGUF file, or the name of a folder under models/")
      ->required();
  command->add_option("-t,--text", o.text, "Text file; - reads standard input")->required();
  command->add_flag("--reference", o.reference, "Also with the FP32 reference, and compare");
  command->add_option("--chip", o.chip, "Chip description, or the name of a file under chips/")->capture_default_str();
  command->add_option("--window", o.window, "Tokens of a window, its bos included")
      ->check(CLI::Range(2, 1 << 20))
      ->capture_default_str();
  command->add_option("-n,--max-tokens", o.max_tokens, "Only the first tokens of the text")
      ->check(CLI::Range(1, 1 << 30));
  add_placement_options(*command, o.placement);
  command->add_option("--threads", o.threads, "Windows worked on at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--json", o.json, "Write the result as JSON; - writes it to standard output, and nothing else");
  command->add_flag("--no-checks", o.no_checks, "Leave out the checks for races and unwritten memory");
  command->footer(
      "The text is cut into windows, each with bos in front, so that every token is predicted exactly once from those\n"
      "before it in its window. Bits a byte = nats of all predictions / ln 2 / bytes of the text.\n\n"
      "Examples:\n"
      "  hadal eval hadal-tiny --text models/hadal-tiny/heldout.txt --reference\n"
      "  hadal eval hadal-tiny --text book.txt --max-tokens 2000 --kv bf16 --json eval.json");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
