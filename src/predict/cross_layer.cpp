// One decode step on the timing simulator.
#include "predict/cross_layer.h"

#include <algorithm>

#include "runtime/session.h"

namespace hadal::predict {

StepCheck check_step(const model::Model& model, const chip::Chip& chip, int batch, int64_t context) {
  runtime::SessionOptions options;
  options.compile.sequences = batch;
  options.compile.context = context;
  options.functional.check_races = options.functional.check_initialised = false;
  std::vector<runtime::Row> last;
  StepCheck out;
  out.batch = batch;
  out.context = context;
  options.timing = true;
  runtime::Session session(model, chip, options);
  const auto most = static_cast<size_t>(session.max_rows());
  std::vector<runtime::Row> rows;
  const auto token = [&](int64_t i) { return static_cast<int32_t>((i * 37 + 11) % model.config.vocab_size); };
  for (int slot = 0; slot < batch; ++slot) {
    for (int64_t position = 0; position + 1 < context; ++position) {
      rows.push_back({token(slot * 101 + position), slot, position});
      if (rows.size() == most) {
        session.step(rows);
        rows.clear();
      }
    }
    if (!rows.empty()) session.step(rows);
    rows.clear();
    last.push_back({token(slot), slot, context - 1});
  }
  session.take_timing();
  session.step(last);
  const sim::TimingResult timing = session.take_timing().sum;
  out.simulated_cycles = static_cast<double>(timing.cycles);
  // A step runs the program of the next larger number of rows.
  const std::vector<int>& programs = session.compiled().rows;
  const auto program = std::lower_bound(programs.begin(), programs.end(), batch);
  out.operators = predict_program(model.config, chip, program == programs.end() ? batch : *program, context);
  for (const sim::OperatorTime& op : timing.operators) {
    const std::string name = operator_name(op.name, model.config);
    for (OperatorCheck& check : out.operators) {
      if (check.name == name) check.simulated_cycles += static_cast<double>(op.cycles);
    }
  }
  for (const OperatorCheck& check : out.operators) out.predicted_cycles += check.predicted_cycles;
  return out;
}

}  // namespace hadal::predict
