// Collects requests on one thread, so that a client costs a thread of the server only once its request is whole: slow
// ones, however many, hold nobody up.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "serve/framing.h"

namespace hadal::serve {

struct IntakeLimits {
  double deadline_s = 20;            // for a whole request, headers and body, to arrive
  size_t connections = 384;          // that may be arriving; with one more, the one that came first goes
  size_t header_bytes = 64 << 10;    // of a request
  size_t body_bytes = 1 << 20;       // of a request
  size_t buffered_bytes = 64 << 20;  // of all that are arriving
};

class Intake {
 public:
  // `whole` gets the socket and everything read from it, on the intake's thread; `refuse(late)` makes the answer to a
  // request that took too long (true) or had to make room (false).
  using Whole = std::function<void(int socket, std::string bytes)>;
  using Refuse = std::function<std::string(bool late)>;
  Intake(const IntakeLimits& limits, Whole whole, Refuse refuse);
  ~Intake();
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  // From any thread; the intake owns the socket.
  void add(int socket);
  // Sends the rest of what was written and closes, once the other side has, or a moment later: closing at once would
  // take an answer back from a client that is still sending.
  void leave(int socket);
  // Closes everything that is arriving; nothing new is taken.
  void stop();

  size_t arriving() const { return arriving_; }
  size_t late() const { return late_; }        // refused for their deadline
  size_t crowded() const { return crowded_; }  // refused to make room

 private:
  using Clock = std::chrono::steady_clock;
  struct Connection {
    explicit Connection(const IntakeLimits& limits) : framing(limits.header_bytes, limits.body_bytes) {}
    std::string bytes;
    Framing framing;
    Clock::time_point deadline;
    bool leaving = false;
    size_t discarded = 0;
  };
  using Connections = std::map<std::pair<uint64_t, int>, Connection>;  // by order of arrival, with the socket

  void run();
  void take_new();
  void make_room();
  void read(Connections::iterator it);
  void finish(Connections::iterator it);
  void refuse(Connections::iterator it, bool late);
  void expire(Clock::time_point now);
  void close_at(Connections::iterator it);

  const IntakeLimits limits_;
  const Whole whole_;
  const Refuse refuse_;
  Connections connections_;  // of the intake's thread
  uint64_t next_ = 0;
  size_t buffered_ = 0;

  std::mutex mutex_;
  std::vector<std::pair<int, bool>> new_;  // sockets, and whether they are leaving
  bool stopped_ = false;
  std::atomic<bool> quit_ = false;
  std::atomic<size_t> arriving_ = 0, late_ = 0, crowded_ = 0;
  int wake_ = -1;
  std::thread thread_;
};

}  // namespace hadal::serve
