// A session for a model on whatever chip was asked for.
#pragma once

#include <memory>

#include "runtime/session.h"

namespace hadal::cli {

// Steps are as large as the scratchpads of the chip allow; an input error when not even one row fits.
std::unique_ptr<runtime::Session> open_session(const model::Model& model, const chip::Chip& chip,
                                               runtime::SessionOptions options);

}  // namespace hadal::cli
