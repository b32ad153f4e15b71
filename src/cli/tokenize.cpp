// hadal tokenize: text to tokens and back, as a checkpoint's tokenizer has it.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/app.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "model/model.h"
#include "model/utf8.h"

namespace hadal::cli {
namespace {

using nlohmann::json;

struct Options {
  std::string model, text = "-";
  bool decode = false, lines = false, plain = false, time = false;
  int repeat = 1;
};

json parse_line(const std::string& line, const std::string& where, bool decode) {
  json value = json::parse(line, nullptr, false);
  if (!decode && !value.is_string()) input_error(where, "holds no JSON string; a text in quotes is needed");
  if (decode && !value.is_array()) input_error(where, "holds no JSON list; token ids in brackets are needed");
  for (const json& id : decode ? value : json::array()) {
    if (!id.is_number_integer()) input_error(where, "holds {}; token ids are integers", id.dump());
  }
  return value;
}

std::vector<json> read_items(const Options& options) {
  const std::string text = read_text(options.text);
  std::vector<json> items;
  if (!options.lines && !options.decode) return {model::repair_utf8(text)};
  size_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    items.push_back(
        parse_line(text.substr(begin, end - begin), fmt::format("{}:{}", options.text, ++number), options.decode));
    begin = end + 1;
  }
  return items;
}

void execute(const Options& options) {
  const bool is_file = std::filesystem::is_regular_file(options.model);
  const auto tokenizer =
      model::Tokenizer::load(is_file ? options.model : find_model(options.model) + "/tokenizer.json");
  const std::vector<json> items = read_items(options);
  std::vector<json> results(items.size());
  size_t bytes = 0, tokens = 0;
  const Stopwatch watch;
  for (int pass = 0; pass < options.repeat; ++pass) {
    for (size_t i = 0; i < items.size(); ++i) {
      if (options.decode) {
        const auto ids = items[i].get<std::vector<int32_t>>();
        tokens += ids.size();
        results[i] = model::repair_utf8(tokenizer.decode(ids, !options.plain));
      } else {
        const auto& text = items[i].get_ref<const std::string&>();
        std::vector<int32_t> ids = tokenizer.encode(text, !options.plain);
        bytes += text.size();
        tokens += ids.size();
        if (pass == 0) results[i] = std::move(ids);
      }
    }
  }
  if (options.time) {
    const double seconds = watch.seconds();
    fmt::print("{}\n", json{{"seconds", seconds}, {"bytes", bytes}, {"tokens", tokens}}.dump());
    return;
  }
  for (const json& result : results) fmt::print("{}\n", result.dump());
}

}  // namespace

void add_tokenize(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("tokenize", "Turn text into token ids, or ids into text");
  command->add_option("MODEL", o.model, "Model directory, folder under models/, or a tokenizer.json")->required();
  command->add_option("--text", o.text, "File of the text; - is standard input")->capture_default_str();
  CLI::Option* lines = command->add_flag("--lines", o.lines, "Every line is a text, as a JSON string");
  command->add_flag("--decode", o.decode, "Every line is a JSON list of ids; prints their text")->excludes(lines);
  command->add_flag("--plain", o.plain, "Take special tokens in the text as plain text; show them when decoding");
  command->add_flag("--time", o.time, "Print how long it took instead of the result, without loading");
  command->add_option("--repeat", o.repeat, "How often, for --time")->check(CLI::Range(1, 1000))->capture_default_str();
  command->footer(
      "Examples:\n"
      "  echo -n \"Once upon a time\" | hadal tokenize hadal-tiny\n"
      "  echo \"[1, 2, 3]\" | hadal tokenize hadal-tiny --decode");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
