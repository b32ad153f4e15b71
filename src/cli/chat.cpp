// hadal chat: a conversation with a model on the simulated chip. What was said stays in the cache, so a turn costs its
// own tokens only.
#include "cli/chat.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/app.h"
#include "cli/model_options.h"
#include "cli/terminal.h"
#include "cli/think.h"
#include "report/units.h"
#include "serve/engine.h"

namespace hadal::cli {
namespace {

using nlohmann::ordered_json;

struct Options {
  ModelOptions model;
  std::string render, system;
  std::vector<std::string> stop, messages;
  int max_tokens = 512;
  runtime::SamplerOptions sampling{.temperature = 0.7, .top_p = 0.95};
  bool quiet = false, no_think = false;
};

volatile std::sig_atomic_t interrupted = 0;  // NOLINT(bugprone-*)

// Ctrl-C ends the answer that is being written, not the program.
class Interrupts {
 public:
  Interrupts() {
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = 1; };
    sigaction(SIGINT, &action, &before_);
    interrupted = 0;
  }
  ~Interrupts() { sigaction(SIGINT, &before_, nullptr); }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

 private:
  struct sigaction before_ {};
};

void show(const std::vector<ThinkSplitter::Part>& parts) {
  for (const auto& [text, thinking] : parts) print_now(thinking ? dim(text) : text);
}

class Conversation {
 public:
  Conversation(const Options& options, LoadedModel& loaded)
      : options_(options),
        loaded_(loaded),
        stepper_(*loaded.session),
        engine_(stepper_, loaded.model.tokenizer, {1, loaded.prompting.stop_tokens()}) {
    restart();
  }

  void restart() {
    messages_ = ordered_json::array();
    if (!options_.system.empty()) messages_.push_back({{"role", "system"}, {"content", options_.system}});
  }

  // Answers `text`, or says why not and forgets it.
  void say(const std::string& text) {
    messages_.push_back({{"role", "user"}, {"content", text}});
    ordered_json extra = ordered_json::object();
    if (options_.no_think) extra["enable_thinking"] = false;
    serve::Request request;
    try {
      request = make_request(loaded_.prompting.conversation(messages_, nullptr, extra));
    } catch (const Error&) {
      messages_.erase(messages_.size() - 1);
      throw;
    }
    // Some templates open the thinking themselves.
    const auto tail = loaded_.model.tokenizer.decode(
        std::span(request.prompt).last(std::min<size_t>(4, request.prompt.size())), false);
    const size_t open = tail.rfind("<think>");
    ThinkSplitter splitter(open != tail.npos && tail.find("</think>", open) == tail.npos);
    std::string answer;
    serve::Usage usage;
    const Interrupts interrupts;
    const auto id = engine_.submit(std::move(request), [&](const serve::Update& update) {
      answer += update.text;
      show(splitter.push(update.text));
      if (update.ending == serve::Ending::kFailed) throw Error(ErrorKind::kFault, update.error);
      if (update.ending) usage = update.usage;
    });
    while (engine_.step()) {
      if (interrupted != 0) engine_.cancel(*id);
    }
    show(splitter.finish());
    print_now("\n");
    if (!options_.quiet) print_now(dim(account(usage)) + "\n");
    messages_.push_back({{"role", "assistant"}, {"content", answer}});
  }

 private:
  serve::Request make_request(std::vector<int32_t> prompt) {
    const int64_t room = stepper_.context() - static_cast<int64_t>(prompt.size());
    if (room < 1) {
      input_error("chat", "the conversation has {} tokens and fills the context of {}; /new begins another",
                  prompt.size(), stepper_.context());
    }
    serve::Request request;
    request.prompt = std::move(prompt);
    request.max_tokens = static_cast<int>(std::min<int64_t>(room, options_.max_tokens));
    request.sampling = options_.sampling;
    request.sampling.seed += messages_.size();
    request.stop = options_.stop;
    for (const std::string& stop : loaded_.prompting.conversation_stops()) request.stop.push_back(stop);
    request.timeout_s = 1e9;
    return request;
  }

  std::string account(const serve::Usage& usage) const {
    std::string text = fmt::format("[{} + {} tokens, {} of them in the cache; host {:.1f} s", usage.prompt_tokens,
                                   usage.completion_tokens, usage.cached_tokens, usage.prefill_s + usage.decode_s);
    if (!options_.model.no_timing) {
      text += fmt::format(", chip {:.3f} ms, {:.1f} mJ", (usage.simulated_prefill_s + usage.simulated_decode_s) * 1e3,
                          usage.simulated_energy_j * 1e3);
    }
    return text + "]";
  }

  const Options& options_;
  LoadedModel& loaded_;
  serve::SessionStepper stepper_;
  serve::Engine engine_;
  ordered_json messages_;
};

void execute(const Options& options) {
  if (!options.render.empty()) return render_conversations(options.model.model, options.render);
  for (const std::string& stop : options.stop) {
    if (stop.empty()) input_error("--stop", "is empty; text is needed");
  }
  LoadedModel loaded(options.model);
  if (!loaded.prompting.has_template()) {
    fmt::print(stderr,
               "hadal: {} has no chat template: the conversation is written as lines of \"User:\" and \"Assistant:\"\n",
               loaded.model.directory);
  }
  Conversation conversation(options, loaded);
  for (const std::string& message : options.messages) {
    if (!options.quiet) print_now(dim("> " + message) + "\n");
    conversation.say(message);
  }
  if (!options.messages.empty()) return;
  const bool asks = isatty(STDIN_FILENO) == 1;
  if (asks && !options.quiet)
    print_now(dim("/new forgets what was said, /exit or Ctrl-D ends, Ctrl-C ends an answer") + "\n");
  std::string line;
  for (;;) {
    if (asks) print_now("> ");
    if (!std::getline(std::cin, line) || line == "/exit") break;
    if (line.empty()) continue;
    if (line == "/new") {
      conversation.restart();
      continue;
    }
    try {
      conversation.say(line);
    } catch (const Error& error) {
      if (!asks || error.kind() != ErrorKind::kInput) throw;
      fmt::print(stderr, "hadal: {}\n", error.what());
    }
  }
}

}  // namespace

void add_chat(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("chat", "Talk with a model on the simulated chip");
  add_model_options(*command, o.model);
  command->add_option("--system", o.system, "System message");
  command->add_option("-m,--message", o.messages, "Say this instead of reading lines; may be repeated");
  command->add_option("--stop", o.stop, "Text that ends an answer; may be repeated");
  command->add_option("-n,--max-tokens", o.max_tokens, "Most tokens of an answer")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  add_sampling_options(*command, o.sampling);
  command->add_flag("--no-think", o.no_think, "Ask the template for an answer without thinking, if it knows how");
  command->add_flag("-q,--quiet", o.quiet, "Print the answers and nothing else");
  command->add_option("--render", o.render,
                      "Print the prompts of the conversations in a file, one JSON object a line, and load no weights");
  command->footer(
      "Examples:\n"
      "  hadal chat hadal-tiny\n"
      "  hadal chat hadal-tiny --system \"You are a sailor.\" -m \"Where to?\"");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
