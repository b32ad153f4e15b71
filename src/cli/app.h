// The `hadal` program: its commands, and errors turned into one line and an exit status.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace hadal::cli {

// What the chosen command does, once the whole command line has been understood.
using Action = std::function<void()>;

void add_run(CLI::App& app, Action& action);
void add_eval(CLI::App& app, Action& action);
void add_asm(CLI::App& app, Action& action);
void add_disasm(CLI::App& app, Action& action);
void add_exec(CLI::App& app, Action& action);
void add_chips(CLI::App& app, Action& action);
void add_models(CLI::App& app, Action& action);
void add_predict(CLI::App& app, Action& action);
void add_validate(CLI::App& app, Action& action);
void add_isa(CLI::App& app, Action& action);
void add_serve(CLI::App& app, Action& action);
void add_chat(CLI::App& app, Action& action);
void add_tokenize(CLI::App& app, Action& action);
void add_plan(CLI::App& app, Action& action);
void add_verify(CLI::App& app, Action& action);
void add_explore(CLI::App& app, Action& action);
void add_report(CLI::App& app, Action& action);
void add_ui(CLI::App& app, Action& action);
void add_synth(CLI::App& app, Action& action);
void add_random(CLI::App& app, Action& action);

// The exit status: 0 success, 2 bad input, 3 a fault of the machine, 70 a broken internal promise.
int run(int argc, char** argv);

}  // namespace hadal::cli
