// GET / is the page, GET /data the documents with a version; a page that has that version gets 204.
#include "serve/viewer.h"

#include <fmt/format.h>
#include <httplib.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "report/page.h"

namespace hadal::serve {
namespace {

namespace fs = std::filesystem;

// Changes when the file does; of a store, also when only its write-ahead log has grown. Empty: it is not there.
std::string stamp_of(const std::string& file) {
  std::string stamp;
  for (const std::string& part : {file, file + "-wal"}) {
    std::error_code error;
    const auto size = fs::file_size(part, error);
    if (error) continue;
    const auto time = fs::last_write_time(part, error).time_since_epoch().count();
    if (!error) stamp += fmt::format("{}.{};", size, time);
  }
  return stamp;
}

}  // namespace

struct Viewer::Impl {
  std::string page, title;
  std::vector<std::string> files;
  httplib::Server http;
  int port = 0;

  std::mutex mutex;
  struct Shown {
    std::string stamp;
    std::optional<report::Input> input;
  };
  std::map<std::string, Shown> shown;
  std::string version = "none", data;

  void refresh();
  bool asks_for_this_host(const httplib::Request& request) const;
  void set_up();
};

// Reads what has changed.
void Viewer::Impl::refresh() {
  bool changed = version == "none";
  std::string now;
  for (const std::string& file : files) {
    Shown& s = shown[file];
    const std::string stamp = stamp_of(file);
    now += stamp + "|";
    if (stamp == s.stamp) continue;
    s.stamp = stamp;
    changed = true;
    if (stamp.empty()) {
      s.input.reset();
      continue;
    }
    try {
      s.input = report::read_input(file);
    } catch (const Error&) {
      // Somebody else's file may be anything for a moment; what was shown stays until it can be read again.
    }
  }
  if (!changed) return;
  std::vector<report::Input> inputs;
  for (const std::string& file : files) {
    if (shown[file].input) inputs.push_back(*shown[file].input);
  }
  data = report::page_data(title, inputs).dump();
  version = fmt::format("{:016x}", std::hash<std::string>()(now));
}

bool Viewer::Impl::asks_for_this_host(const httplib::Request& request) const {
  const std::string host = request.get_header_value("Host");
  return host == fmt::format("127.0.0.1:{}", port) || host == fmt::format("localhost:{}", port);
}

void Viewer::Impl::set_up() {
  http.set_payload_max_length(0);
  http.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
    response.set_header("Cache-Control", "no-store");
    response.set_header("X-Content-Type-Options", "nosniff");
    if (request.method != "GET" && request.method != "HEAD") {
      response.status = 405;
    } else if (!asks_for_this_host(request)) {
      response.status = 403;
    } else {
      return httplib::Server::HandlerResponse::Unhandled;
    }
    response.set_content("this server only shows pages, to this machine\n", "text/plain");
    return httplib::Server::HandlerResponse::Handled;
  });
  http.Get("/", [this](const httplib::Request&, httplib::Response& response) {
    response.set_content(page, "text/html; charset=utf-8");
  });
  http.Get("/data", [this](const httplib::Request& request, httplib::Response& response) {
    const std::lock_guard lock(mutex);
    refresh();
    response.set_header("X-Version", version);
    if (request.get_param_value("version") == version) {
      response.status = 204;
    } else {
      response.set_content(data, "application/json");
    }
  });
}

Viewer::Viewer(const std::string& page, const std::string& page_file, std::string title, std::vector<std::string> files)
    : impl_(std::make_unique<Impl>()) {
  nlohmann::ordered_json empty = report::page_data(title, {});
  empty["live"] = "data";
  impl_->page = report::fill_page(page, page_file, empty);
  impl_->title = std::move(title);
  impl_->files = std::move(files);
  impl_->set_up();
}

Viewer::~Viewer() { impl_->http.stop(); }

int Viewer::bind(int port) {
  if (port == 0) {
    port = impl_->http.bind_to_any_port("127.0.0.1");
  } else if (!impl_->http.bind_to_port("127.0.0.1", port)) {
    port = -1;
  }
  if (port < 0) input_error("--port", "cannot listen on 127.0.0.1; another port is needed, or 0 for any");
  impl_->port = port;
  return port;
}

void Viewer::run() { impl_->http.listen_after_bind(); }

void Viewer::stop() { impl_->http.stop(); }

}  // namespace hadal::serve
