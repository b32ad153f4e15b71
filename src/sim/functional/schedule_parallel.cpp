// Cores on several host threads. A core always runs on the same thread, whose caches then hold its memories; messages
// from other cores wait in its mailbox until it cannot move without them.
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
  InParallel(Cores& cores, int threads)
      : cores_(cores), places_(cores.size()), lanes_(static_cast<size_t>(threads)), active_(cores.size()) {
    for (size_t c = 0; c < cores.size(); ++c) lane_of(c).queue.push_back(c);
  }

  void run() override {
    std::vector<std::thread> others;
    for (size_t t = 1; t < lanes_.size(); ++t) others.emplace_back([this, t] { work(lanes_[t]); });
    work(lanes_[0]);
    for (std::thread& thread : others) thread.join();
    if (failure_) std::rethrow_exception(failure_);
    for (size_t c = 0; c < places_.size(); ++c) open_mail(c);  // data that no post followed
  }

  // All data before any post: whoever sees a post may tell others, who then expect theirs.
  void send(Message message) override {
    const size_t source = static_cast<size_t>(message.from.core);
    if (message.mask == uint64_t{1} << source) {
      cores_[source]->receive_data(message);
      cores_[source]->receive_post(message);
      return;
    }
    keep_data(message);
    const auto shared = std::make_shared<const Message>(std::move(message));
    const bool one = std::has_single_bit(shared->mask);
    if (!one && !shared->to.empty()) send_to_all(source, {shared, true, false});
    if (one || shared->count != 0) send_to_all(source, {shared, one, true});
  }

 private:
  enum class Status : uint8_t { kQueued, kRunning, kNotified, kIdle };
  struct Mail {
    std::shared_ptr<const Message> message;
    bool data, post;
  };
  struct Place {
    std::atomic<Status> status = Status::kQueued;
    std::mutex mutex;
    std::vector<Mail> mail, taken;
  };

  void send_to_all(size_t source, const Mail& mail) {
    for (uint64_t left = mail.message->mask; left != 0; left &= left - 1) {
      const size_t target = static_cast<size_t>(std::countr_zero(left));
      if (target == source) {
        receive(target, mail);
        continue;
      }
      Place& place = places_[target];
      {
        const std::lock_guard lock(place.mutex);
        place.mail.push_back(mail);
      }
      // Nobody waits for data, only for the post after it: a core that is idle reads both then.
      if (mail.post) notify(target);
    }
  }
  void receive(size_t core, const Mail& mail) {
    if (mail.data) cores_[core]->receive_data(*mail.message);
    if (mail.post) cores_[core]->receive_post(*mail.message);
  }

  void open_mail(size_t core) {
    Place& place = places_[core];
    {
      const std::lock_guard lock(place.mutex);
      place.taken.swap(place.mail);
    }
    for (const Mail& mail : place.taken) receive(core, mail);
    place.taken.clear();
  }

  // The cores of one thread that may be able to move.
  struct Lane {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<size_t> queue;
    std::atomic<bool> any = true;  // as far as a glance without the mutex tells
  };
  Lane& lane_of(size_t core) { return lanes_[core % lanes_.size()]; }

  void notify(size_t core) {
    // A queued core reads its mail when it runs, a running one looks again before it goes idle.
    if (places_[core].status.exchange(Status::kNotified) != Status::kIdle) return;
    ++active_;
    Lane& lane = lane_of(core);
    {
      const std::lock_guard lock(lane.mutex);
      lane.queue.push_back(core);
      lane.any = true;
    }
    lane.changed.notify_one();
  }

  void work(Lane& lane) {
    for (;;) {
      // Work usually comes within microseconds, sooner than a sleeping thread wakes.
      for (int look = 0; look < kLooks && !lane.any && !stopped_; ++look) std::this_thread::yield();
      std::unique_lock lock(lane.mutex);
      lane.changed.wait(lock, [&] { return stopped_ || !lane.queue.empty(); });
      if (stopped_) return;
      const size_t core = lane.queue.front();
      lane.queue.pop_front();
      lane.any = !lane.queue.empty();
      lock.unlock();
      try {
        run_core(core);
      } catch (...) {
        stop(std::current_exception());
      }
      if (--active_ == 0) stop(nullptr);
    }
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

  void run_core(size_t core) {
    Place& place = places_[core];
    for (;;) {
      place.status = Status::kRunning;
      open_mail(core);
      cores_[core]->run();
      Status running = Status::kRunning;
      if (place.status.compare_exchange_strong(running, Status::kIdle)) return;
    }
  }

  static constexpr int kLooks = 100;

  Cores& cores_;
  std::vector<Place> places_;
  std::vector<Lane> lanes_;
  std::atomic<size_t> active_;  // cores queued or running
  std::atomic<bool> stopped_ = false;
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
};

}  // namespace

std::unique_ptr<Scheduler> in_parallel(Cores& cores, int threads) {
  return std::make_unique<InParallel>(cores, threads);
}

}  // namespace hadal::sim
