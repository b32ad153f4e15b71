// hadal ui: the pages of hadal report while runs and searches go on.
#include <fmt/format.h>

#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mapped_file.h"
#include "cli/app.h"
#include "cli/page_file.h"
#include "cli/terminal.h"
#include "serve/viewer.h"

namespace hadal::cli {
namespace {

struct Options {
  std::vector<std::string> inputs;
  std::string title = "Hadal";
  int port = 8080;
};

void execute(const Options& options) {
  const std::string page = find_page();
  serve::Viewer viewer(std::string(MappedFile::open(page).text()), page, options.title, options.inputs);
  const int port = viewer.bind(options.port);
  // Signals are taken by one thread that may do anything; a handler may not.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  std::thread([&viewer, ends] {
    int signal = 0;
    sigwait(&ends, &signal);
    viewer.stop();
  }).detach();
  print_now(fmt::format("{} file{}: http://127.0.0.1:{}/ until interrupted\n", options.inputs.size(),
                        options.inputs.size() == 1 ? "" : "s", port));
  viewer.run();
}

}  // namespace

void add_ui(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command =
      app.add_subcommand("ui", "The pages of `report`, live on this machine while runs and searches go on");
  command->add_option("INPUT", o.inputs, "JSON files and stores, as `report` takes them; they may appear later")
      ->required();
  command->add_option("--port", o.port, "0 takes a free one")->check(CLI::Range(0, 65535))->capture_default_str();
  command->add_option("--title", o.title, "Heading of the page")->capture_default_str();
  command->footer(
      "Shows only, on 127.0.0.1 only.\n\n"
      "Examples:\n"
      "  hadal explore deepseek-day --store day.sqlite & hadal ui day.sqlite\n"
      "  hadal run hadal-tiny -p \"It was\" -n 200 --live run.json & hadal ui run.json");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
