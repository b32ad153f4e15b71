// hadal asm and hadal disasm: programs as text and as the bytes the machine runs.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "cli/app.h"
#include "cli/output.h"
#include "cli/program_file.h"
#include "program/lint.h"

namespace hadal::cli {
namespace {

struct Options {
  std::string in, out, chip;
};

void refuse_hopeless(const program::Program& program, const std::string& path, const chip::Chip& chip) {
  const auto findings = program::lint(program, chip);
  if (findings.empty()) return;
  const std::string more = findings.size() > 1 ? fmt::format(" (and {} more)", findings.size() - 1) : "";
  input_error(path, "{}{}", program::to_string(findings.front()), more);
}

void assemble(Options options) {
  if (options.out.empty()) options.out = std::filesystem::path(options.in).replace_extension(".hprog").string();
  if (!options.out.ends_with(".hprog"))
    input_error(options.out, "is no name for a program; one that ends in .hprog is needed");
  const program::Program program = load_program(options.in);
  refuse_hopeless(program, options.in, chip_for(program, options.in, options.chip));
  program::save(program, options.out);
}

void disassemble(const Options& options) {
  OutputFile(options.out).write(program::disassemble(load_program(options.in)));
}

}  // namespace

void add_asm(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("asm", "Assemble a program file");
  command->add_option("IN", options->in, "Program text, docs/assembly.md")->required();
  command->add_option("-o,--output", options->out, "Program to write; IN with the ending .hprog unless given");
  command->add_option("--chip", options->chip, "Chip to check against, in place of the one the program names");
  command->footer(
      "Refuses what no run could get right: see docs/assembly.md.\n\nExample:\n  hadal asm double.hasm -o "
      "double.hprog");
  command->callback([options, &action] { action = [options] { assemble(*options); }; });
}

void add_disasm(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  options->out = "-";
  CLI::App* command = app.add_subcommand("disasm", "Print a program file as text that asm reads back");
  command->add_option("PROG", options->in, "Program, .hprog or .hasm")->required();
  command->add_option("-o,--output", options->out, "File to write; - is standard output")->capture_default_str();
  command->footer("Example:\n  hadal disasm double.hprog | less");
  command->callback([options, &action] { action = [options] { disassemble(*options); }; });
}

}  // namespace hadal::cli
