// One step: give free slots to waiting requests, hand out rows in turn, run, then let every finished row speak.
#include "serve/engine.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace hadal::serve {
namespace {

double seconds(std::chrono::steady_clock::duration time) { return std::chrono::duration<double>(time).count(); }

size_t common_prefix(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace

Engine::Engine(Stepper& stepper, const model::Tokenizer& tokenizer, EngineOptions options)
    : stepper_(stepper), tokenizer_(tokenizer), options_(std::move(options)), slots_(stepper.slots()) {}

std::optional<uint64_t> Engine::submit(Request request, Listener listener) {
  check(!request.prompt.empty() && request.max_tokens >= 1, "a request without prompt or tokens to make");
  check(static_cast<int64_t>(request.prompt.size()) + request.max_tokens <= stepper_.context(),
        "a request of {} + {} tokens in a context of {}", request.prompt.size(), request.max_tokens,
        stepper_.context());
  auto sequence = std::make_unique<Sequence>();
  sequence->sampler = runtime::Sampler(request.sampling);
  sequence->text = TextStream(request.stop);
  sequence->usage.prompt_tokens = request.prompt.size();
  sequence->request = std::move(request);
  sequence->listener = std::move(listener);
  sequence->submitted = Clock::now();
  const std::lock_guard lock(mutex_);
  if (!failure_.empty() || queue_.size() >= options_.queue) return std::nullopt;
  const uint64_t id = sequence->id = next_id_++;
  queue_.push_back(std::move(sequence));
  work_.notify_all();
  return id;
}

void Engine::cancel(uint64_t id) {
  const std::lock_guard lock(mutex_);
  cancelled_.push_back(id);
  work_.notify_all();
}

void Engine::cancel_all() {
  const std::lock_guard lock(mutex_);
  cancel_all_ = true;
  work_.notify_all();
}

EngineCounters Engine::counters() const {
  const std::lock_guard lock(mutex_);
  EngineCounters out = counters_;
  out.waiting = queue_.size();
  return out;
}

std::string Engine::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void Engine::wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  work_.wait_for(lock, time, [&] { return !queue_.empty() || !cancelled_.empty() || cancel_all_; });
}

void Engine::end(Slot& slot, Ending ending, const std::string& text, const std::string& error) {
  const std::unique_ptr<Sequence> sequence = std::move(slot.sequence);
  Update update;
  update.text = text;
  update.ending = ending;
  update.error = error;
  const auto now = Clock::now();
  Usage& usage = sequence->usage;
  (sequence->decoding() ? usage.decode_s : usage.prefill_s) =
      seconds(now - (sequence->decoding() ? sequence->first_token : sequence->admitted));
  update.usage = usage;
  sequence->listener(update);
}

// Ends what was cancelled or has run out of time, in slots and in the queue.
void Engine::drop_ended() {
  std::vector<uint64_t> cancelled;
  bool all = false;
  std::vector<std::pair<std::unique_ptr<Sequence>, Ending>> waiting;
  const auto now = Clock::now();
  const auto ending_of = [&](const Sequence& s) -> std::optional<Ending> {
    if (all || std::find(cancelled.begin(), cancelled.end(), s.id) != cancelled.end()) return Ending::kCancelled;
    if (seconds(now - s.submitted) > s.request.timeout_s) return Ending::kTimeout;
    return std::nullopt;
  };
  {
    const std::lock_guard lock(mutex_);
    cancelled.swap(cancelled_);
    all = std::exchange(cancel_all_, false);
    for (auto& sequence : queue_) {
      if (const auto ending = ending_of(*sequence)) waiting.emplace_back(std::move(sequence), *ending);
    }
    std::erase(queue_, nullptr);
  }
  for (auto& [sequence, ending] : waiting) {
    Update update;
    update.ending = ending;
    update.usage = sequence->usage;
    update.usage.queue_s = seconds(now - sequence->submitted);
    sequence->listener(update);
  }
  for (Slot& slot : slots_) {
    if (!slot.sequence) continue;
    if (const auto ending = ending_of(*slot.sequence)) end(slot, *ending, slot.sequence->text.finish());
  }
}

// First come, first served; among the free slots, the one whose cache already holds most of the prompt.
void Engine::admit() {
  for (;;) {
    const bool full = std::all_of(slots_.begin(), slots_.end(), [](const Slot& s) { return s.sequence != nullptr; });
    std::unique_ptr<Sequence> sequence;
    {
      const std::lock_guard lock(mutex_);
      counters_.active = static_cast<size_t>(
          std::count_if(slots_.begin(), slots_.end(), [](const Slot& s) { return s.sequence != nullptr; }));
      if (full || queue_.empty()) return;
      sequence = std::move(queue_.front());
      queue_.pop_front();
    }
    const std::vector<int32_t>& prompt = sequence->request.prompt;
    Slot* best = nullptr;
    size_t longest = 0;
    for (Slot& slot : slots_) {
      if (slot.sequence) continue;
      const size_t prefix = common_prefix(slot.tokens, prompt);
      // Without a prefix, the emptiest: others may be wanted again.
      if (best == nullptr || prefix > longest || (prefix == longest && slot.tokens.size() < best->tokens.size())) {
        best = &slot;
        longest = prefix;
      }
    }
    sequence->fed = std::min(longest, prompt.size() - 1);  // the last token must run: its logits are wanted
    best->tokens.resize(sequence->fed);
    sequence->usage.cached_tokens = sequence->fed;
    sequence->admitted = Clock::now();
    sequence->usage.queue_s = seconds(sequence->admitted - sequence->submitted);
    {
      const std::lock_guard lock(mutex_);
      counters_.cached_tokens += sequence->fed;
    }
    best->sequence = std::move(sequence);
    Update update;
    update.admitted = true;
    best->sequence->listener(update);
  }
}

void Engine::feed(Slot& slot, size_t count, size_t index, std::vector<runtime::Row>& rows, std::vector<Work>& work) {
  Sequence& s = *slot.sequence;
  work.push_back({index, rows.size(), count});
  for (size_t i = 0; i < count; ++i) {
    const int32_t token = s.decoding() ? s.last : s.request.prompt[s.fed];
    const bool last = s.decoding() || s.fed + 1 == s.request.prompt.size();
    rows.push_back({token, static_cast<int>(index), static_cast<int64_t>(s.fed++), last});
    slot.tokens.push_back(token);
  }
}

// Sequences that are being continued come first, beginning with another slot every step; but a quarter of the rows is
// kept for prompts while there are any, each of which gets an equal part.
std::vector<Engine::Work> Engine::plan(std::vector<runtime::Row>& rows) {
  std::vector<Work> work;
  const auto most = static_cast<size_t>(stepper_.max_rows());
  std::vector<size_t> prompts, continued;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const size_t index = (turn_ + i) % slots_.size();
    if (!slots_[index].sequence) continue;
    (slots_[index].sequence->decoding() ? continued : prompts).push_back(index);
  }
  size_t kept = prompts.empty() ? 0 : std::max<size_t>(1, most / 4);
  if (most == 1) kept = prompts.empty() || ((turn_ / slots_.size()) % 2 == 1 && !continued.empty()) ? 0 : 1;
  for (const size_t index : continued) {
    if (rows.size() + kept < most) feed(slots_[index], 1, index, rows, work);
  }
  for (size_t i = 0; i < prompts.size(); ++i) {
    const size_t left = most - rows.size(), sharing = prompts.size() - i;
    const Sequence& s = *slots_[prompts[i]].sequence;
    const size_t count = std::min((left + sharing - 1) / sharing, s.request.prompt.size() - s.fed);
    if (count > 0) feed(slots_[prompts[i]], count, prompts[i], rows, work);
  }
  ++turn_;
  return work;
}

void Engine::account(const std::vector<Work>& work, const StepCost& cost, size_t rows, double wall_s) {
  const std::lock_guard lock(mutex_);
  ++counters_.steps;
  counters_.rows += rows;
  counters_.cycles += cost.cycles;
  counters_.step_s += wall_s;
  counters_.simulated_s += cost.seconds;
  counters_.energy_j += cost.energy_j;
  for (const Work& w : work) {
    Sequence& s = *slots_[w.slot].sequence;
    ++s.usage.steps;
    (s.decoding() ? s.usage.simulated_decode_s : s.usage.simulated_prefill_s) += cost.seconds;
    s.usage.simulated_energy_j += cost.energy_j * static_cast<double>(w.rows) / static_cast<double>(rows);
    if (!s.decoding()) counters_.prompt_tokens += w.rows;
  }
}

// The next token of a sequence, from the logits of its last row.
void Engine::accept(Slot& slot, std::span<const float> logits) {
  Sequence& s = *slot.sequence;
  const int32_t token = s.sampler.next(logits);
  if (!s.decoding()) {
    s.first_token = Clock::now();
    s.usage.prefill_s = seconds(s.first_token - s.admitted);
  }
  s.last = token;
  const auto& stops = options_.stop_tokens;
  if (std::find(stops.begin(), stops.end(), token) != stops.end()) {
    return end(slot, Ending::kStop, s.text.finish());
  }
  ++s.usage.completion_tokens;
  {
    const std::lock_guard lock(mutex_);
    ++counters_.completion_tokens;
  }
  Update update;
  update.tokens = 1;
  update.text = s.text.push(tokenizer_.decode(std::span(&token, 1)));
  if (s.text.stopped()) return end(slot, Ending::kStop, update.text);
  if (static_cast<int>(s.usage.completion_tokens) >= s.request.max_tokens) {
    const std::string text = update.text + s.text.finish();
    return end(slot, s.text.stopped() ? Ending::kStop : Ending::kLength, text);
  }
  s.listener(update);
}

// After a fault of the chip nothing it holds can be trusted: everything ends, and nothing new begins.
void Engine::fail(const std::string& message) {
  std::deque<std::unique_ptr<Sequence>> waiting;
  {
    const std::lock_guard lock(mutex_);
    failure_ = message;
    waiting.swap(queue_);
  }
  for (Slot& slot : slots_) {
    if (slot.sequence) end(slot, Ending::kFailed, "", message);
  }
  for (auto& sequence : waiting) {
    Update update;
    update.ending = Ending::kFailed;
    update.error = message;
    sequence->listener(update);
  }
}

bool Engine::step() {
  drop_ended();
  admit();
  std::vector<runtime::Row> rows;
  const std::vector<Work> work = plan(rows);
  if (rows.empty()) return false;
  const auto start = Clock::now();
  StepCost cost;
  try {
    cost = stepper_.step(rows);
  } catch (const Error& error) {
    fail(error.what());
    return true;
  }
  account(work, cost, rows.size(), seconds(Clock::now() - start));
  for (const Work& w : work) {
    Slot& slot = slots_[w.slot];
    const Sequence& s = *slot.sequence;
    if (!s.decoding() && s.fed < s.request.prompt.size()) continue;
    accept(slot, stepper_.logits(w.first_row + w.rows - 1));
  }
  return true;
}

}  // namespace hadal::serve
