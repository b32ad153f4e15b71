// Documents go into a script element of type application/json, where only "<" could end it.
#include "report/page.h"

#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/mapped_file.h"
#include "report/document.h"
#include "report/explore.h"

namespace hadal::report {
namespace {

constexpr std::string_view kPlace = "<script id=\"hadal-data\" type=\"application/json\">null</script>";

}  // namespace

Input read_input(const std::string& file) {
  Input input{std::filesystem::path(file).stem().string(), {}};
  if (explore::Store::is_store(file)) {
    input.document = to_json(explore::Store::open(file), file);
  } else {
    input.document = parse_document(std::string(MappedFile::open(file).text()), file);
  }
  return input;
}

nlohmann::ordered_json page_data(const std::string& title, const std::vector<Input>& inputs) {
  nlohmann::ordered_json out{{"title", title}, {"inputs", nlohmann::ordered_json::array()}};
  for (const Input& input : inputs) out["inputs"].push_back({{"name", input.name}, {"document", input.document}});
  return out;
}

std::string fill_page(const std::string& page, const std::string& file, const nlohmann::ordered_json& data) {
  const size_t at = page.find(kPlace);
  if (at == std::string::npos) input_error(file, "has no place for data; `make web` builds the page that has one");
  std::string escaped;
  for (const char c : data.dump()) {
    if (c == '<') {
      escaped += "\\u003c";
    } else {
      escaped += c;
    }
  }
  const size_t null = at + kPlace.find("null<");
  return page.substr(0, null) + escaped + page.substr(null + 4);
}

}  // namespace hadal::report
