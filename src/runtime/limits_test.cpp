// What does not fit a chip: fewer rows a step where the scratchpad is small, one line where the memory is.
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/temporary_directory.h"
#include "model/random_shape.h"
#include "runtime/golden_files.h"
#include "runtime/session.h"

namespace hadal::runtime {
namespace {

class Limits : public ::testing::Test {
 protected:
  Limits() {
    const std::string file = testing::source_path("models/configs/Qwen3-0.6B.json");
    model::write_random_shape(directory_.file("m"), testing::read_file(file), file, {.layers = 3, .vocabulary = 512});
    model_ = model::Model::load(directory_.file("m"));
  }
  std::string refusal(const chip::Chip& chip, const kernels::CompileOptions& options) const {
    try {
      kernels::compile(model_, chip, options);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      return error.what();
    }
    return "none";
  }
  const TemporaryDirectory directory_;
  model::Model model_;
  const chip::Chip chip_ = chip::load(testing::source_path("chips/hadal-1.yaml"));
};

TEST_F(Limits, MemoryThatIsTooSmallIsOneLine) {
  chip::Chip chip = chip_;
  chip.dram.bytes = 48 << 20;
  const std::string two = refusal(chip, {.sequences = 1, .context = 64});
  EXPECT_NE(two.find("MiB of DRAM and the chip has 48 MiB: 3 such chips in a row hold them (--chips 3)"),
            std::string::npos)
      << two;
  EXPECT_NE(two.find("--weight-digits 1"), std::string::npos) << two;
  EXPECT_EQ(two.find('\n'), std::string::npos);
  const std::string one = refusal(chip, {.weight_digits = 1, .sequences = 1, .context = 64});
  EXPECT_NE(one.find("2 such chips"), std::string::npos) << one;
  EXPECT_EQ(refusal(chip_, {.sequences = 1, .context = 64}), "none");
}

// The smaller the scratchpad, the fewer rows the largest step has; the bits are the same.
TEST_F(Limits, RowsFollowTheScratchpad) {
  std::vector<int> largest;
  std::vector<std::vector<float>> logits;
  for (const uint64_t kib : {1024, 640, 512}) {
    chip::Chip chip = chip_;
    chip.spm.bytes = kib << 10;
    SessionOptions options;
    options.compile.sequences = 1;
    options.compile.context = 64;
    Session session(model_, chip, options);
    largest.push_back(session.max_rows());
    std::vector<Row> rows;
    for (int i = 0; i < session.max_rows(); ++i) rows.push_back({(i * 37 + 11) % 512, 0, i});
    session.step(rows);
    for (size_t r = 0; r < 4; ++r) {
      if (logits.size() <= r) logits.push_back(session.logits(r));
      EXPECT_EQ(session.logits(r), logits[r]) << kib << " KiB, row " << r;
    }
  }
  EXPECT_EQ(largest, (std::vector<int>{24, 12, 8}));
}

}  // namespace
}  // namespace hadal::runtime
