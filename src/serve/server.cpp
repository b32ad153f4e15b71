// A thread for every request that is whole (serve/http_server.h); answers are written as chunks, so that a client that
// has gone is noticed and its request cancelled.
#include "serve/server.h"

#include <fmt/format.h>

#include <atomic>
#include <deque>
#include <thread>

#include "base/error.h"
#include "serve/http_server.h"
#include "serve/metrics.h"

namespace hadal::serve {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kBacklog = 512;         // connections that may wait to be taken
constexpr size_t kSpareThreads = 32;  // beyond those that generations can hold: somebody always answers /health
constexpr auto kPoll = 50ms;          // how often a silent client is looked at

// Updates of one request, from the engine's thread to the connection's.
class Channel {
 public:
  void push(const Update& update) {
    const std::lock_guard lock(mutex_);
    updates_.push_back(update);
    ready_.notify_one();
  }
  std::optional<Update> pop(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    if (!ready_.wait_for(lock, time, [&] { return !updates_.empty(); })) return std::nullopt;
    Update update = std::move(updates_.front());
    updates_.pop_front();
    return update;
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Update> updates_;
};

// Equal, in a time that does not tell where they differ.
bool same_secret(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b.empty() ? '\0' : b[i % b.size()]);
  }
  return difference == 0;
}

}  // namespace

struct Server::Impl {
  // What one generation keeps while its answer is written.
  struct Generation {
    Generation(Impl& owner, const ApiRequest& request, uint64_t number)
        : server(owner), answer(request, owner.options.model, owner.options.chip, number), stream(request.stream) {
      ++server.open;
    }
    ~Generation() {
      if (!ended) server.engine.cancel(id);
      --server.open;
    }
    Generation(const Generation&) = delete;
    Generation& operator=(const Generation&) = delete;

    Impl& server;
    std::shared_ptr<Channel> channel = std::make_shared<Channel>();
    Answer answer;
    bool stream, ended = false, begun = false, has_token = false;
    uint64_t id = 0;
    std::string text;
    Clock::time_point submitted = Clock::now(), looked = submitted;  // looked at: whether the client is there
  };

  Impl(Engine& e, const Prompting& p, ServerOptions o)
      : engine(e), prompting(p), options(std::move(o)), http(http_options(), [](bool late) { return raw(late); }) {
    set_up();
  }

  HttpOptions http_options() const;
  static std::string raw(bool late);

  void set_up();
  void authorise(const httplib::Request& request) const;
  std::string read_body(const httplib::Request& request, const httplib::ContentReader& reader) const;
  void generate(const httplib::ContentReader& reader, const httplib::Request& request, httplib::Response& response,
                bool chat);
  void answer(httplib::Response& response, const std::shared_ptr<Generation>& generation, std::optional<Update> first);
  bool write(Generation& generation, const Update& update, httplib::DataSink& sink);
  void refuse(httplib::Response& response, const ApiError& error) const;
  void drain_now();
  template <typename Handler>
  void guarded(const std::string& endpoint, httplib::Response& response, Handler&& handler);

  Engine& engine;
  const Prompting& prompting;
  ServerOptions options;
  HttpServer http;
  socket_t listening = INVALID_SOCKET;
  Metrics metrics;
  std::atomic<bool> draining = false, quit = false, over = false;  // over: run() has ended, or never will begin
  std::atomic<int> open = 0;
  std::atomic<uint64_t> number = 0;
  std::thread steps, drainer;
  std::mutex drain_mutex;
};

void Server::Impl::refuse(httplib::Response& response, const ApiError& error) const {
  response.status = error.status();
  if (error.status() == 429 || error.status() == 503) response.set_header("Retry-After", "1");
  if (error.status() == 401) response.set_header("WWW-Authenticate", "Bearer");
  response.set_content(error.json() + "\n", "application/json");
}

void Server::Impl::authorise(const httplib::Request& request) const {
  if (options.api_key.empty()) return;
  if (!same_secret("Bearer " + options.api_key, request.get_header_value("Authorization"))) {
    throw ApiError(401, "invalid_request_error",
                   "the API key is missing or wrong; it goes into 'Authorization: Bearer'", "", "invalid_api_key");
  }
}

template <typename Handler>
void Server::Impl::guarded(const std::string& endpoint, httplib::Response& response, Handler&& handler) {
  try {
    handler();
  } catch (const ApiError& error) {
    refuse(response, error);
  } catch (const std::exception& error) {
    refuse(response, ApiError(500, "server_error", error.what()));
  }
  metrics.answered(endpoint, response.status == -1 ? 200 : response.status);
}

// The body within its size; a chunked one may be larger than it said.
std::string Server::Impl::read_body(const httplib::Request& request, const httplib::ContentReader& reader) const {
  std::string body;
  bool too_large = false;
  const bool whole = reader([&](const char* data, size_t size) {
    too_large = body.size() + size > options.max_body_bytes;
    if (too_large) return false;
    body.append(data, size);
    return true;
  });
  too_large |= !whole && request.get_header_value<uint64_t>("Content-Length") > options.max_body_bytes;
  if (too_large) {
    throw ApiError(413, "invalid_request_error",
                   fmt::format("the body has more than {} bytes", options.max_body_bytes));
  }
  if (!whole) throw ApiError(400, "invalid_request_error", "the body ended early or is malformed");
  return body;
}

void Server::Impl::generate(const httplib::ContentReader& reader, const httplib::Request& request,
                            httplib::Response& response, bool chat) {
  const std::string body = read_body(request, reader);
  authorise(request);
  if (draining) throw ApiError(503, "server_error", "the server is shutting down", "", "shutting_down");
  ApiRequest api = parse_request(body, chat, options.model, prompting, options.limits);
  auto generation = std::make_shared<Generation>(*this, api, ++number);
  const auto id = engine.submit(std::move(api.request),
                                [channel = generation->channel](const Update& update) { channel->push(update); });
  if (!id) {
    generation->ended = true;
    if (const std::string failure = engine.failure(); !failure.empty()) throw ApiError(500, "server_error", failure);
    throw ApiError(429, "rate_limit_error", "too many requests wait already; try again later", "", "queue_full");
  }
  generation->id = *id;
  // The status is decided when the request gets its slot, or will not get one.
  std::optional<Update> first;
  while (!first) first = generation->channel->pop(1000ms);
  if (first->ending && !first->admitted) generation->ended = true;
  if (first->ending == Ending::kTimeout) {
    throw ApiError(503, "server_error", "the request waited too long for its turn", "", "timeout");
  }
  if (first->ending == Ending::kFailed) throw ApiError(500, "server_error", first->error);
  if (first->ending) throw ApiError(503, "server_error", "the server is shutting down", "", "shutting_down");
  answer(response, generation, std::move(first));
}

// Writes what an update brings; false when the client is gone.
bool Server::Impl::write(Generation& g, const Update& update, httplib::DataSink& sink) {
  g.text += update.text;
  if ((update.tokens > 0 || update.ending) && !g.has_token) {
    g.has_token = true;
    metrics.first_token(std::chrono::duration<double>(Clock::now() - g.submitted).count());
  }
  if (update.ending) {
    g.ended = true;
    metrics.finished(update.usage, *update.ending);
  }
  std::string out;
  if (g.stream) {
    if (!std::exchange(g.begun, true)) out = g.answer.first_event();
    out += g.answer.events(update);
  } else if (update.ending == Ending::kFailed) {
    out = ApiError(500, "server_error", update.error).json() + "\n";
  } else if (update.ending) {
    out = g.answer.whole(g.text, update) + "\n";
  }
  if (!out.empty() && !sink.write(out.data(), out.size())) return false;
  if (update.ending) sink.done();
  return true;
}

void Server::Impl::answer(httplib::Response& response, const std::shared_ptr<Generation>& generation,
                          std::optional<Update> first) {
  const std::string type = generation->stream ? "text/event-stream" : "application/json";
  response.set_header("Cache-Control", "no-cache");
  // The generation lives as long as the provider: when that goes, for whatever reason, an unfinished request is
  // cancelled.
  response.set_chunked_content_provider(
      type, [this, generation, first = std::move(first)](size_t, httplib::DataSink& sink) mutable {
        if (first) return write(*generation, *std::exchange(first, std::nullopt), sink);
        const std::optional<Update> update = generation->channel->pop(kPoll);
        if (update && !write(*generation, *update, sink)) return false;
        if (Clock::now() - generation->looked < kPoll) return true;
        generation->looked = Clock::now();
        return sink.is_writable();
      });
}

HttpOptions Server::Impl::http_options() const {
  HttpOptions out;
  out.intake.deadline_s = options.read_timeout_s;
  out.intake.connections = options.arriving;
  out.intake.body_bytes = options.max_body_bytes;
  out.threads = options.generations + kSpareThreads;
  out.write_timeout_s = std::max(1.0, options.read_timeout_s / 4);
  out.answer_timeout_s = options.limits.timeout_s + options.read_timeout_s;
  return out;
}

// The answer to a request that no thread has seen.
std::string Server::Impl::raw(bool late) {
  const ApiError error = late ? ApiError(408, "invalid_request_error", "the request took too long to arrive")
                              : ApiError(503, "server_error", "too many connections; try again later");
  const std::string body = error.json() + "\n";
  return fmt::format(
      "HTTP/1.1 {}\r\nConnection: close\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      late ? "408 Request Timeout" : "503 Service Unavailable", late ? "" : "Retry-After: 1\r\n", body.size(), body);
}

void Server::Impl::set_up() {
  http.set_tcp_nodelay(true);
  http.set_socket_options([this](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    listening = socket;
  });
  http.set_exception_handler([this](const httplib::Request&, httplib::Response& response, const std::exception_ptr&) {
    refuse(response, ApiError(500, "server_error", "the request could not be handled"));
  });
  const httplib::Server::HandlerWithResponse on_error = [this](const httplib::Request& request,
                                                               httplib::Response& response) {
    if (!response.body.empty()) return httplib::Server::HandlerResponse::Unhandled;
    const std::string what = response.status == 404   ? fmt::format("there is no {} {}", request.method, request.path)
                             : response.status == 413 ? "the body is larger than this server takes"
                                                      : "the request is malformed";
    refuse(response, ApiError(response.status, "invalid_request_error", what));
    return httplib::Server::HandlerResponse::Handled;
  };
  http.set_error_handler(on_error);
  for (const bool chat : {true, false}) {
    http.Post(chat ? "/v1/chat/completions" : "/v1/completions",
              [this, chat](const httplib::Request& request, httplib::Response& response,
                           const httplib::ContentReader& reader) {
                guarded(request.path, response, [&] { generate(reader, request, response, chat); });
              });
  }
  http.Get("/v1/models", [this](const httplib::Request& request, httplib::Response& response) {
    guarded(request.path, response, [&] {
      authorise(request);
      response.set_content(models_json(options.model, options.limits.context, prompting.has_template()) + "\n",
                           "application/json");
    });
  });
  // One label for all: a client must not make metrics.
  http.Get("/v1/models/(.+)", [this](const httplib::Request& request, httplib::Response& response) {
    guarded("/v1/models/ID", response, [&] {
      authorise(request);
      const std::string id = request.matches[1];
      if (id != options.model) {
        throw ApiError(404, "invalid_request_error",
                       fmt::format("the model '{}' does not exist; this server has '{}'", id, options.model), "model",
                       "model_not_found");
      }
      response.set_content(model_json(options.model, options.limits.context, prompting.has_template()) + "\n",
                           "application/json");
    });
  });
  http.Get("/metrics", [this](const httplib::Request& request, httplib::Response& response) {
    guarded(request.path, response, [&] {
      authorise(request);
      response.set_content(metrics.text(engine.counters(), http.counters()), "text/plain; version=0.0.4");
    });
  });
  http.Get("/health", [this](const httplib::Request& request, httplib::Response& response) {
    guarded(request.path, response, [&] {
      if (draining) throw ApiError(503, "server_error", "the server is shutting down");
      if (const std::string failure = engine.failure(); !failure.empty()) throw ApiError(500, "server_error", failure);
      response.set_content("{\"status\":\"ok\"}\n", "application/json");
    });
  });
}

void Server::Impl::drain_now() {
  const auto wait = [&](double most_s) {
    const auto end = Clock::now() + std::chrono::duration<double>(most_s);
    while (open > 0 && Clock::now() < end && !quit) std::this_thread::sleep_for(20ms);
  };
  wait(options.drain_timeout_s);
  engine.cancel_all();
  quit = false;
  wait(5);
  // Until it has stopped: a server that has not begun to listen yet takes no notice.
  for (; !over; std::this_thread::sleep_for(20ms)) http.stop();
}

Server::Server(Engine& engine, const Prompting& prompting, ServerOptions options)
    : impl_(std::make_unique<Impl>(engine, prompting, std::move(options))) {}

Server::~Server() {
  impl_->over = true;
  if (impl_->drainer.joinable()) impl_->drainer.join();
  impl_->http.stop();
}

int Server::bind(const std::string& host, int port) {
  if (port == 0) {
    port = impl_->http.bind_to_any_port(host);
  } else if (!impl_->http.bind_to_port(host, port)) {
    port = -1;
  }
  if (port < 0) input_error("--port", "cannot listen on {}; another port or host is needed", host);
  listen(impl_->listening, kBacklog);  // the library's own is 5: a burst of clients would be reset
  return port;
}

void Server::run() {
  std::atomic<bool> stop = false;
  impl_->steps = std::thread([&] {
    while (!stop) {
      if (!impl_->engine.step()) impl_->engine.wait(100ms);
    }
  });
  impl_->http.listen_after_bind();
  impl_->over = true;
  stop = true;
  impl_->steps.join();
}

void Server::drain() {
  const std::lock_guard lock(impl_->drain_mutex);
  if (impl_->draining.exchange(true)) {
    impl_->quit = true;
    return;
  }
  impl_->drainer = std::thread([this] { impl_->drain_now(); });
}

}  // namespace hadal::serve
