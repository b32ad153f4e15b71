// The adversarial scheduler: one random step at a time. Messages and posts wait in an outbox of their unit and are
// delivered in order, but otherwise as late as chance wants. Now and then a random part of the agents is put to sleep
// for a while, so that some units run far ahead of others.
#include <bit>
#include <deque>
#include <random>

#include "sim/functional/schedule.h"

namespace hadal::sim {
namespace {

class InRandomOrder : public Scheduler {
 public:
  InRandomOrder(Cores& cores, uint64_t seed)
      : cores_(cores), random_(seed), outboxes_(cores.size() * isa::kUnits), asleep_(2 * outboxes_.size()) {}

  bool delays_posts() const override { return true; }

  void send(Message message) override {
    keep_data(message);
    auto& outbox = outboxes_[message.unit];
    outbox.push_back({std::move(message), false});
  }

  void run() override {
    for (int steps = 0;; ++steps) {
      if (steps % 64 == 0) choose_sleepers();
      awake_.clear();
      drowsy_.clear();
      for (size_t agent = 0; agent < asleep_.size(); ++agent) {
        if (can_step(agent)) (asleep_[agent] ? drowsy_ : awake_).push_back(agent);
      }
      const auto& ready = awake_.empty() ? drowsy_ : awake_;
      if (ready.empty()) return;
      step(ready[random_() % ready.size()]);
    }
  }

 private:
  struct Pending {
    Message message;  // its mask: cores whose post is still due
    bool data_arrived;
  };

  // Agents are the units of all cores, then their outboxes.
  bool can_step(size_t agent) const {
    if (agent >= outboxes_.size()) return !outboxes_[agent - outboxes_.size()].empty();
    return core(agent).can_step(static_cast<isa::Unit>(agent % isa::kUnits));
  }
  Core& core(size_t agent) const { return *cores_[agent / isa::kUnits]; }

  void step(size_t agent) {
    if (agent < outboxes_.size()) {
      core(agent).step(static_cast<isa::Unit>(agent % isa::kUnits));
    } else {
      deliver(outboxes_[agent - outboxes_.size()]);
    }
  }

  // One step of delivery: all the data, then the posts core by core.
  void deliver(std::deque<Pending>& outbox) {
    Pending& pending = outbox.front();
    Message& message = pending.message;
    if (!pending.data_arrived) {
      for (uint64_t left = message.mask; left != 0; left &= left - 1) {
        cores_[static_cast<size_t>(std::countr_zero(left))]->receive_data(message);
      }
      pending.data_arrived = true;
    } else {
      uint64_t left = message.mask;
      for (uint64_t skip = random_() % static_cast<uint64_t>(std::popcount(left)); skip > 0; --skip) left &= left - 1;
      const int target = std::countr_zero(left);
      cores_[static_cast<size_t>(target)]->receive_post(message);
      message.mask &= ~(uint64_t{1} << target);
    }
    if (message.mask == 0 || (pending.data_arrived && message.count == 0)) outbox.pop_front();
  }

  void choose_sleepers() {
    const uint64_t share = random_() % 4;
    for (size_t agent = 0; agent < asleep_.size(); ++agent) asleep_[agent] = random_() % 4 < share;
  }

  Cores& cores_;
  std::mt19937_64 random_;
  std::vector<std::deque<Pending>> outboxes_;  // by UnitId
  std::vector<bool> asleep_;
  std::vector<size_t> awake_, drowsy_;
};

}  // namespace

std::unique_ptr<Scheduler> in_random_order(Cores& cores, uint64_t seed) {
  return std::make_unique<InRandomOrder>(cores, seed);
}

}  // namespace hadal::sim
