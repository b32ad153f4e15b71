// Cores on several host threads. A core is run by one thread at a time; messages from other cores wait in its mailbox
// until it cannot move without them.
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
  InParallel(Cores& cores, int threads) : cores_(cores), threads_(threads), places_(cores.size()), active_(cores.size()) {
    for (size_t c = 0; c < cores.size(); ++c) queue_.push_back(c);
  }

  void run() override {
    std::vector<std::thread> others;
    for (int t = 1; t < threads_; ++t) others.emplace_back([this] { work(); });
    work();
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

  void notify(size_t core) {
    // A queued core reads its mail when it runs, a running one looks again before it goes idle.
    if (places_[core].status.exchange(Status::kNotified) != Status::kIdle) return;
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(core);
      ++active_;
    }
    changed_.notify_one();
  }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stopped() || !queue_.empty(); });
      if (stopped()) return;
      const size_t core = queue_.front();
      queue_.pop_front();
      lock.unlock();
      std::exception_ptr failure;
      try {
        run_core(core);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      --active_;
      if (failure && !failure_) failure_ = failure;
      if (stopped()) changed_.notify_all();
    }
  }
  bool stopped() const { return active_ == 0 || failure_ != nullptr; }

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

  Cores& cores_;
  const int threads_;
  std::vector<Place> places_;
  std::mutex mutex_;                  // of what follows
  std::condition_variable changed_;
  std::deque<size_t> queue_;          // cores that may be able to move
  size_t active_;                     // cores queued or running
  std::exception_ptr failure_;
};

}  // namespace

std::unique_ptr<Scheduler> in_parallel(Cores& cores, int threads) { return std::make_unique<InParallel>(cores, threads); }

}  // namespace hadal::sim
