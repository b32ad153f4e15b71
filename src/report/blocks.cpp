// Sentences about blocks.
#include "report/blocks.h"

#include <algorithm>
#include <iterator>

namespace hadal::report {
namespace {

constexpr struct {
  std::string_view name, does;
} kBlocks[] = {
    {"matrix unit",
     "A grid of dot units: FP8 products of a 128-wide scale group are summed without loss and rounded once."},
    {"vector unit", "Lanes for element-wise work and row reductions; a quarter of them also has exp, rsqrt and so on."},
    {"scratchpad", "The core's own memory for operands. No cache: programs move what they need by DMA."},
    {"accumulators",
     "FP32 results of the matrix unit, read and written once a scale group; the vector unit sees them."},
    {"instruction memory", "The window of the instruction stream that control is working on, fetched ahead from DRAM."},
    {"control",
     "Decodes the stream, keeps counters and semaphores, and hands instructions to the queues of the units."},
    {"DMA engines", "Load and store between DRAM and the scratchpad, with strides, gathers and panel expansion."},
    {"router", "The core's crossing of the mesh: multicast of tiles and remote semaphore posts."},
    {"memory PHY and controller", "Connects one stack or device of memory: the drivers, and who schedules its banks."},
    {"link lane", "A SerDes lane between chips, for the exchange of expert and attention traffic."},
    {"host interface", "PCI Express to the host."},
    {"system", "Clocks, fuses, sensors, test access, the management processor."},
    {"overhead of the die", "Power grid, clock tree, decoupling, seal ring and what placement leaves empty."},
};

}  // namespace

std::string_view what_it_does(std::string_view part) {
  const auto* found =
      std::find_if(std::begin(kBlocks), std::end(kBlocks), [&](const auto& b) { return b.name == part; });
  return found == std::end(kBlocks) ? std::string_view() : found->does;
}

}  // namespace hadal::report
