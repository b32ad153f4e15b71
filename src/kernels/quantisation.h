// How much is lost when the weights of a checkpoint that is not FP8 become E4M3 digits.
#pragma once

#include <cstdint>

#include "model/model.h"

namespace hadal::kernels {

struct QuantisationError {
  int64_t matrices = 0, weights = 0;
  double relative_rms = 0;  // root of (sum of squared errors / sum of squares) over all of them
};

// Of every matrix that `pack` quantises with `digits`; router and head always have two. Rows stand in groups of 32 as
// in the checkpoint.
QuantisationError quantisation_error(const model::Model& model, int digits);

}  // namespace hadal::kernels
