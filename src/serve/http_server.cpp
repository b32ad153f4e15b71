// A whole request as a stream: read from memory, answered to the socket within the timeouts.
#include "serve/http_server.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace hadal::serve {
namespace {

using Clock = std::chrono::steady_clock;

class Exchange : public httplib::Stream {
 public:
  Exchange(int socket, std::string request, const HttpOptions& options)
      : socket_(socket),
        request_(std::move(request)),
        write_timeout_ms_(static_cast<int>(options.write_timeout_s * 1000)),
        end_(Clock::now() +
             std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.answer_timeout_s))) {}

  bool is_readable() const override { return true; }
  // Whether the client is there and takes something within the timeout. One that ends its side has gone.
  bool is_writable() const override {
    if (Clock::now() > end_) return false;
    pollfd polled{socket_, POLLOUT | POLLRDHUP, 0};
    return ::poll(&polled, 1, write_timeout_ms_) > 0 && (polled.revents & POLLOUT) != 0 &&
           (polled.revents & (POLLRDHUP | POLLERR | POLLHUP)) == 0;
  }
  ssize_t read(char* to, size_t size) override {
    const size_t count = std::min(size, request_.size() - at_);
    std::memcpy(to, request_.data() + at_, count);
    at_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* from, size_t size) override {
    for (;;) {
      const ssize_t sent = ::send(socket_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) return sent;
      if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return -1;
      pollfd polled{socket_, POLLOUT, 0};
      if (Clock::now() > end_ || ::poll(&polled, 1, write_timeout_ms_) <= 0) return -1;
    }
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override { name(::getpeername, ip, port); }
  void get_local_ip_and_port(std::string& ip, int& port) const override { name(::getsockname, ip, port); }
  socket_t socket() const override { return socket_; }

 private:
  template <typename Get>
  void name(Get get, std::string& ip, int& port) const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (get(socket_, generic, &size) != 0) return;
    if (::getnameinfo(generic, size, host, sizeof host, service, sizeof service, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
      return;
    ip = host;
    port = std::atoi(service);
  }

  const int socket_;
  const std::string request_;
  size_t at_ = 0;
  const int write_timeout_ms_;
  const Clock::time_point end_;
};

}  // namespace

// What accepts connections only hands them on; the end of listening ends the threads that answer.
class HttpServer::Pool : public httplib::TaskQueue {
 public:
  explicit Pool(HttpServer& owner) : owner_(owner) {
    const std::lock_guard lock(owner_.mutex_);
    owner_.pool_ = std::make_unique<httplib::ThreadPool>(owner_.options_.threads);
  }
  void enqueue(std::function<void()> task) override { task(); }
  void shutdown() override {
    owner_.intake_.stop();
    std::unique_ptr<httplib::ThreadPool> pool;
    {
      const std::lock_guard lock(owner_.mutex_);
      pool.swap(owner_.pool_);
    }
    pool->shutdown();
  }

 private:
  HttpServer& owner_;
};

HttpServer::HttpServer(const HttpOptions& options, Intake::Refuse refuse)
    : options_(options),
      refuse_(refuse),
      intake_(
          options.intake, [this](int socket, std::string bytes) { whole(socket, std::move(bytes)); },
          std::move(refuse)) {
  new_task_queue = [this] { return new Pool(*this); };
  set_keep_alive_max_count(1);
  set_payload_max_length(options.intake.body_bytes);
}

HttpServer::~HttpServer() = default;

bool HttpServer::process_and_close_socket(socket_t socket) {
  intake_.add(socket);
  return true;
}

void HttpServer::whole(int socket, std::string bytes) {
  const std::lock_guard lock(mutex_);
  if (pool_ == nullptr || busy_ >= options_.threads + options_.waiting) {
    ++refused_;
    const std::string text = refuse_(false);
    [[maybe_unused]] const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    intake_.leave(socket);
    return;
  }
  ++busy_;
  pool_->enqueue([this, socket, request = std::move(bytes)]() mutable { answer(socket, std::move(request)); });
}

// One request a connection: what a refused one left unread can never be taken for the next.
void HttpServer::answer(int socket, std::string bytes) {
  {
    Exchange exchange(socket, std::move(bytes), options_);
    bool closed = false;
    process_request(exchange, true, closed, nullptr);
  }
  --busy_;
  intake_.leave(socket);
}

}  // namespace hadal::serve
