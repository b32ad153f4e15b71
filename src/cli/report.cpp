// hadal report: what other commands wrote, as one HTML file.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "cli/app.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/page_file.h"
#include "report/page.h"
#include "report/units.h"

namespace hadal::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> inputs;
  std::string output, title = "Hadal";
};

void execute(const Options& options) {
  const std::string page = find_page();
  const OutputFile output(options.output);
  std::vector<report::Input> inputs;
  for (const std::string& file : options.inputs) inputs.push_back(report::read_input(file));
  const std::string html =
      report::fill_page(std::string(MappedFile::open(page).text()), page, report::page_data(options.title, inputs));
  output.write(html);
  if (output.is_standard_output()) return;
  fmt::print("{}: {} of {} document{}\n", options.output, report::binary_bytes(html.size()), inputs.size(),
             inputs.size() == 1 ? "" : "s");
}

}  // namespace

std::string find_page() {
  std::error_code ignored;
  const fs::path beside = fs::read_symlink("/proc/self/exe", ignored).parent_path() / "web" / "report.html";
  if (fs::exists(beside, ignored)) return beside.string();
  for (const std::string& root : data_roots()) {
    const fs::path built = fs::path(root) / "build" / "web" / "report.html";
    if (fs::exists(built, ignored)) return built.string();
  }
  input_error(beside.string(), "is not there; `make web` builds the page of reports (it needs npm)");
}

void add_report(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command =
      app.add_subcommand("report", "One HTML file that shows runs, checks, predictions, plans and explorations");
  command->add_option("INPUT", o.inputs, "Files that commands wrote with --json, or stores of explore")->required();
  command->add_option("-o,--output", o.output, "The HTML file; - writes it to standard output")->required();
  command->add_option("--title", o.title, "Heading of the page")->capture_default_str();
  command->footer(
      "The file needs no network. docs/report.md describes the pages and the JSON they are made from.\n\n"
      "Examples:\n"
      "  hadal run hadal-tiny -p \"It was\" --json run.json\n"
      "  hadal plan deepseek-day --json plan.json\n"
      "  hadal explore deepseek-day --store day.sqlite\n"
      "  hadal report run.json plan.json day.sqlite -o hadal.html");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
