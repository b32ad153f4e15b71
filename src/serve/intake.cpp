// One poll over all connections that are arriving or leaving.
#include "serve/intake.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "base/error.h"

namespace hadal::serve {
namespace {

using namespace std::chrono_literals;

constexpr auto kLeaveTime = 2s;              // for a client to take its answer
constexpr size_t kMostDiscarded = 64 << 20;  // bytes it may still send meanwhile
constexpr size_t kReadBytes = 64 << 10;

void try_send(int socket, const std::string& text) {
  // Without waiting: who does not read its answer gets none.
  [[maybe_unused]] const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

Intake::Intake(const IntakeLimits& limits, Whole whole, Refuse refuse)
    : limits_(limits), whole_(std::move(whole)), refuse_(std::move(refuse)), wake_(eventfd(0, EFD_CLOEXEC)) {
  check(wake_ >= 0, "no event descriptor: error {}", errno);
  thread_ = std::thread([this] { run(); });
}

Intake::~Intake() {
  stop();
  quit_ = true;
  eventfd_write(wake_, 1);
  thread_.join();
  ::close(wake_);
}

void Intake::add(int socket) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) {
      ::close(socket);
      return;
    }
    new_.emplace_back(socket, false);
  }
  eventfd_write(wake_, 1);
}

void Intake::leave(int socket) {
  ::shutdown(socket, SHUT_WR);
  {
    const std::lock_guard lock(mutex_);
    new_.emplace_back(socket, true);
  }
  eventfd_write(wake_, 1);
}

void Intake::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  eventfd_write(wake_, 1);
}

void Intake::close_at(Connections::iterator it) {
  buffered_ -= it->second.bytes.size();
  arriving_ -= it->second.leaving ? 0 : 1;
  ::close(it->first.second);
  connections_.erase(it);
}

void Intake::take_new() {
  eventfd_t ignored = 0;
  eventfd_read(wake_, &ignored);
  std::vector<std::pair<int, bool>> taken;
  bool stopped = false;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(new_);
    stopped = stopped_;
  }
  for (const auto& [socket, leaving] : taken) {
    Connection& c = connections_.try_emplace({next_++, socket}, limits_).first->second;
    c.leaving = leaving;
    c.deadline =
        Clock::now() +
        (leaving ? std::chrono::duration_cast<Clock::duration>(kLeaveTime)
                 : std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(limits_.deadline_s)));
    arriving_ += leaving ? 0 : 1;
  }
  for (auto it = connections_.begin(); stopped && it != connections_.end();) {
    const auto next = std::next(it);
    if (!it->second.leaving) close_at(it);
    it = next;
  }
}

// The one that has been arriving for longest goes: a newcomer that sends its request at once is always heard.
void Intake::make_room() {
  for (auto it = connections_.begin();
       it != connections_.end() && (arriving_ > limits_.connections || buffered_ > limits_.buffered_bytes);) {
    const auto next = std::next(it);
    if (!it->second.leaving) refuse(it, false);
    it = next;
  }
  // As many may be leaving.
  size_t leaving = connections_.size() - arriving_;
  for (auto it = connections_.begin(); leaving > limits_.connections && it != connections_.end();) {
    const auto next = std::next(it);
    if (it->second.leaving) {
      close_at(it);
      --leaving;
    }
    it = next;
  }
}

void Intake::refuse(Connections::iterator it, bool late) {
  ++(late ? late_ : crowded_);
  Connection& c = it->second;
  const int socket = it->first.second;
  try_send(socket, refuse_(late));
  ::shutdown(socket, SHUT_WR);
  buffered_ -= c.bytes.size();
  c.bytes = {};
  c.leaving = true;
  c.deadline = Clock::now() + kLeaveTime;
  --arriving_;
}

// Gives the request away.
void Intake::finish(Connections::iterator it) {
  const int socket = it->first.second;
  std::string bytes = std::move(it->second.bytes);
  buffered_ -= bytes.size();
  --arriving_;
  connections_.erase(it);
  whole_(socket, std::move(bytes));
}

void Intake::read(Connections::iterator it) {
  char buffer[kReadBytes];
  Connection& c = it->second;
  const int socket = it->first.second;
  const ssize_t got = ::recv(socket, buffer, sizeof buffer, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (c.leaving) {
    c.discarded += static_cast<size_t>(std::max<ssize_t>(got, 0));
    if (got <= 0 || c.discarded > kMostDiscarded) close_at(it);
    return;
  }
  // What ended early is malformed, which the server says; where nothing came, nobody listens.
  if (got <= 0) return got < 0 || c.bytes.empty() ? close_at(it) : finish(it);
  c.bytes.append(buffer, static_cast<size_t>(got));
  buffered_ += static_cast<size_t>(got);
  const bool whole = c.framing.whole(c.bytes);
  if (c.framing.take_expectation()) try_send(socket, "HTTP/1.1 100 Continue\r\n\r\n");
  if (whole) finish(it);
}

void Intake::expire(Clock::time_point now) {
  for (auto it = connections_.begin(); it != connections_.end();) {
    const auto next = std::next(it);
    if (it->second.deadline <= now) it->second.leaving ? close_at(it) : refuse(it, true);
    it = next;
  }
}

void Intake::run() {
  std::vector<pollfd> polled;
  std::vector<Connections::iterator> order;
  while (!quit_) {
    polled.assign(1, {wake_, POLLIN, 0});
    order.clear();
    auto first = Clock::time_point::max();
    for (auto it = connections_.begin(); it != connections_.end(); ++it) {
      polled.push_back({it->first.second, POLLIN, 0});
      order.push_back(it);
      first = std::min(first, it->second.deadline);
    }
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::min<Clock::duration>(connections_.empty() ? Clock::duration(1h) : first - Clock::now(), 1h));
    ::poll(polled.data(), polled.size(), static_cast<int>(std::max<int64_t>(wait.count() + 1, 0)));
    for (size_t i = 0; i < order.size(); ++i) {
      if (polled[i + 1].revents != 0) read(order[i]);
    }
    if (polled[0].revents != 0) take_new();
    make_room();
    expire(Clock::now());
  }
  while (!connections_.empty()) close_at(connections_.begin());
}

}  // namespace hadal::serve
