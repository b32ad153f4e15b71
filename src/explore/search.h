// Evaluates every design of a space that a store does not have yet, on several threads and processes.
#pragma once

#include <functional>
#include <string>

#include "explore/ranks.h"
#include "explore/store.h"

namespace hadal::explore {

struct Progress {
  uint64_t done = 0, total = 0;  // points in the store, points of the space
  uint64_t evaluated = 0;        // by this run
};

// Returns how many points this run evaluated. Blocks of points are committed as they are finished; `report` is called
// after each, from one thread at a time.
uint64_t search(const plan::DesignEvaluator& evaluator, uint64_t points, Store& store, int threads,
                const std::function<void(const Progress&)>& report);

// The same with the other ranks, each on `threads` threads. The first one opens the store (`open`), commits what the
// others send, and reports; it returns how many points all of them evaluated. The others return nothing.
std::optional<uint64_t> search(Ranks& ranks, const plan::DesignEvaluator& evaluator, uint64_t points,
                               const std::function<Store&()>& open, int threads,
                               const std::function<void(const Progress&)>& report);

// What points depend on: the texts of the scenario and of its space, and every figure that was read, in 16 hexadecimal
// digits.
std::string fingerprint(const std::string& text, const plan::Ledger& ledger);

}  // namespace hadal::explore
