// Command line in, exit status out.
#include "cli/app.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/nearest.h"
#include "cli/terminal.h"
#include "report/table.h"

namespace hadal::cli {
namespace {

constexpr int kBadInput = 2, kFault = 3, kInternal = 70;

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInput: return kBadInput;
    case ErrorKind::kFault: return kFault;
    case ErrorKind::kInternal: return kInternal;
  }
  return kInternal;
}

// The command that was chosen, or the program itself.
const CLI::App& chosen(const CLI::App& app) {
  const auto commands = app.get_subcommands();
  return commands.empty() ? app : *commands.front();
}

std::string unknown_word(const CLI::App& app, const std::string& word) {
  const CLI::App& command = chosen(app);
  std::vector<std::string> names;
  const bool option = word.starts_with('-');
  if (option) {
    for (const CLI::Option* o : command.get_options()) {
      for (const std::string& name : o->get_lnames()) names.push_back(fmt::format("--{}", name));
    }
  } else {
    for (const CLI::App* c : command.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(c->get_name());
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  const std::string_view close = nearest(word.substr(0, word.find('=')), known);
  const char* what = option ? "option" : names.empty() ? "argument" : "command";
  if (close.empty()) return fmt::format("unexpected {} '{}'", what, word);
  return fmt::format("unknown {} '{}'; did you mean '{}'?", what, word, close);
}

std::string complaint(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = chosen(app);
  const std::vector<std::string> unexpected = app.remaining(true);
  std::string message = error.what();
  // A misspelt option is the better thing to say, also where it leaves a required one missing.
  if (!unexpected.empty()) message = unknown_word(app, unexpected.front());
  return fmt::format("{} (see hadal {}--help)", message, &command == &app ? "" : command.get_name() + " ");
}

int parse(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {  // --help, --version
    return app.exit(request);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "hadal: {}\n", complaint(app, error));
    return kBadInput;
  }
  return 0;
}

int execute(const Action& action) {
  try {
    action();
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      input_error("standard output", "cannot be written: {}", std::strerror(errno));
    }
    return 0;
  } catch (const Error& error) {
    const char* kind = error.kind() == ErrorKind::kInternal ? "internal error: " : "";
    fmt::print(stderr, "hadal: {}{}\n", kind, error.what());
    return status_of(error.kind());
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "hadal: out of memory\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "hadal: internal error: {}\n", error.what());
  }
  return kInternal;
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App app("Hadal: an open AI chip for DeepSeek-class models, simulated.", "hadal");
  app.set_version_flag("--version", "hadal " HADAL_VERSION, "Print the version and exit");
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.get_formatter()->column_width(36);
  app.footer(
      "Examples:\n"
      "  hadal run hadal-tiny --prompt \"Once upon a time\"\n"
      "  hadal eval hadal-tiny --text models/hadal-tiny/heldout.txt --max-tokens 2000 --reference\n"
      "  hadal plan deepseek-day\n"
      "  hadal chips\n"
      "  hadal COMMAND --help\n\n"
      "Exit status: 0 success, 2 bad input, 3 a program broke a rule of the machine, 70 an internal error.");
  Action action;
  add_run(app, action);
  add_eval(app, action);
  add_predict(app, action);
  add_validate(app, action);
  add_exec(app, action);
  add_asm(app, action);
  add_disasm(app, action);
  add_isa(app, action);
  add_verify(app, action);
  add_chips(app, action);
  add_chat(app, action);
  add_serve(app, action);
  add_models(app, action);
  add_tokenize(app, action);
  add_plan(app, action);
  add_explore(app, action);
  add_report(app, action);
  add_ui(app, action);
  add_synth(app, action);
  add_random(app, action);
  app.require_subcommand(0, 1);
  if (const int status = parse(app, argc, argv); status != 0) return status;
  if (is_terminal(STDOUT_FILENO)) report::Table::set_widest(terminal_width(STDOUT_FILENO));
  if (action) return execute(action);
  if (argc < 2) fmt::print("{}", app.help());
  return 0;
}

}  // namespace hadal::cli
