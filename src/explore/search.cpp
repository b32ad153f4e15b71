// Blocks of designs, taken by threads and committed in one place.
#include "explore/search.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>

#include "base/error.h"

namespace hadal::explore {
namespace {

constexpr size_t kBlock = 32;  // points a transaction

}  // namespace

uint64_t search(const plan::DesignEvaluator& evaluator, uint64_t points, Store& store, int threads,
                const std::function<void(const Progress&)>& report) {
  std::vector<bool> present(points);
  for (const uint64_t id : store.ids()) {
    check(id < points, "the store has point {} of a space of {}", id, points);
    present[id] = true;
  }
  std::vector<uint64_t> missing;
  for (uint64_t id = 0; id < points; ++id) {
    if (!present[id]) missing.push_back(id);
  }
  Progress progress{points - missing.size(), points, 0};
  std::mutex mutex;
  std::exception_ptr failure;
  size_t next = 0;
  {
    std::vector<std::jthread> workers;
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&] {
        try {
          while (true) {
            size_t from = 0, to = 0;
            {
              const std::lock_guard lock(mutex);
              if (failure || next == missing.size()) return;
              from = next;
              to = next = std::min(missing.size(), next + kBlock);
            }
            std::vector<plan::Evaluation> block;
            for (size_t i = from; i < to; ++i) block.push_back(evaluator.evaluate(missing[i]));
            const std::lock_guard lock(mutex);
            store.add(block);
            progress.done += block.size();
            progress.evaluated += block.size();
            report(progress);
          }
        } catch (...) {
          const std::lock_guard lock(mutex);
          if (!failure) failure = std::current_exception();
        }
      });
    }
  }
  if (failure) std::rethrow_exception(failure);
  return progress.evaluated;
}

std::string fingerprint(const std::string& scenario_text, const plan::Ledger& ledger) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  const auto mix = [&](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    hash = (hash ^ 0xff) * 0x100000001b3;
  };
  mix(scenario_text);
  for (const plan::Figure& f : ledger.figures()) {
    mix(f.name);
    mix(f.text);
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace hadal::explore
