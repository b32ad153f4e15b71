// One expert layer of a published model, as much of it as a chip holds when experts are spread over many, compiled and
// timed on the simulated chip with random weights, beside what the model of described chips says of the same layer.
#pragma once

#include "predict/cross_layer.h"
#include "predict/system.h"

namespace hadal::predict {

struct LayerCheck {
  StepCheck step;                    // simulated, and predict_program's figures; embedding and head left out
  int64_t chips = 0;                 // that share the experts: each holds as many as a token chooses
  double predicted_s = 0;            // by `predict`, operators one after the other, without the exchanges
  double predicted_attention_s = 0;  // of them, up to the sum after attention
  double simulated_s = 0, simulated_attention_s = 0;
  double weight_bytes = 0;  // of the layer on this chip
};

// The layer of `config` (config.json of a mixture of experts with latent attention) with `chips` = experts / experts a
// token. A chip that takes part sees as many rows as it has sequences at each of its experts, which is what a layer of
// just its experts does with all of them chosen: so that is compiled. The cache holds zeros: times do not depend on
// values. `directory` takes the weights, a file of 0.6 GB for DeepSeek-V3. Throws an input error for other models, and
// where the chip cannot hold the rows.
LayerCheck check_layer(const std::string& config_file, const chip::Chip& chip, const Constants& constants, int batch,
                       int64_t context, const std::string& directory, int threads);

}  // namespace hadal::predict
