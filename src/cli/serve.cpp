// hadal serve: OpenAI's API in front of a model on the simulated chip.
#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>

#include "base/error.h"
#include "cli/app.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "serve/server.h"

namespace hadal::cli {
namespace {

struct Options {
  ModelOptions model;
  std::string host = "127.0.0.1", api_key, api_key_file, name;
  int port = 8000, queue = 64, max_tokens = 4096;
  size_t max_body_bytes = 1 << 20;
  double timeout_s = 600, read_timeout_s = 20, drain_timeout_s = 30;
};

std::string api_key_of(const Options& options) {
  std::string key = options.api_key;
  if (!options.api_key_file.empty()) {
    key = read_text(options.api_key_file);
    while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
    if (key.empty() || key.find('\n') != key.npos) {
      input_error(options.api_key_file, "holds no key; one line is needed");
    }
  }
  const bool loopback = options.host == "localhost" || options.host == "::1" || options.host.starts_with("127.");
  if (!loopback && key.empty()) {
    input_error("--host", "{} can be reached by others; --api-key-file (or --api-key) is needed with it", options.host);
  }
  return key;
}

// SIGINT and SIGTERM, for as long as the object lives: taken by a thread of its own, and by no other that is started
// after it. Until there is a server they end the program, as they always do.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);  // threads started from here on inherit it
    thread_ = std::thread([this] {
      while (!done_) {
        const timespec wait{0, 100'000'000};
        const int signal = sigtimedwait(&set_, nullptr, &wait);
        if (signal <= 0) continue;
        serve::Server* const server = server_;
        if (server == nullptr) std::_Exit(128 + signal);
        server->drain();
      }
    });
  }
  ~Signals() {
    done_ = true;
    thread_.join();
    pthread_sigmask(SIG_UNBLOCK, &set_, nullptr);
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  void drain(serve::Server* server) { server_ = server; }

 private:
  sigset_t set_{};
  std::atomic<serve::Server*> server_ = nullptr;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

void execute(const Options& options) {
  const std::string key = api_key_of(options);
  Signals signals;  // before anything that starts threads
  const LoadedModel loaded(options.model);
  serve::SessionStepper stepper(*loaded.session);
  serve::EngineOptions engine_options;
  engine_options.queue = static_cast<size_t>(options.queue);
  engine_options.stop_tokens = loaded.prompting.stop_tokens();
  serve::Engine engine(stepper, loaded.model.tokenizer, engine_options);

  serve::ServerOptions server_options;
  const std::filesystem::path folder(std::filesystem::path(loaded.model.directory).lexically_normal());
  server_options.model = !options.name.empty()   ? options.name
                         : folder.has_filename() ? folder.filename().string()
                                                 : folder.parent_path().filename().string();
  server_options.chip = loaded.chip.name;
  server_options.api_key = key;
  server_options.max_body_bytes = options.max_body_bytes;
  server_options.read_timeout_s = options.read_timeout_s;
  server_options.generations = static_cast<size_t>(options.model.sequences + options.queue);
  server_options.drain_timeout_s = options.drain_timeout_s;
  server_options.limits = {options.max_tokens, loaded.session->context(), options.timeout_s};
  serve::Server server(engine, loaded.prompting, server_options);
  const int port = server.bind(options.host, options.port);
  signals.drain(&server);
  print_now(fmt::format("{} on {}, {} requests at once, {} tokens each: http://{}:{}/v1\n", server_options.model,
                        server_options.chip, stepper.slots(), stepper.context(), options.host, port));
  if (!loaded.prompting.has_template()) {
    print_now("The model has no chat template: conversations are written as lines of \"User:\" and \"Assistant:\".\n");
  }
  server.run();
  signals.drain(nullptr);
}

}  // namespace

void add_serve(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  o.model.sequences = 8;
  CLI::App* command = app.add_subcommand("serve", "Answer OpenAI's API with a model on the simulated chip");
  add_model_options(*command, o.model);
  command->add_option("--port", o.port, "0 takes a free one")->check(CLI::Range(0, 65535))->capture_default_str();
  command->add_option("--host", o.host, "Address to listen on; beyond loopback a key is required")
      ->capture_default_str();
  CLI::Option* key = command->add_option("--api-key", o.api_key, "Clients must send it; others can see it in ps");
  command->add_option("--api-key-file", o.api_key_file, "The same, from a file")->excludes(key);
  command->add_option("--name", o.name, "Of the model in requests; default: its folder");
  command->add_option("--sequences", o.model.sequences, "Requests that run at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--queue", o.queue, "Requests that may wait for their turn; more are refused")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  command->add_option("--max-tokens", o.max_tokens, "Most tokens of an answer")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--max-body", o.max_body_bytes, "Most bytes of a request")
      ->check(CLI::Range(1 << 10, 1 << 26))
      ->capture_default_str();
  command->add_option("--timeout", o.timeout_s, "Seconds a request may take; what there is by then is the answer")
      ->check(CLI::Range(0.1, 1e6))
      ->capture_default_str();
  command->add_option("--read-timeout", o.read_timeout_s, "Seconds a request may take to arrive")
      ->check(CLI::Range(1.0, 3600.0))
      ->capture_default_str();
  command->add_option("--drain-timeout", o.drain_timeout_s, "Seconds that running requests have after SIGTERM")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  hadal serve hadal-tiny --port 8000\n"
      "  curl http://127.0.0.1:8000/v1/completions -d '{\"model\": \"hadal-tiny\", \"prompt\": \"Once\"}'\n"
      "The first SIGINT or SIGTERM lets running requests end, the second does not.");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
