// A table of text: columns as wide as their widest cell, and within the width of a terminal where there is one.
#pragma once

#include <string>
#include <vector>

namespace hadal::report {

enum class Align { kLeft, kRight };

class Table {
 public:
  struct Column {
    std::string heading;
    Align align = Align::kRight;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // The widest line of any table from now on; 0, as at first: none is too wide. Set once, by a program whose output is
  // a terminal, before it starts threads.
  static void set_widest(size_t columns);

  void add(std::vector<std::string> cells);  // one a column
  // A line for the headings, if there are any, and one a row, each `indent` blanks in. Where that is too wide, cells of
  // left-aligned columns are broken into lines; where it still is, columns go below each other, each part with the
  // first column again.
  std::string text(size_t indent = 2) const;

 private:
  std::vector<std::vector<std::string>> lines() const;  // headings and rows
  std::string part(const std::vector<size_t>& columns, const std::vector<size_t>& widths, size_t indent) const;
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace hadal::report
