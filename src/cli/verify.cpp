// hadal verify: the RTL against the simulators.
#include <memory>
#include <string>

#include "base/error.h"
#include "chip/chip.h"
#include "cli/app.h"
#include "cli/find.h"
#include "verify/packages.h"

namespace hadal::cli {
namespace {

struct Options {
  std::string chip = "hadal-rtl", packages;
};

void execute(const Options& options) {
  const chip::Chip chip = chip::load(find_chip(options.chip));
  if (!options.packages.empty()) return verify::write_packages(chip, options.packages);
}

}  // namespace

void add_verify(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("verify", "Run the RTL in lockstep with the functional simulator");
  command->add_option("--chip", o.chip, "Chip description or name");
  command->add_option("--write-packages", o.packages, "Only write the SystemVerilog packages into this directory");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
