// A thousand random interleavings of a whole step: one result.
#include "runtime/layer_program.h"

namespace hadal::runtime {
namespace {

using SlowLayerProgram = testing::LayerProgram;

TEST_F(SlowLayerProgram, AThousandInterleavingsGiveOneResult) { expect_one_result(1000); }

}  // namespace
}  // namespace hadal::runtime
