// HTTP around the engine: OpenAI's endpoints, /metrics and /health.
#pragma once

#include <memory>
#include <string>

#include "serve/api.h"
#include "serve/engine.h"
#include "serve/prompting.h"

namespace hadal::serve {

struct ServerOptions {
  std::string model, chip;  // names in answers
  std::string api_key;      // empty: none is asked for
  size_t max_body_bytes = 1 << 20;
  double read_timeout_s = 20;   // for a whole request to arrive
  size_t arriving = 384;        // connections whose request has not arrived yet; with one more, the oldest goes
  size_t generations = 96;      // requests that can run or wait at once, as the engine allows
  double drain_timeout_s = 30;  // for what runs to end after drain()
  ApiLimits limits;
};

class Server {
 public:
  // All must outlive the server. Its thread is the only one that may run steps of the engine.
  Server(Engine& engine, const Prompting& prompting, ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Port 0 takes a free one. Returns the port; an input error when the address cannot be had.
  int bind(const std::string& host, int port);
  // Answers until drained.
  void run();
  // From any thread: refuses new requests, lets the running ones end (at most drain_timeout_s), then ends run().
  // The second call ends them at once.
  void drain();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hadal::serve
