// Tells what a model thinks from what it says: the text between <think> and </think>.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hadal::cli {

class ThinkSplitter {
 public:
  struct Part {
    std::string text;
    bool thinking = false;  // the marks themselves belong to it
    bool operator==(const Part&) const = default;
  };
  // `thinking`: the prompt has opened it already.
  explicit ThinkSplitter(bool thinking) : thinking_(thinking) {}
  // Parts as far as they are certain: what may be the beginning of a mark waits.
  std::vector<Part> push(std::string_view text);
  std::vector<Part> finish();

 private:
  std::string_view mark() const { return thinking_ ? "</think>" : "<think>"; }
  bool thinking_;
  std::string held_;
};

}  // namespace hadal::cli
