// Cores on several host threads. Each thread has a lane of cores, whose memories then stay in its caches. Messages
// inside a lane arrive at once; those between lanes wait in the mailbox of the lane until it looks.
#include <atomic>
#include <bit>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "sim/functional/schedule.h"

namespace hadal::sim {
namespace {

class InParallel : public Scheduler {
 public:
  InParallel(Cores& cores, int threads) : cores_(cores), lanes_(static_cast<size_t>(threads)), awake_(lanes_.size()) {
    for (size_t c = 0; c < cores.size(); ++c) {
      Lane& lane = lane_of(c);
      lane.cores |= uint64_t{1} << c;
      lane.queue.push_back(c);
      lane.queued = lane.cores;
    }
  }

  void run() override {
    std::vector<std::thread> others;
    for (size_t t = 1; t < lanes_.size(); ++t) others.emplace_back([this, t] { work(lanes_[t]); });
    work(lanes_[0]);
    for (std::thread& thread : others) thread.join();
    if (failure_) std::rethrow_exception(failure_);
  }

  // All data before any post: whoever sees a post may tell others, who then expect theirs. One other lane gets both
  // in one piece, because its mailbox keeps the order; the own lane gets them last.
  void send(Message message) override {
    Lane& own = lane_of(static_cast<size_t>(message.from.core));
    if ((message.mask & ~own.cores) != 0) {
      int others = 0;
      for (const Lane& lane : lanes_) others += &lane != &own && (message.mask & lane.cores) != 0;
      const bool data = !message.to.empty(), post = message.count != 0;
      if (others > 1 && data) send_to_others(own, message, true, false);
      if (others == 1 || post) send_to_others(own, message, others == 1 && data, post);
    }
    deliver(own, message, true, true);
  }

 private:
  struct Mail {
    Message message;
    bool data, post;
    size_t at;  // where its data begin among those of the bag
  };
  struct Bag {
    std::vector<Mail> mail;
    std::vector<std::byte> data;
  };
  // The cores of one thread. Only that thread touches the queue.
  struct Lane {
    uint64_t cores = 0;
    std::deque<size_t> queue;  // cores that may be able to move
    uint64_t queued = 0;
    std::mutex mutex;  // of what follows
    std::condition_variable changed;
    Bag bag;
    bool asleep = false;
    std::atomic<bool> any = false;  // mail, as far as a glance without the mutex tells
    Bag opened;                     // of the thread again: kept for its memory
  };
  // Neighbours share a lane: work goes to cores an even stride apart, so every lane has as much of a phase.
  Lane& lane_of(size_t core) { return lanes_[core * lanes_.size() / cores_.size()]; }

  // With a copy of the data: the source may change.
  void send_to_others(const Lane& own, const Message& message, bool data, bool post) {
    for (Lane& lane : lanes_) {
      if (&lane == &own || (message.mask & lane.cores) == 0) continue;
      bool wake = false;
      {
        const std::lock_guard lock(lane.mutex);
        Bag& bag = lane.bag;
        bag.mail.push_back({message, data, post, bag.data.size()});
        for (uint64_t r = 0; data && r < message.to.rows; ++r) {
          const std::byte* row = message.data + r * message.data_stride;
          bag.data.insert(bag.data.end(), row, row + message.to.row_bytes);
        }
        lane.any = true;
        wake = std::exchange(lane.asleep, false);
        if (wake) ++awake_;
      }
      if (wake) lane.changed.notify_one();
    }
  }

  void deliver(Lane& lane, const Message& message, bool data, bool post) {
    const uint64_t targets = message.mask & lane.cores;
    for (uint64_t left = data ? targets : 0; left != 0; left &= left - 1) {
      cores_[static_cast<size_t>(std::countr_zero(left))]->receive_data(message);
    }
    if (!post || message.count == 0) return;
    for (uint64_t left = targets; left != 0; left &= left - 1) {
      const size_t core = static_cast<size_t>(std::countr_zero(left));
      cores_[core]->receive_post(message);
      if ((lane.queued >> core & 1) == 0) lane.queue.push_back(core);
    }
    lane.queued |= targets;
  }

  void open_mail(Lane& lane) {
    if (!lane.any) return;
    {
      const std::lock_guard lock(lane.mutex);
      std::swap(lane.opened, lane.bag);
      lane.any = false;
    }
    for (Mail& mail : lane.opened.mail) {
      mail.message.data = lane.opened.data.data() + mail.at;
      mail.message.data_stride = mail.message.to.row_bytes;
      deliver(lane, mail.message, mail.data, mail.post);
    }
    lane.opened.mail.clear();
    lane.opened.data.clear();
  }

  void work(Lane& lane) {
    try {
      while (wait_for_work(lane)) {
        open_mail(lane);
        if (lane.queue.empty()) continue;  // data alone
        const size_t core = lane.queue.front();
        lane.queue.pop_front();
        lane.queued &= ~(uint64_t{1} << core);
        if (!lane.queue.empty()) cores_[lane.queue.front()]->expect();
        cores_[core]->run();
      }
    } catch (...) {
      stop(std::current_exception());
    }
  }

  // False when nothing is left to do anywhere: every lane sleeps, and no mail is on its way, as who sends is awake.
  bool wait_for_work(Lane& lane) {
    // Mail usually comes within microseconds, sooner than a sleeping thread wakes.
    for (int look = 0; look < kGlances + kLooks && lane.queue.empty() && !lane.any && !stopped_; ++look)
      look < kGlances ? pause() : std::this_thread::yield();
    if (stopped_) return false;
    if (!lane.queue.empty() || lane.any) return true;
    std::unique_lock lock(lane.mutex);
    if (lane.any) return true;
    lane.asleep = true;
    if (--awake_ == 0) {
      lock.unlock();
      stop(nullptr);
      return false;
    }
    lane.changed.wait(lock, [&] { return stopped_ || lane.any; });
    return !stopped_;
  }

  void stop(const std::exception_ptr& failure) {
    {
      const std::lock_guard lock(failure_mutex_);
      if (!failure_) failure_ = failure;
    }
    stopped_ = true;
    for (Lane& lane : lanes_) {
      const std::lock_guard lock(lane.mutex);  // nobody is between its look at stopped_ and its sleep
      lane.changed.notify_all();
    }
  }

  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  static constexpr int kGlances = 100, kLooks = 100;

  Cores& cores_;
  std::vector<Lane> lanes_;
  std::atomic<size_t> awake_;  // lanes
  std::atomic<bool> stopped_ = false;
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
};

}  // namespace

std::unique_ptr<Scheduler> in_parallel(Cores& cores, int threads) {
  return std::make_unique<InParallel>(cores, threads);
}

}  // namespace hadal::sim
