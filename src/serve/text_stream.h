// Tokens in, text out as far as it is certain: whole characters, and nothing that may turn out to be a stop sequence.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/utf8.h"

namespace hadal::serve {

class TextStream {
 public:
  explicit TextStream(std::vector<std::string> stops) : stops_(std::move(stops)) {}
  // Text that can be shown now. Once stopped() nothing more comes.
  std::string push(std::string_view bytes);
  // What was held back, when no more tokens come.
  std::string finish();
  bool stopped() const { return stopped_; }

 private:
  std::string release();
  std::vector<std::string> stops_;
  model::Utf8Stream characters_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace hadal::serve
