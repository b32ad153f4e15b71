// How well a model predicts a text: windows of it, each on its own, scored on the chip or by the FP32 reference.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/reference.h"
#include "runtime/session.h"

namespace hadal::runtime {

// The text in pieces of `length` - 1 tokens (the last may be shorter), each with bos in front: every token of the text
// is predicted exactly once.
std::vector<std::vector<int32_t>> cut_windows(std::span<const int32_t> text, int32_t bos, size_t length);

struct WindowScore {
  double nats = 0;            // of all tokens after the first
  std::vector<int32_t> best;  // the likeliest token at each of their positions
};

WindowScore score_window(Session& session, std::span<const int32_t> window);
WindowScore score_window(const Reference& reference, std::span<const int32_t> window);

}  // namespace hadal::runtime
