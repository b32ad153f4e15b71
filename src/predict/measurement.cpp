// Reading the table: CSV with quotes, checked cell by cell.
#include "predict/measurement.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/nearest.h"

namespace hadal::predict {
namespace {

constexpr std::string_view kColumns[] = {"id",    "group", "chip", "model",  "operator",   "config", "metric",
                                         "value", "unit",  "mark", "source", "confidence", "note"};
constexpr std::string_view kMarks[] = {"fit", "test", "context"};

struct Record {
  std::vector<std::string> cells;
  int line = 0;
};

// RFC 4180: cells in quotes may hold commas, line ends and doubled quotes.
std::vector<Record> records(std::string_view text, const std::string& file) {
  std::vector<Record> out;
  int line = 1;
  size_t at = 0;
  while (at < text.size()) {
    Record record;
    record.line = line;
    std::string cell;
    bool quoted = false;
    for (bool done = false; !done; ++at) {
      const char c = at < text.size() ? text[at] : '\n';
      if (quoted) {
        if (at >= text.size()) input_error(file + ":" + std::to_string(record.line), "a quote is never closed");
        if (c == '\n') ++line;
        if (c != '"') {
          cell += c;
        } else if (at + 1 < text.size() && text[at + 1] == '"') {
          cell += text[++at];
        } else {
          quoted = false;
        }
      } else if (c == '"') {
        quoted = true;
      } else if (c == ',' || c == '\n') {
        if (!cell.empty() && cell.back() == '\r') cell.pop_back();
        record.cells.push_back(std::move(cell));
        cell.clear();
        done = c == '\n';
      } else {
        cell += c;
      }
    }
    ++line;
    if (record.cells.size() > 1 || !record.cells.front().empty()) out.push_back(std::move(record));
  }
  return out;
}

std::map<std::string, std::string, std::less<>> parse_config(const std::string& text, const std::string& where) {
  std::map<std::string, std::string, std::less<>> out;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find(';', at), text.size());
    const std::string pair = text.substr(at, end - at);
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      input_error(where, "config: '{}' is not KEY=VALUE; pairs are separated by ';'", pair);
    }
    if (!out.emplace(pair.substr(0, equals), pair.substr(equals + 1)).second) {
      input_error(where, "config: key '{}' is given twice", pair.substr(0, equals));
    }
    at = end + 1;
  }
  return out;
}

}  // namespace

std::vector<Measurement> parse_measurements(std::string_view text, const std::string& file) {
  const std::vector<Record> table = records(text, file);
  if (table.empty()) input_error(file, "is empty; a line of column names is needed");
  const std::vector<std::string>& header = table.front().cells;
  for (const std::string_view column : kColumns) {
    if (std::find(header.begin(), header.end(), column) == header.end()) {
      input_error(file + ":1", "column '{}' is missing", column);
    }
  }
  for (const std::string& column : header) {
    if (std::find(std::begin(kColumns), std::end(kColumns), column) == std::end(kColumns)) {
      input_error(file + ":1", "unknown column '{}'; {}", column, suggestion(column, kColumns));
    }
  }
  std::vector<Measurement> out;
  std::set<std::string> ids;
  for (size_t r = 1; r < table.size(); ++r) {
    const Record& record = table[r];
    const std::string where = file + ":" + std::to_string(record.line);
    if (record.cells.size() != header.size()) {
      input_error(where, "has {} cells; the table has {} columns", record.cells.size(), header.size());
    }
    const auto cell = [&](std::string_view column) -> const std::string& {
      const auto place = std::find(header.begin(), header.end(), column) - header.begin();
      return record.cells[static_cast<size_t>(place)];
    };
    Measurement m;
    m.where = where;
    m.id = cell("id");
    m.group = cell("group");
    m.chip = cell("chip");
    m.model = cell("model");
    m.operation = cell("operator");
    m.config = parse_config(cell("config"), where);
    m.metric = cell("metric");
    m.unit = cell("unit");
    m.mark = cell("mark");
    m.source = cell("source");
    m.confidence = cell("confidence");
    m.note = cell("note");
    if (m.id.empty()) input_error(where, "id is empty; a name for the row is needed");
    if (!ids.insert(m.id).second) input_error(where, "id '{}' is given twice", m.id);
    if (m.group.empty()) input_error(where, "group is empty; errors are summed up by it");
    if (m.source.empty()) input_error(where, "source is empty; a measurement without one is not used");
    if (std::find(std::begin(kMarks), std::end(kMarks), m.mark) == std::end(kMarks)) {
      input_error(where, "mark '{}' is not one of fit, test, context", m.mark);
    }
    const std::string& value = cell("value");
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), m.value);
    if (error != std::errc() || end != value.data() + value.size() || !(m.value > 0) || !std::isfinite(m.value)) {
      input_error(where, "value '{}' is not a positive number", value);
    }
    out.push_back(std::move(m));
  }
  return out;
}

std::vector<Measurement> load_measurements(const std::string& file) {
  return parse_measurements(MappedFile::open(file).text(), file);
}

const chip::Chip& Library::chip(const std::string& name) {
  auto it = chips_.find(name);
  if (it == chips_.end()) it = chips_.emplace(name, chip::load_any(find_chip_(name))).first;
  return it->second;
}

const model::Architecture& Library::model(const std::string& name) {
  auto it = models_.find(name);
  if (it == models_.end()) it = models_.emplace(name, model::Architecture::load(find_model_(name))).first;
  return it->second;
}

}  // namespace hadal::predict
