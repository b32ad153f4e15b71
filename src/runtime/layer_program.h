// A whole step of a small random model on a small many-core chip, for tests of the compiler and the simulator.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "base/temporary_directory.h"
#include "chip/chip.h"
#include "kernels/step.h"
#include "model/model.h"
#include "model/random_checkpoint.h"
#include "sim/functional.h"

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
  TemporaryDirectory directory;
  model::Model model;

  explicit SmallModel(uint64_t seed = 1, int64_t layers = 2) {
    model::Config c = model::small_config();
    c.num_hidden_layers = layers;
    c.first_k_dense_replace = 1;
    c.hidden_size = 256;  // the kernels take whole blocks of 128
    c.intermediate_size = 256;
    c.moe_intermediate_size = 128;
    c.qk_nope_head_dim = c.v_head_dim = 128;
    c.qk_rope_head_dim = 64;
    model::write_random_checkpoint(directory.path(), c, {.seed = seed, .power_of_two_scales = true});
    model = model::Model::load(directory.path());
  }
};

// Compiles the small model for three cores and runs programs of it.
class LayerProgram : public ::testing::Test {
 protected:
  static constexpr int kRows = 4;

  void SetUp() override {
    kernels::CompileOptions options;
    options.sequences = kRows;
    options.context = 64;
    options.row_buckets = {kRows};
    compiled_ = kernels::compile(small_.model, chip_, options);
  }

  // Four sequences at position 0.
  void write_inputs(sim::Functional& functional) const {
    const kernels::StepLayout& l = compiled_.layout;
    std::vector<kernels::RowRecord> records(kRows);
    for (uint32_t r = 0; r < kRows; ++r) {
      records[r].slot_line = static_cast<uint32_t>(r * l.kv_slot_bytes / 64);
      records[r].kv_index = static_cast<uint32_t>(r * l.kv_slot_bytes / l.kv_row_bytes);
      records[r].tiles = records[r].last_rows = 1;
      records[r].token = 3 + 2 * r;
    }
    functional.write_dram(l.rows, std::as_bytes(std::span(records)));
  }

  std::vector<std::byte> run(const program::Program& program, std::optional<uint64_t> seed) const {
    sim::Functional functional(chip_, program, {.interleave_seed = seed});
    write_inputs(functional);
    functional.launch();
    std::vector<std::byte> out(kRows * compiled_.layout.logits_stride);
    functional.read_dram(compiled_.layout.logits, out);
    return out;
  }

  void expect_one_result(uint64_t runs) const {
    const std::vector<std::byte> expected = run(compiled_.programs[0], std::nullopt);
    for (uint64_t seed = 1; seed <= runs; ++seed) {
      ASSERT_EQ(run(compiled_.programs[0], seed), expected) << "interleaving seed " << seed;
    }
  }

  const chip::Chip chip_ = small_chip(3);
  const SmallModel small_;
  kernels::Compiled compiled_;
};

}  // namespace hadal::runtime::testing
