// hadal run: text from a model on the simulated chip, and what it cost.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/app.h"
#include "cli/find.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "report/run.h"
#include "report/units.h"
#include "runtime/speculate.h"

namespace hadal::cli {
namespace {

struct Options {
  std::string model, prompt, chip = "chips/hadal-1.yaml", trace, json, live;
  PlacementOptions placement;
  int max_tokens = 64, batch = 1, threads = 1;
  runtime::SamplerOptions sampling;
  bool mtp = false, no_timing = false, no_checks = false, quiet = false;
};

std::vector<int32_t> encode_prompt(const model::Model& model, const std::string& prompt) {
  const auto bos = static_cast<int32_t>(model.config.bos_token_id);
  std::vector<int32_t> tokens = model.tokenizer.encode(prompt);
  if (bos >= 0 && model.config.prepend_bos && (tokens.empty() || tokens.front() != bos))
    tokens.insert(tokens.begin(), bos);
  if (tokens.empty()) input_error("--prompt", "is empty, and the model has no beginning-of-text token to start from");
  const int64_t limit = model.config.max_position_embeddings;
  if (static_cast<int64_t>(tokens.size()) > limit) {
    input_error("--prompt", "has {} tokens; the model takes at most {}", tokens.size(), limit);
  }
  return tokens;
}

runtime::SessionOptions session_options(const Options& options, const model::Model& model, size_t prompt_tokens) {
  runtime::SessionOptions session;
  session.compile = compile_options(options.placement);
  session.compile.sequences = options.batch;
  session.compile.mtp = options.mtp;
  const int64_t needed = static_cast<int64_t>(prompt_tokens) + options.max_tokens;
  session.compile.context = std::min(model.config.max_position_embeddings, std::max(needed, kUsualContext));
  session.functional.check_races = session.functional.check_initialised = !options.no_checks;
  session.functional.threads = options.threads;
  session.timing = !options.no_timing;
  return session;
}

// Shows the first sequence as it grows, or how far a batch has come.
class Display {
 public:
  Display(const Options& options, const runtime::Session& session, bool silent)
      : options_(options), session_(session), silent_(silent) {}

  void begin() {
    if (!streams()) return;
    if (!options_.quiet) print_now(dim(options_.prompt));
    status_.show("reading the prompt");
  }
  void begin_decode() { since_ = Stopwatch(); }
  void token(size_t sequence, int32_t token) {
    ++tokens_;
    if (streams() && sequence == 0) {
      status_.clear();
      print_now(text_.push(session_.model().tokenizer.decode(std::vector{token})));
    }
    status_.show(status());
  }
  void end() {
    status_.clear();
    if (streams()) print_now(text_.finish() + "\n");
  }

 private:
  bool streams() const { return !silent_ && options_.batch == 1; }
  std::string status() const {
    const runtime::TimingTotals& timing = session_.timing_so_far();
    const auto steps = static_cast<double>(timing.steps) * options_.batch;
    std::string text = fmt::format("[{} of {} tokens", tokens_, options_.max_tokens * options_.batch);
    if (timing.steps > 0) {
      const double seconds = report::simulated_s(timing.sum, session_.chip());
      text += fmt::format(", chip {} tokens/s", report::grouped(static_cast<uint64_t>(steps / seconds)));
    }
    return text + fmt::format(", host {:.1f} tokens/s]", static_cast<double>(tokens_) / since_.seconds());
  }

  const Options& options_;
  const runtime::Session& session_;
  bool silent_;
  uint64_t tokens_ = 0;
  Stopwatch since_;
  Utf8Stream text_;
  StatusLine status_;
};

// Writes what is known of a run that goes on, for `hadal ui`; not more often than anyone looks.
class Live {
 public:
  explicit Live(const std::string& path) {
    if (!path.empty()) file_.emplace(path);
  }
  void show(const report::Run& known, const runtime::TimingTotals& so_far, double wall_s) {
    if (!file_ || (shown_ && since_.seconds() < kEvery_s)) return;
    since_ = Stopwatch();
    shown_ = true;
    report::Run run = known;
    report::Phase& phase = run.prefill.wall_s > 0 ? run.decode : run.prefill;
    phase.timing = so_far;
    phase.wall_s = wall_s;
    for (const report::Sequence& s : run.sequences)
      run.decode.tokens += s.token_ids.empty() ? 0 : s.token_ids.size() - 1;
    run.finished = false;
    file_->write(report::to_json(run).dump(2) + "\n");
  }
  void finish(const report::Run& run) const {
    if (file_) file_->write(report::to_json(run).dump(2) + "\n");
  }

 private:
  static constexpr double kEvery_s = 0.5;
  std::optional<OutputFile> file_;
  bool shown_ = false;
  Stopwatch since_;
};

// Fills in what `run` does not have yet: the sequences and what they took.
void generate(const Options& options, runtime::Session& session, const std::vector<int32_t>& prompt, bool silent,
              Live& live, report::Run& run) {
  const std::vector<std::vector<int32_t>> prompts(static_cast<size_t>(options.batch), prompt);
  Display display(options, session, silent);
  display.begin();
  Stopwatch watch;
  std::vector<Utf8Stream> texts(prompts.size());
  for (size_t s = 0; s < prompts.size(); ++s) run.sequences.push_back({options.sampling.seed + s, "", {}, false});
  const auto on_token = [&](size_t s, int32_t token) {
    display.token(s, token);
    report::Sequence& sequence = run.sequences[s];
    sequence.token_ids.push_back(token);
    sequence.pieces.push_back(texts[s].push(session.model().tokenizer.decode(std::vector{token})));
    sequence.text += sequence.pieces.back();
    live.show(run, session.timing_so_far(), watch.seconds());
  };
  const auto on_prefilled = [&] {
    run.prefill.wall_s = watch.seconds();
    run.prefill.timing = session.take_timing();
    watch = Stopwatch();
    display.begin_decode();
  };
  runtime::Speculation drafts;
  const auto generated =
      options.mtp
          ? runtime::speculate(session, prompts, options.max_tokens, options.sampling, drafts, on_token, on_prefilled)
          : runtime::generate(session, prompts, options.max_tokens, options.sampling, on_token, on_prefilled);
  run.drafted = drafts.drafted;
  run.drafts_accepted = drafts.accepted;
  run.decode.wall_s = watch.seconds();
  run.decode.timing = session.take_timing();
  display.end();
  for (size_t s = 0; s < generated.size(); ++s) {
    const runtime::Generated& g = generated[s];
    report::Sequence& sequence = run.sequences[s];
    sequence.stopped = g.stopped;
    const std::string rest = texts[s].finish();  // of a character that was cut short
    sequence.text += rest;
    if (!sequence.pieces.empty()) sequence.pieces.back() += rest;
    // The last prompt step yields the first token, the end token counts as one.
    run.decode.tokens += g.tokens.size() + (g.stopped ? 1 : 0) - (g.tokens.empty() && !g.stopped ? 0 : 1);
  }
  run.work = session.stats();
  const kernels::Residency& residency = *session.compiled().residency;
  if (residency.bounded()) {
    run.host_bound_bytes = residency.bound();
    run.host_most_bytes = residency.most_bytes();
    run.host_made_bytes = residency.made_bytes();
  }
}

void print_report(const Options& options, const report::Run& run) {
  if (options.batch > 1) {
    for (const report::Sequence& s : run.sequences) {
      fmt::print("{}{}{}\n", dim(fmt::format("[seed {}] ", s.seed)), options.quiet ? "" : dim(options.prompt), s.text);
    }
  }
  if (!options.quiet) fmt::print("\n{}", report::to_text(run));
}

// The chip that sets the pace of a row of them: whose trace is shown.
int slowest_chip(const report::Run& run) {
  const std::vector<uint64_t>& cycles = (run.decode.timing.steps > 0 ? run.decode : run.prefill).timing.chip_cycles;
  return static_cast<int>(std::max_element(cycles.begin(), cycles.end()) - cycles.begin());
}

void execute(const Options& options) {
  const std::string directory = find_model(options.model);
  const chip::Chip chip = chip::load(find_chip(options.chip));
  std::optional<OutputFile> json, trace;
  if (!options.json.empty()) json.emplace(options.json);
  if (!options.trace.empty()) trace.emplace(options.trace);
  Live live(options.live);

  const Stopwatch loading;
  const model::Model model = model::Model::load(directory);
  const std::vector<int32_t> prompt = encode_prompt(model, options.prompt);
  runtime::Session session(model, chip, session_options(options, model, prompt.size()));
  const double load_s = loading.seconds();

  const bool silent = json && json->is_standard_output();
  report::Run run;
  run.model = options.model;
  run.prompt = options.prompt;
  run.chip = &chip;
  run.chips = session.chips();
  run.timed = !options.no_timing;
  run.load_s = load_s;
  run.prompt_tokens = prompt.size();
  run.prefill.tokens = prompt.size() * static_cast<size_t>(options.batch);
  generate(options, session, prompt, silent, live, run);
  const int shown = slowest_chip(run);
  if (trace) {
    trace->write([&](std::ostream& out) {
      sim::TimingOptions timing;
      timing.chrome_trace = &out;
      sim::simulate_timing(chip, session.last_program(shown), session.trace(shown), timing);
    });
  }
  if ((json || !options.live.empty()) && run.timed) {
    sim::TimingOptions timing;
    timing.timeline = &run.timeline;
    sim::simulate_timing(chip, session.last_program(shown), session.trace(shown), timing);
  }
  live.finish(run);
  if (json) json->write(report::to_json(run).dump(2) + "\n");
  if (!silent) print_report(options, run);
}

}  // namespace

void add_run(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("run", "Generate text on the simulated chip and report what it cost");
  command->add_option("MODEL", o.model, "Model directory or GGUF file, or the name of a folder under models/")
      ->required();
  command->add_option("-p,--prompt", o.prompt, "Text to continue")->required();
  command->add_option("--chip", o.chip, "Chip description, or the name of a file under chips/")->capture_default_str();
  command->add_option("-n,--max-tokens", o.max_tokens, "Most tokens to generate")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  add_sampling_options(*command, o.sampling);
  command->add_option("--batch", o.batch, "Sequences decoded together, with seeds SEED, SEED+1, ...")
      ->check(CLI::Range(1, 32))
      ->capture_default_str();
  add_placement_options(*command, o.placement);
  command->add_option("--threads", o.threads, "Host threads of the functional simulator")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--json", o.json, "Write the report as JSON; - writes it to standard output, and nothing else");
  command->add_option("--live", o.live, "Write the report so far to this file as the run goes on; `hadal ui` shows it");
  CLI::Option* trace = command->add_option(
      "--trace", o.trace,
      "Write a Perfetto trace (ui.perfetto.dev) of the last step; of several chips, of the slowest");
  command->add_flag("--mtp", o.mtp,
                    "Draft tokens with the layer for multi-token prediction: the same text in fewer steps");
  command->add_flag("--no-timing", o.no_timing, "Leave out the timing simulator: faster, no cycles")->excludes(trace);
  command->add_flag("--no-checks", o.no_checks, "Leave out the checks for races and unwritten memory");
  command->add_flag("-q,--quiet", o.quiet, "Print the generated text and nothing else");
  command->footer(
      "Examples:\n"
      "  hadal run hadal-tiny --prompt \"Once upon a time\"\n"
      "  hadal run models/hadal-tiny -p \"The sea\" -n 100 --temperature 0.7 --top-p 0.95 --seed 3\n"
      "  hadal run hadal-tiny -p \"It was\" --trace step.json --json run.json\n"
      "  hadal run hadal-tiny -p \"It was\" --chip hadal-rtl -n 8");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
