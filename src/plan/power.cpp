// Power of a chip under a workload, from the energies of the synthesised blocks.
#include <algorithm>

#include "plan/area.h"

namespace hadal::plan {
namespace {

constexpr double kPico = 1e-12, kGroup = 128;

// What a pJ of the library is on `process`, wires and clock tree included.
double scale_of(const AreaData& data, const Process& process) {
  return data.supply_energy.value * (1 + data.wire_energy.value) * process.relative_energy.value;
}

// Crossbars, control, engines and network move what memory and matrix units ask for.
double others(const CoreCells& e) { return e.crossbars + e.control + e.dma + e.network; }

}  // namespace

OperationEnergy operation_energy(const chip::Chip& chip, const AreaData& data, const Process& process,
                                 double clock_hz) {
  const double macs = double(chip.matrix.rows) * chip.matrix.cols * chip.matrix.depth, scale = scale_of(data, process);
  const CoreCells clock = core_clock_pj(chip, data, Clocked::kAtWork), work = core_data_pj(chip, data);
  const CoreCells rest = core_clock_pj(chip, data, Clocked::kAtRest);
  OperationEnergy e;
  e.product_pj = (clock.matrix + work.matrix) / macs * scale;
  e.fixup_pj = data.synthesis.block("mm_fix").energy.value * scale;
  e.mac_pj = e.product_pj - e.fixup_pj / kGroup;
  e.vector_op_pj = (clock.vector + work.vector) / chip.vector.lanes * scale;
  e.idle_w = chip.cores * clock_hz * (rest.matrix + rest.vector + others(rest)) * scale * kPico;
  return e;
}

Power chip_power(const chip::Chip& c, const AreaData& data, const Process& process, const Memory& memory, int stacks,
                 int dies, double clock_hz, const Activity& activity) {
  const CoreCells clock = core_clock_pj(c, data, Clocked::kAtWork), work = core_data_pj(c, data);
  const CoreCells rest = core_clock_pj(c, data, Clocked::kAtRest);
  const double cycles = c.cores * clock_hz, logic = scale_of(data, process) * kPico;
  Power p;
  const auto unit = [&](double clock_pj, double rest_pj, double data_pj, double busy) {
    const double clocked = cycles * (clock_pj * busy + rest_pj * (1 - busy)) * logic;
    p.clock_w += clocked;
    return clocked + cycles * data_pj * busy * logic;
  };
  p.matrix_w = unit(clock.matrix, rest.matrix, work.matrix, activity.matrix);
  p.vector_w = unit(clock.vector, rest.vector, work.vector, activity.vector);
  p.control_w = unit(others(clock), others(rest), others(work), std::max(activity.matrix, activity.memory));
  const double macs_per_s = fp8_flops(c, clock_hz) / 2 * activity.matrix;
  const double sram = process.relative_sram_energy.value;
  // A row of A serves `cols` columns and a column of B `rows` rows; an accumulator is read and written once a group.
  const double spm_bytes = macs_per_s * (1.0 / c.matrix.cols + 1.0 / c.matrix.rows);
  const double acc_bytes = macs_per_s * 8 / kGroup;
  p.sram_w = (spm_bytes * data.spm_energy.value + acc_bytes * data.acc_energy.value) * sram * kPico;
  p.memory_w = stacks * memory.bandwidth.value * activity.memory * memory.energy.value * kPico;
  p.static_w = stacks * data.stack_background.value + dies * data.die_background.value;
  return p;
}

}  // namespace hadal::plan
