// The weights of a model as the kernels want them: which tensors make up which matrix, in which order of rows.
#pragma once

#include "kernels/image.h"
#include "kernels/plan.h"

namespace hadal::kernels {

// `plan.options` and `plan.head_columns` must be set; fills in the addresses of everything read-only.
void pack_weights(ReadOnlyImage& image, const model::Model& model, Plan& plan, int64_t positions);

}  // namespace hadal::kernels
