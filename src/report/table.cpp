// Layout of tables; a cell's width is its number of code points.
#include "report/table.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace hadal::report {
namespace {

constexpr size_t kGap = 2;         // blanks between columns
constexpr size_t kNarrowest = 16;  // of a column whose cells are broken into lines: text stays readable

size_t widest_line = 0;

size_t width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Bytes of the first `columns` code points.
size_t bytes_of(const std::string& text, size_t columns) {
  size_t at = 0, seen = 0;
  for (; at < text.size(); ++at) {
    if ((text[at] & 0xC0) != 0x80 && seen++ == columns) break;
  }
  return at;
}

// Lines of at most `columns` code points, broken at blanks; a word that is longer is broken where it must be.
std::vector<std::string> broken(std::string text, size_t columns) {
  std::vector<std::string> out;
  while (width(text) > columns) {
    const size_t limit = bytes_of(text, columns);
    size_t end = text.rfind(' ', limit);
    if (end == std::string::npos || end == 0) end = limit;
    out.push_back(text.substr(0, end));
    text.erase(0, end == limit && text[end] != ' ' ? end : end + 1);
  }
  out.push_back(std::move(text));
  return out;
}

size_t total(const std::vector<size_t>& widths, size_t indent) {
  return std::accumulate(widths.begin(), widths.end(), indent + kGap * (std::max<size_t>(widths.size(), 1) - 1));
}

}  // namespace

void Table::set_widest(size_t columns) { widest_line = columns; }

void Table::add(std::vector<std::string> cells) {
  check(cells.size() == columns_.size(), "{} cells in a table of {} columns", cells.size(), columns_.size());
  rows_.push_back(std::move(cells));
}

std::vector<std::vector<std::string>> Table::lines() const {
  std::vector<std::vector<std::string>> lines;
  std::vector<std::string> headings;
  for (const Column& column : columns_) headings.push_back(column.heading);
  if (std::any_of(headings.begin(), headings.end(), [](const auto& h) { return !h.empty(); }))
    lines.push_back(headings);
  lines.insert(lines.end(), rows_.begin(), rows_.end());
  return lines;
}

std::string Table::part(const std::vector<size_t>& columns, const std::vector<size_t>& widths, size_t indent) const {
  std::string out;
  for (const auto& line : lines()) {
    std::vector<std::vector<std::string>> cells;
    size_t height = 1;
    for (const size_t c : columns) {
      cells.push_back(columns_[c].align == Align::kLeft ? broken(line[c], widths[c]) : std::vector{line[c]});
      height = std::max(height, cells.back().size());
    }
    for (size_t y = 0; y < height; ++y) {
      std::string row(indent, ' ');
      for (size_t i = 0; i < columns.size(); ++i) {
        const std::string text = y < cells[i].size() ? cells[i][y] : "";
        const std::string blanks(widths[columns[i]] - width(text), ' ');
        if (i > 0) row.append(kGap, ' ');
        row += columns_[columns[i]].align == Align::kLeft ? text + blanks : blanks + text;
      }
      row.erase(row.find_last_not_of(' ') + 1);
      out += row + '\n';
    }
  }
  return out;
}

std::string Table::text(size_t indent) const {
  std::vector<size_t> widths(columns_.size()), all(columns_.size());
  std::iota(all.begin(), all.end(), size_t{0});
  for (const auto& line : lines()) {
    for (size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], width(line[c]));
  }
  while (widest_line > 0 && total(widths, indent) > widest_line) {
    size_t widest = widths.size();
    for (const size_t c : all) {
      const bool breaks = columns_[c].align == Align::kLeft && widths[c] > kNarrowest;
      if (breaks && (widest == widths.size() || widths[c] > widths[widest])) widest = c;
    }
    if (widest == widths.size()) break;
    --widths[widest];
  }
  if (widest_line == 0 || total(widths, indent) <= widest_line) return part(all, widths, indent);
  std::string out;
  for (size_t next = 1; next < columns_.size();) {
    std::vector<size_t> columns{0};
    size_t used = indent + widths[0];
    while (next < columns_.size() && (columns.size() == 1 || used + kGap + widths[next] <= widest_line)) {
      used += kGap + widths[next];
      columns.push_back(next++);
    }
    if (!out.empty()) out += '\n';
    out += part(columns, widths, indent);
  }
  return out;
}

}  // namespace hadal::report
