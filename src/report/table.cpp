// Layout of tables; a cell's width is its number of code points.
#include "report/table.h"

#include <algorithm>

#include "base/error.h"

namespace hadal::report {
namespace {

size_t width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
  check(cells.size() == columns_.size(), "{} cells in a table of {} columns", cells.size(), columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text(size_t indent) const {
  std::vector<std::vector<std::string>> lines;
  std::vector<std::string> headings;
  for (const Column& column : columns_) headings.push_back(column.heading);
  if (std::any_of(headings.begin(), headings.end(), [](const auto& h) { return !h.empty(); }))
    lines.push_back(headings);
  lines.insert(lines.end(), rows_.begin(), rows_.end());
  std::vector<size_t> widths(columns_.size());
  for (const auto& line : lines) {
    for (size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], width(line[c]));
  }
  std::string out;
  for (const auto& line : lines) {
    std::string row(indent, ' ');
    for (size_t c = 0; c < line.size(); ++c) {
      const std::string blanks(widths[c] - width(line[c]), ' ');
      if (c > 0) row += "  ";
      row += columns_[c].align == Align::kLeft ? line[c] + blanks : blanks + line[c];
    }
    row.erase(row.find_last_not_of(' ') + 1);
    out += row + '\n';
  }
  return out;
}

}  // namespace hadal::report
