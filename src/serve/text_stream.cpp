// The earliest stop sequence ends the text; a tail that is the beginning of one waits for what follows.
#include "serve/text_stream.h"

#include <algorithm>

namespace hadal::serve {

std::string TextStream::push(std::string_view bytes) {
  if (stopped_) return "";
  held_ += characters_.push(bytes);
  return release();
}

std::string TextStream::finish() {
  if (stopped_) return "";
  held_ += characters_.finish();
  std::string out = release();
  if (!stopped_) out += held_;
  held_.clear();
  return out;
}

std::string TextStream::release() {
  size_t end = held_.npos;
  for (const std::string& stop : stops_) end = std::min(end, held_.find(stop));
  if (end != held_.npos) {
    stopped_ = true;
    return held_.substr(0, end);
  }
  size_t keep = 0;
  for (const std::string& stop : stops_) {
    for (size_t n = std::min(stop.size() - 1, held_.size()); n > keep; --n) {
      if (held_.ends_with(std::string_view(stop).substr(0, n))) keep = n;
    }
  }
  std::string out = held_.substr(0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return out;
}

}  // namespace hadal::serve
