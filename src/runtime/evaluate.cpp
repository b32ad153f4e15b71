// Windows and their scores.
#include "runtime/evaluate.h"

#include <algorithm>

#include "base/error.h"
#include "runtime/generate.h"
#include "runtime/sampler.h"

namespace hadal::runtime {
namespace {

void count(WindowScore& score, std::span<const float> logits, int32_t target) {
  score.nats += negative_log_likelihood(logits, target);
  score.best.push_back(argmax(logits));
}

}  // namespace

std::vector<std::vector<int32_t>> cut_windows(std::span<const int32_t> text, int32_t bos, size_t length) {
  check(length >= 2, "a window of {} tokens predicts nothing", length);
  std::vector<std::vector<int32_t>> windows;
  for (size_t first = 0; first < text.size(); first += length - 1) {
    std::vector<int32_t>& window = windows.emplace_back(1, bos);
    const auto piece = text.subspan(first, std::min(length - 1, text.size() - first));
    window.insert(window.end(), piece.begin(), piece.end());
  }
  return windows;
}

WindowScore score_window(Session& session, std::span<const int32_t> window) {
  WindowScore result;
  score(session, window.first(window.size() - 1),
        [&](size_t position, std::span<const float> logits) { count(result, logits, window[position + 1]); });
  return result;
}

WindowScore score_window(const Reference& reference, std::span<const int32_t> window) {
  WindowScore result;
  const std::vector<float> logits = reference.logits(window.first(window.size() - 1));
  const size_t width = logits.size() / (window.size() - 1);
  for (size_t position = 0; position + 1 < window.size(); ++position) {
    count(result, std::span(logits).subspan(position * width, width), window[position + 1]);
  }
  return result;
}

}  // namespace hadal::runtime
