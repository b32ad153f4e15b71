// A table of text: columns as wide as their widest cell.
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

  void add(std::vector<std::string> cells);  // one a column
  // A line for the headings, if there are any, and one a row, each `indent` blanks in.
  std::string text(size_t indent = 2) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace hadal::report
