// The weights of a model as the kernels want them: which tensors make up which matrix, in which order of rows.
#pragma once

#include "kernels/image.h"
#include "kernels/plan.h"

namespace hadal::kernels {

// `plan.options`, `plan.stage` and `plan.head_columns` must be set; fills in the addresses of what is read-only there.
void pack_weights(ReadOnlyImage& image, const model::Model& model, Plan& plan, int64_t positions);

// How many lines the parts of a model take; what a stage has of them: pack_weights.
struct WeightLines {
  uint64_t tables = 0, embedding = 0, head = 0, draft = 0;  // draft: the layer for multi-token prediction and its head
  std::vector<uint64_t> layers;
};
WeightLines weight_lines(const model::Model& model, const Plan& plan, int64_t positions);

}  // namespace hadal::kernels
