// The predictor against the timing simulator on a chip that runs programs: one decode step, operator by operator.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "model/model.h"

namespace hadal::predict {

struct OperatorCheck {
  std::string name;  // "q_up", all layers together
  double simulated_cycles = 0, predicted_cycles = 0;
};

struct StepCheck {
  int batch = 0;
  int64_t context = 0;
  double simulated_cycles = 0, predicted_cycles = 0;
  std::vector<OperatorCheck> operators;
};

// Runs the model on the simulated chip until `batch` sequences hold context - 1 tokens, then one decode step.
StepCheck check_step(const model::Model& model, const chip::Chip& chip, int batch, int64_t context);

// Name of an operator without its layer. Some cores write rows of the latent cache while others are at q_up already:
// both are one operator here, whose parts a simulation tells apart by who comes last.
std::string operator_name(const std::string& name, const model::Config& config);

// Cycles of the operators of a step on a chip that runs our programs, by name in the order of graph::step; what the
// kernels do, with the chip's own latencies and rates (docs/predict.md).
std::vector<OperatorCheck> predict_program(const model::Config& config, const chip::Chip& chip, int rows,
                                           int64_t context);

}  // namespace hadal::predict
