// A whole step of a small random model on a small many-core chip, for tests of the compiler and the simulator.
#pragma once

#include <cstdint>
#include <vector>

#include "chip/chip.h"
#include "kernels/step.h"
#include "model/model.h"
#include "model/testing/random_checkpoint.h"

namespace hadal::runtime::testing {

// The rtl chip with `cores` cores and enough scratchpad for them.
inline chip::Chip small_chip(int cores) {
  chip::Chip chip = chip::load(std::string(HADAL_SOURCE_DIR) + "/chips/hadal-rtl.yaml");
  chip.name = "test-chip";
  chip.cores = cores;
  chip.noc.columns = cores;
  chip.spm.bytes = 256 * 1024;
  chip.acc.bytes = 64 * 1024;
  return chip;
}

// One dense and one expert layer.
struct SmallModel {
  model::testing::TemporaryDirectory directory;
  model::Model model;

  explicit SmallModel(uint64_t seed = 1, int64_t layers = 2) {
    model::Config c = model::testing::small_config();
    c.num_hidden_layers = layers;
    c.first_k_dense_replace = 1;
    c.hidden_size = 256;  // the kernels take whole blocks of 128
    c.intermediate_size = 256;
    c.moe_intermediate_size = 128;
    c.qk_nope_head_dim = c.v_head_dim = 128;
    c.qk_rope_head_dim = 64;
    model::testing::write_random_checkpoint(directory.path(), c, {.seed = seed, .power_of_two_scales = true});
    model = model::Model::load(directory.path());
  }
};

}  // namespace hadal::runtime::testing
