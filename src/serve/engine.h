// Continuous batching: requests of any length share the steps of one chip. Every step carries one row for each sequence
// that is being continued and fills the rest of its rows with pieces of prompts.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "model/model.h"
#include "runtime/sampler.h"
#include "serve/stepper.h"
#include "serve/text_stream.h"

namespace hadal::serve {

struct Request {
  std::vector<int32_t> prompt;  // not empty; with max_tokens it must fit the context
  int max_tokens = 1;           // at least 1
  runtime::SamplerOptions sampling;
  std::vector<std::string> stop;  // none empty
  double timeout_s = 600;         // from submission
};

enum class Ending { kStop, kLength, kTimeout, kCancelled, kFailed };

// Host times are wall time. Simulated times are those of all steps the request took part in, which it may have shared;
// of their energy it is charged its share of rows.
struct Usage {
  size_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  double queue_s = 0, prefill_s = 0, decode_s = 0;
  double simulated_prefill_s = 0, simulated_decode_s = 0, simulated_energy_j = 0;
  uint64_t steps = 0;
};

struct Update {
  std::string text;
  int tokens = 0;                // that this text came with
  bool admitted = false;         // has just been given a slot
  std::optional<Ending> ending;  // the last update has one
  std::string error;             // with kFailed
  Usage usage;                   // complete in the last update
};
// Called from the thread that runs steps, never under a lock of the engine.
using Listener = std::function<void(const Update&)>;

struct EngineOptions {
  size_t queue = 64;                 // requests that may wait for a slot
  std::vector<int32_t> stop_tokens;  // end a sequence, and are not shown
};

// Sums over everything so far.
struct EngineCounters {
  uint64_t steps = 0, rows = 0, prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0, cycles = 0;
  double step_s = 0, simulated_s = 0, energy_j = 0;
  size_t active = 0, waiting = 0;  // now
};

class Engine {
 public:
  Engine(Stepper& stepper, const model::Tokenizer& tokenizer, EngineOptions options);

  // From any thread. Nothing when the queue is full or the chip has failed.
  std::optional<uint64_t> submit(Request request, Listener listener);
  void cancel(uint64_t id);
  void cancel_all();
  EngineCounters counters() const;
  std::string failure() const;  // empty while the chip is well

  // From one thread: runs one step, or returns false when there is nothing to do.
  bool step();
  // Waits until there may be something to do, at most this long.
  void wait(std::chrono::milliseconds time);

 private:
  using Clock = std::chrono::steady_clock;
  struct Sequence {
    uint64_t id = 0;
    Request request;
    Listener listener;
    Clock::time_point submitted, admitted, first_token;
    runtime::Sampler sampler{{}};
    TextStream text{{}};
    Usage usage;
    size_t fed = 0;     // tokens of prompt and answer that the cache holds
    int32_t last = -1;  // token sampled last, not yet fed
    bool decoding() const { return last >= 0; }
  };
  struct Slot {
    std::unique_ptr<Sequence> sequence;
    std::vector<int32_t> tokens;  // what its cache holds, also after the sequence has ended
  };
  struct Work {
    size_t slot, first_row, rows;
  };

  void admit();
  void end(Slot& slot, Ending ending, const std::string& text = "", const std::string& error = "");
  void drop_ended();
  std::vector<Work> plan(std::vector<runtime::Row>& rows);
  void feed(Slot& slot, size_t count, size_t index, std::vector<runtime::Row>& rows, std::vector<Work>& work);
  void account(const std::vector<Work>& work, const StepCost& cost, size_t rows, double wall_s);
  void accept(Slot& slot, std::span<const float> logits);
  void fail(const std::string& message);

  Stepper& stepper_;
  const model::Tokenizer& tokenizer_;
  EngineOptions options_;
  std::vector<Slot> slots_;  // of the step thread alone
  size_t turn_ = 0;          // where the next step begins handing out rows

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::deque<std::unique_ptr<Sequence>> queue_;
  std::vector<uint64_t> cancelled_;
  bool cancel_all_ = false;
  EngineCounters counters_;
  std::string failure_;
  uint64_t next_id_ = 1;
};

}  // namespace hadal::serve
