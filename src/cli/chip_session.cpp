// Fits the row buckets of a session to the chip.
#include "cli/chip_session.h"

#include "base/error.h"

namespace hadal::cli {

std::unique_ptr<runtime::Session> open_session(const model::Model& model, const chip::Chip& chip,
                                               runtime::SessionOptions options) {
  while (true) {
    try {
      return std::make_unique<runtime::Session>(model, chip, options);
    } catch (const Error& error) {
      // The largest program is the one that does not fit; what else is wrong is wrong for the others too.
      if (error.kind() != ErrorKind::kInput || options.compile.row_buckets.size() == 1) throw;
      options.compile.row_buckets.pop_back();
    }
  }
}

}  // namespace hadal::cli
