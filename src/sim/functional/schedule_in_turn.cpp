// The default scheduler: a queue of cores that may be able to move; messages arrive at once.
#include <bit>
#include <deque>

#include "sim/functional/schedule.h"

namespace hadal::sim {
namespace {

class InTurn : public Scheduler {
 public:
  explicit InTurn(Cores& cores) : cores_(cores), queued_(cores.size(), true) {
    for (size_t c = 0; c < cores.size(); ++c) queue_.push_back(c);
  }

  void run() override {
    while (!queue_.empty()) {
      const size_t core = queue_.front();
      queue_.pop_front();
      queued_[core] = false;
      if (!queue_.empty()) cores_[queue_.front()]->expect();
      cores_[core]->run();
    }
  }

  void send(Message message) override {
    for (uint64_t left = message.mask; left != 0; left &= left - 1) {
      cores_[static_cast<size_t>(std::countr_zero(left))]->receive_data(message);
    }
    if (message.count == 0) return;
    for (uint64_t left = message.mask; left != 0; left &= left - 1) {
      const size_t core = static_cast<size_t>(std::countr_zero(left));
      cores_[core]->receive_post(message);
      if (queued_[core]) continue;
      queued_[core] = true;
      queue_.push_back(core);
    }
  }

 private:
  Cores& cores_;
  std::deque<size_t> queue_;
  std::vector<bool> queued_;
};

}  // namespace

std::unique_ptr<Scheduler> in_turn(Cores& cores) { return std::make_unique<InTurn>(cores); }

}  // namespace hadal::sim
