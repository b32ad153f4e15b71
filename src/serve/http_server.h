// cpp-httplib with requests that are whole before a thread looks at them: it parses, routes and writes; accepting and
// reading are the intake's.
#pragma once

#include <httplib.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "serve/intake.h"
#include "serve/metrics.h"

namespace hadal::serve {

struct HttpOptions {
  IntakeLimits intake;
  size_t threads = 128;           // answers at once
  size_t waiting = 128;           // whole requests that may wait for a thread; more are refused
  double write_timeout_s = 5;     // for a client to take anything
  double answer_timeout_s = 900;  // for a client to take all
};

class HttpServer : public httplib::Server {
 public:
  // `refuse(late)`: the whole answer to a request that came too slowly, or to one of too many.
  HttpServer(const HttpOptions& options, Intake::Refuse refuse);
  ~HttpServer() override;
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  ConnectionCounters counters() const { return {intake_.arriving(), intake_.late(), intake_.crowded() + refused_}; }

 private:
  class Pool;
  bool process_and_close_socket(socket_t socket) override;
  void whole(int socket, std::string bytes);
  void answer(int socket, std::string bytes);

  const HttpOptions options_;
  const Intake::Refuse refuse_;
  std::atomic<size_t> busy_ = 0, refused_ = 0;  // requests that have, or wait for, a thread
  std::mutex mutex_;
  std::unique_ptr<httplib::ThreadPool> pool_;  // while the server listens
  Intake intake_;                              // last: its thread uses the rest
};

}  // namespace hadal::serve
