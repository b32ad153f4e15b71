// Schedulers: ways to choose who steps next and when messages arrive. A program without races gives the same result
// under all of them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sim/functional/core.h"

namespace hadal::sim {

using Cores = std::vector<std::unique_ptr<Core>>;

class Scheduler : public Fabric {
 public:
  // Runs the launched cores until none can move. Throws Fault.
  virtual void run() = 0;
};

// Every core as far as it goes, in turn: the same order every time.
std::unique_ptr<Scheduler> in_turn(Cores& cores);
// Random steps, with posts and sent data seen as late as the machine allows.
std::unique_ptr<Scheduler> in_random_order(Cores& cores, uint64_t seed);
// On several host threads, in no particular order.
std::unique_ptr<Scheduler> in_parallel(Cores& cores, int threads);

}  // namespace hadal::sim
