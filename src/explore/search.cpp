// Blocks of designs, taken by threads and committed in one place.
#include "explore/search.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <thread>

#include "base/error.h"

namespace hadal::explore {
namespace {

constexpr size_t kBlock = 256;                 // points a transaction
constexpr std::chrono::milliseconds kPoll{1};  // between looks for messages

// Points of the space that the store does not have, ascending.
std::vector<uint64_t> missing_points(const Store& store, uint64_t points) {
  std::vector<bool> present(points);
  for (const uint64_t id : store.ids()) {
    check(id < points, "the store has point {} of a space of {}", id, points);
    present[id] = true;
  }
  std::vector<uint64_t> missing;
  for (uint64_t id = 0; id < points; ++id) {
    if (!present[id]) missing.push_back(id);
  }
  return missing;
}

// Threads that take one block of `ids` after the other, of every `stride` blocks one, and hand it to `keep`, one at a
// time. Wait for them with `join`, which passes on what one of them could not do.
class Workers {
 public:
  Workers(const plan::DesignEvaluator& evaluator, const std::vector<uint64_t>& ids, int start, int stride, int threads,
          std::mutex& mutex, std::function<void(const std::vector<plan::Evaluation>&)> keep)
      : evaluator_(evaluator),
        ids_(ids),
        next_(static_cast<size_t>(start)),
        stride_(static_cast<size_t>(stride)),
        mutex_(mutex),
        keep_(std::move(keep)) {
    for (int t = 0; t < threads; ++t) {
      threads_.emplace_back([this] { run(); });
    }
  }

  void join() {
    threads_.clear();
    if (failure_) std::rethrow_exception(failure_);
  }
  bool failed() const {
    const std::lock_guard lock(mutex_);
    return failure_ != nullptr;
  }

 private:
  void run() {
    try {
      while (true) {
        size_t from = 0, to = 0;
        {
          const std::lock_guard lock(mutex_);
          from = std::min(ids_.size(), next_ * kBlock);
          to = std::min(ids_.size(), from + kBlock);
          if (failure_ || from == to) return;
          next_ += stride_;
        }
        std::vector<plan::Evaluation> block;
        for (size_t i = from; i < to; ++i) block.push_back(evaluator_.evaluate(ids_[i]));
        const std::lock_guard lock(mutex_);
        keep_(block);
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }

  const plan::DesignEvaluator& evaluator_;
  const std::vector<uint64_t>& ids_;
  size_t next_, stride_;
  std::mutex& mutex_;
  std::function<void(const std::vector<plan::Evaluation>&)> keep_;
  std::exception_ptr failure_;
  std::vector<std::jthread> threads_;
};

}  // namespace

uint64_t search(const plan::DesignEvaluator& evaluator, uint64_t points, Store& store, int threads,
                const std::function<void(const Progress&)>& report) {
  const std::vector<uint64_t> missing = missing_points(store, points);
  Progress progress{points - missing.size(), points, 0};
  std::mutex mutex;
  Workers workers(evaluator, missing, 0, 1, threads, mutex, [&](const std::vector<plan::Evaluation>& block) {
    store.add(block);
    progress.done += block.size();
    progress.evaluated += block.size();
    report(progress);
  });
  workers.join();
  return progress.evaluated;
}

std::optional<uint64_t> search(Ranks& ranks, const plan::DesignEvaluator& evaluator, uint64_t points,
                               const std::function<Store&()>& open, int threads,
                               const std::function<void(const Progress&)>& report) {
  if (ranks.size() == 1) return search(evaluator, points, open(), threads, report);
  std::mutex mutex;
  if (!ranks.first()) {
    const std::optional<std::vector<uint64_t>> missing = ranks.share(std::nullopt);
    if (!missing) return std::nullopt;
    Workers workers(evaluator, *missing, ranks.rank(), ranks.size(), threads, mutex,
                    [&](const std::vector<plan::Evaluation>& block) { ranks.send(block); });
    try {
      workers.join();
    } catch (...) {
      ranks.abandon();
      throw;
    }
    ranks.send({});
    return std::nullopt;
  }
  Store* store = nullptr;
  std::vector<uint64_t> missing;
  try {
    store = &open();
    missing = missing_points(*store, points);
  } catch (...) {
    ranks.share(std::nullopt);  // the others end, this one says why
    throw;
  }
  ranks.share(missing);
  Progress progress{points - missing.size(), points, 0};
  const auto keep = [&](const std::vector<plan::Evaluation>& block) {
    store->add(block);
    progress.done += block.size();
    progress.evaluated += block.size();
    report(progress);
  };
  Workers workers(evaluator, missing, 0, ranks.size(), threads, mutex, keep);
  try {
    // This thread alone speaks to the others; its own blocks come from the workers beside it.
    for (int working = ranks.size() - 1; working > 0 && !workers.failed();) {
      const std::optional<std::vector<plan::Evaluation>> block = ranks.receive();
      if (!block) {
        std::this_thread::sleep_for(kPoll);
      } else if (block->empty()) {
        --working;
      } else {
        const std::lock_guard lock(mutex);
        keep(*block);
      }
    }
    workers.join();
  } catch (...) {
    ranks.abandon();
    throw;
  }
  return progress.evaluated;
}

std::string fingerprint(const std::string& text, const plan::Ledger& ledger) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  const auto mix = [&](std::string_view part) {
    for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    hash = (hash ^ 0xff) * 0x100000001b3;
  };
  mix(text);
  for (const plan::Figure& f : ledger.figures()) {
    mix(f.name);
    mix(f.text);
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace hadal::explore
