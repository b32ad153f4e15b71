// A mark may be cut anywhere between two pieces of text.
#include "cli/think.h"

#include <algorithm>
#include <utility>

namespace hadal::cli {

std::vector<ThinkSplitter::Part> ThinkSplitter::push(std::string_view text) {
  held_ += text;
  std::vector<Part> out;
  const auto emit = [&](std::string part, bool thinking) {
    if (!part.empty()) out.push_back({std::move(part), thinking});
  };
  for (size_t at = held_.find(mark()); at != held_.npos; at = held_.find(mark())) {
    const size_t end = at + mark().size();
    if (thinking_) {
      emit(held_.substr(0, end), true);
    } else {
      emit(held_.substr(0, at), false);
      emit(held_.substr(at, end - at), true);
    }
    held_.erase(0, end);
    thinking_ = !thinking_;
  }
  size_t keep = std::min(mark().size() - 1, held_.size());
  while (keep > 0 && !held_.ends_with(mark().substr(0, keep))) --keep;
  emit(held_.substr(0, held_.size() - keep), thinking_);
  held_.erase(0, held_.size() - keep);
  return out;
}

std::vector<ThinkSplitter::Part> ThinkSplitter::finish() {
  if (held_.empty()) return {};
  return {{std::exchange(held_, ""), thinking_}};
}

}  // namespace hadal::cli
