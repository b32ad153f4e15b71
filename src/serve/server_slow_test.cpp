// The server on loopback with clients that are well-behaved, malformed, oversized, slow, or gone.
#include "serve/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

#include "serve/testing/fake_chip.h"

namespace hadal::serve {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::expected_text;
using testing::FakeChip;

using Clock = std::chrono::steady_clock;

struct Setup {
  int slots = 4;
  size_t queue = 16;
  std::chrono::microseconds pause{0};
  std::string api_key = {};
  double read_timeout_s = 20, drain_timeout_s = 10, timeout_s = 60;
  uint64_t fail_at = 0;
  size_t arriving = 384;
};

class Running {
 public:
  explicit Running(const Setup& setup)
      : chip_(8, setup.slots, 200'000),
        prompting_(testing::tokenizer(), std::nullopt, -1, {1}),
        engine_(chip_, testing::tokenizer(), {setup.queue, {1}}),
        server_(engine_, prompting_, options(setup)) {
    chip_.pause = setup.pause;
    chip_.fail_at = setup.fail_at;
    port_ = server_.bind("127.0.0.1", 0);
    thread_ = std::thread([this] { server_.run(); });
  }
  ~Running() {
    server_.drain();
    server_.drain();
    thread_.join();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  static ServerOptions options(const Setup& setup) {
    ServerOptions options;
    options.model = "m";
    options.chip = "fake";
    options.api_key = setup.api_key;
    options.max_body_bytes = 100'000;
    options.read_timeout_s = setup.read_timeout_s;
    options.drain_timeout_s = setup.drain_timeout_s;
    options.arriving = setup.arriving;
    options.generations = static_cast<size_t>(setup.slots) + setup.queue;
    options.limits = {150'000, 200'000, setup.timeout_s};
    return options;
  }
  int port() const { return port_; }
  Engine& engine() { return engine_; }
  Server& server() { return server_; }
  httplib::Client client() const {
    httplib::Client client("127.0.0.1", port_);
    client.set_read_timeout(60);
    return client;
  }
  bool becomes_idle(std::chrono::milliseconds most = 20s) {
    const auto end = Clock::now() + most;
    while (Clock::now() < end) {
      const EngineCounters c = engine_.counters();
      if (c.active + c.waiting == 0) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
  // The server answers an ordinary request correctly.
  void expect_well() const {
    const auto answer = client().Post("/v1/completions", body("well", 5), "application/json");
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->status, 200) << answer->body;
    EXPECT_EQ(json::parse(answer->body)["choices"][0]["text"], expected_text(testing::tokenizer().encode("well"), 5));
  }
  static std::string body(const std::string& prompt, int max_tokens, bool stream = false) {
    return json{{"model", "m"}, {"prompt", prompt}, {"max_tokens", max_tokens}, {"temperature", 0}, {"stream", stream}}
        .dump();
  }

 private:
  FakeChip chip_;
  Prompting prompting_;
  Engine engine_;
  Server server_;
  int port_ = 0;
  std::thread thread_;
};

// A connection that can do what no proper client would.
class Raw {
 public:
  explicit Raw(int port, int receive_buffer = 0) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const timeval limit{30, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Raw() { close(fd_); }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;
  bool send(const std::string& text) const {
    return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  // What comes until the text holds `until`, or the connection ends.
  std::string receive(const std::string& until = "") const {
    std::string out;
    char buffer[4096];
    while (until.empty() || out.find(until) == out.npos) {
      const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) break;
      out.append(buffer, static_cast<size_t>(n));
    }
    return out;
  }
  ssize_t receive_some(size_t most) const {
    std::string buffer(most, '\0');
    return recv(fd_, buffer.data(), most, 0);
  }
  static std::string post(const std::string& body, const std::string& path = "/v1/completions") {
    return "POST " + path +
           " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  }

 private:
  int fd_;
};

// The value of a metric without labels.
double metric(const Running& running, const std::string& name) {
  const std::string text = running.client().Get("/metrics")->body;
  const size_t at = text.find("\n" + name + " ");
  return at == text.npos ? -1 : std::stod(text.substr(at + name.size() + 2));
}

// A raw answer is this status, with one line of JSON in OpenAI's form.
void expect_error(const std::string& answer, int status, const std::string& part) {
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(status) + " ")) << answer;
  const size_t body = answer.find("\r\n\r\n");
  ASSERT_NE(body, std::string::npos) << answer;
  const json error = json::parse(answer.substr(body + 4), nullptr, false);
  ASSERT_TRUE(error.is_object()) << answer;
  EXPECT_NE(error["error"]["message"].get<std::string>().find(part), std::string::npos) << answer;
}

std::string text_of_stream(const std::string& events) {
  std::string text;
  for (size_t at = 0; (at = events.find("data: {", at)) != events.npos;) {
    const size_t end = events.find("\n\n", at);
    const json event = json::parse(events.substr(at + 6, end - at - 6));
    if (!event["choices"].empty()) text += event["choices"][0]["text"].get<std::string>();
    at = end;
  }
  return text;
}

TEST(Server, AnswersWholeAndStreamed) {
  Running running({});
  auto client = running.client();
  const std::string expected = expected_text(testing::tokenizer().encode("hello"), 30);
  const auto whole = client.Post("/v1/completions", Running::body("hello", 30), "application/json");
  ASSERT_TRUE(whole);
  EXPECT_EQ(json::parse(whole->body)["choices"][0]["text"], expected);
  EXPECT_EQ(json::parse(whole->body)["usage"]["completion_tokens"], 30);
  EXPECT_GT(json::parse(whole->body)["hadal"]["simulated_decode_s"].get<double>(), 0);
  const auto stream = client.Post("/v1/completions", Running::body("hello", 30, true), "application/json");
  ASSERT_TRUE(stream);
  EXPECT_EQ(stream->get_header_value("Content-Type"), "text/event-stream");
  EXPECT_EQ(text_of_stream(stream->body), expected);
  EXPECT_TRUE(stream->body.ends_with("data: [DONE]\n\n"));
  const auto chat = client.Post("/v1/chat/completions",
                                R"({"model": "m", "messages": [{"role": "user", "content": "a"}], "max_tokens": 4})",
                                "application/json");
  ASSERT_TRUE(chat);
  EXPECT_EQ(json::parse(chat->body)["choices"][0]["message"]["role"], "assistant");
  EXPECT_EQ(json::parse(client.Get("/v1/models")->body)["data"][0]["id"], "m");
  EXPECT_EQ(json::parse(client.Get("/v1/models/m")->body)["object"], "model");
  const auto unknown = client.Get("/v1/models/other/one");
  EXPECT_EQ(unknown->status, 404);
  EXPECT_EQ(json::parse(unknown->body)["error"]["code"], "model_not_found");
  EXPECT_EQ(client.Get("/health")->status, 200);
  const std::string metrics = client.Get("/metrics")->body;
  EXPECT_NE(metrics.find("hadal_completion_tokens_total 64\n"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("hadal_http_answers_total{endpoint=\"/v1/completions\",status=\"200\"} 2\n"),
            std::string::npos);
  EXPECT_NE(metrics.find("hadal_request_seconds_count 3\n"), std::string::npos);
}

TEST(Server, ManyAtOnceAreAllAnswered) {
  Running running({.slots = 4, .queue = 100});
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 40; ++t) {
    threads.emplace_back([&, t] {
      const std::string prompt = "p" + std::to_string(t % 7);
      const auto answer =
          running.client().Post("/v1/completions", Running::body(prompt, 20 + t, t % 2 == 0), "application/json");
      if (!answer || answer->status != 200) {
        ADD_FAILURE() << (answer ? answer->body : httplib::to_string(answer.error()));
        return;
      }
      const std::string text = t % 2 == 0 ? text_of_stream(answer->body)
                                          : json::parse(answer->body)["choices"][0]["text"].get<std::string>();
      const std::string expected = expected_text(testing::tokenizer().encode(prompt), 20 + t);
      EXPECT_EQ(text, expected) << prompt;
      good += text == expected ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 40);
}

TEST(Server, MalformedRequestsGetOneLine) {
  Running running({});
  auto client = running.client();
  const std::tuple<const char*, std::string, int> cases[] = {{"/v1/completions", "", 400},
                                                             {"/v1/completions", "{", 400},
                                                             {"/v1/completions", std::string(1000, '\0'), 400},
                                                             {"/v1/completions", R"({"model": "x"})", 404},
                                                             {"/v1/chat/completions", R"({"model": "m"})", 400},
                                                             {"/v1/nothing", "{}", 404},
                                                             {"/v1/completions", std::string(200'000, 'x'), 413}};
  for (const auto& [path, body, status] : cases) {
    const auto answer = client.Post(path, body, "application/json");
    ASSERT_TRUE(answer) << path << ' ' << body.size();
    EXPECT_EQ(answer->status, status) << answer->body;
    EXPECT_EQ(answer->body.find('\n'), answer->body.size() - 1);
    EXPECT_TRUE(json::parse(answer->body)["error"]["message"].is_string());
  }
  EXPECT_EQ(client.Get("/v1/completions")->status, 404);
  running.expect_well();
}

TEST(Server, SurvivesWhatIsNotHttp) {
  Running running({.read_timeout_s = 4});
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::string good = Raw::post(Running::body("x", 3));
  for (int i = 0; i < 60; ++i) {
    const Raw raw(running.port());
    std::string text = good;
    if (i % 3 == 0) {
      text.resize(random() % 300);
      for (char& c : text) c = static_cast<char>(random());
    } else if (i % 3 == 1) {
      for (int n = 0; n < 5; ++n) text[random() % text.size()] = static_cast<char>(random());
    } else {
      text.resize(random() % text.size());
    }
    raw.send(text);
    if (i % 2 == 0) continue;  // closes at once
    shutdown(0, 0);
  }
  for (const char* text :
       {"GET / HTTP/9.9\r\n\r\n", "\r\n\r\n\r\n", "POST /v1/completions HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        "POST /v1/completions HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\nabc",
        "POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n"}) {
    const Raw raw(running.port());
    raw.send(text);
    raw.receive();
  }
  const Raw header(running.port());
  header.send("GET /v1/models HTTP/1.1\r\nX: " + std::string(100'000, 'h') + "\r\n\r\n");
  EXPECT_EQ(header.receive().find("200 OK"), std::string::npos);
  EXPECT_TRUE(running.becomes_idle());
  running.expect_well();
}

TEST(Server, SlowClientsHoldNobodyUp) {
  Running running({.read_timeout_s = 4});
  std::vector<std::unique_ptr<Raw>> slow;
  const std::string request = Raw::post(Running::body("slow", 3));
  for (int i = 0; i < 40; ++i) {
    slow.push_back(std::make_unique<Raw>(running.port()));
    slow.back()->send(request.substr(0, i % 2 == 0 ? 20 : request.size() - 20));
  }
  const auto start = Clock::now();
  for (int i = 0; i < 10; ++i) running.expect_well();
  EXPECT_LT(Clock::now() - start, 10s);
  // A body that trickles keeps every read short, but not the whole.
  const Raw trickle(running.port());
  trickle.send(request.substr(0, request.size() - 20));
  for (int i = 0; i < 12; ++i) {
    std::this_thread::sleep_for(500ms);
    if (!trickle.send(" ")) break;
  }
  expect_error(trickle.receive(), 408, "took too long");
  running.expect_well();
}

// More clients than the server has threads, each sending its headers byte by byte.
TEST(Server, HeadersByteByByteHoldNobodyUp) {
  Running running({.slots = 2, .queue = 2, .read_timeout_s = 3});
  constexpr int kSlow = 300;
  std::vector<std::unique_ptr<Raw>> slow;
  for (int i = 0; i < kSlow; ++i) slow.push_back(std::make_unique<Raw>(running.port()));
  const auto start = Clock::now();
  std::atomic<bool> done = false;
  std::thread trickle([&] {
    const std::string header = "POST /v1/completions HTTP/1.1\r\nX: " + std::string(1000, 'x');
    for (size_t at = 0; !done && at < header.size(); ++at) {
      for (const auto& client : slow) client->send(header.substr(at, 1));
      std::this_thread::sleep_for(20ms);
    }
  });
  for (int i = 0; i < 20; ++i) running.expect_well();
  EXPECT_EQ(running.client().Get("/health")->status, 200);
  EXPECT_LT(Clock::now() - start, 2500ms);  // while all of them were still at it
  EXPECT_EQ(metric(running, "hadal_connections_arriving"), kSlow);
  expect_error(slow.front()->receive(), 408, "took too long");
  expect_error(slow.back()->receive(), 408, "took too long");
  EXPECT_LT(Clock::now() - start, 8s);
  done = true;
  trickle.join();
  EXPECT_EQ(metric(running, "hadal_requests_late_total"), kSlow);
  EXPECT_EQ(metric(running, "hadal_connections_arriving"), 0);
  running.expect_well();
}

// More than there is room for: the newcomer is heard, the one that has dawdled for longest goes.
TEST(Server, ConnectionsAreLimited) {
  Running running({.arriving = 32});
  std::vector<std::unique_ptr<Raw>> idle;
  for (int i = 0; i < 200; ++i) {
    idle.push_back(std::make_unique<Raw>(running.port()));
    if (i % 2 == 0) idle.back()->send("GET /v1/models HTTP/1.1\r\n");
    if (i % 50 == 0) running.expect_well();
  }
  running.expect_well();
  expect_error(idle.front()->receive(), 503, "too many connections");
  EXPECT_LE(metric(running, "hadal_connections_arriving"), 32);
  EXPECT_GE(metric(running, "hadal_requests_crowded_total"), 160);
  // One of the last still gets its answer when it goes on.
  idle.back()->send("GET /v1/models HTTP/1.1\r\n\r\n");
  EXPECT_NE(idle.back()->receive().find("200 OK"), std::string::npos);
}

// A burst of whole requests beyond threads and queue: every one gets an answer.
TEST(Server, BurstIsAnsweredOrRefused) {
  Running running({.slots = 1, .queue = 1, .pause = 20000us});
  std::vector<std::unique_ptr<Raw>> clients;
  for (int i = 0; i < 250; ++i) {
    clients.push_back(std::make_unique<Raw>(running.port()));
    clients.back()->send(Raw::post(Running::body("b", 5)));
  }
  int good = 0, refused = 0;
  for (const auto& client : clients) {
    const std::string answer = client->receive();
    good += answer.find("200 OK") != answer.npos ? 1 : 0;
    refused += answer.find("HTTP/1.1 429") != answer.npos || answer.find("HTTP/1.1 503") != answer.npos ? 1 : 0;
  }
  EXPECT_GE(good, 2);
  EXPECT_EQ(good + refused, 250);
  running.expect_well();
}

TEST(Server, ClientsThatWaitToContinueAreTold) {
  Running running({});
  const std::string body = Running::body("expect", 3), request = Raw::post(body);
  const Raw raw(running.port());
  raw.send(request.substr(0, request.size() - body.size() - 2) + "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(raw.receive("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  raw.send(body);
  EXPECT_TRUE(raw.receive().starts_with("HTTP/1.1 200 OK"));
  // One whose body would be too large is told at once instead.
  const Raw large(running.port());
  large.send("POST /v1/completions HTTP/1.1\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n");
  expect_error(large.receive(), 413, "");
}

TEST(Server, ChunkedBodiesAreTaken) {
  Running running({});
  const std::string body = Running::body("chunks", 3);
  const Raw raw(running.port());
  raw.send("POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (const char c : body) raw.send(std::string("1\r\n") + c + "\r\n");
  raw.send("0\r\n\r\n");
  const std::string answer = raw.receive();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK")) << answer;
  const Raw large(running.port());
  large.send("POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 30 && large.send("1000\r\n" + std::string(4096, 'x') + "\r\n"); ++i) continue;
  large.send("0\r\n\r\n");
  expect_error(large.receive(), 413, "more than 100000 bytes");
}

// Who reads a byte now and then keeps neither a slot nor a thread beyond its time.
TEST(Server, ReaderThatTricklesIsCancelled) {
  Running running({.slots = 1, .queue = 1, .read_timeout_s = 4, .timeout_s = 2});
  const Raw reader(running.port(), 4096);
  reader.send(Raw::post(Running::body("stop", 150'000, true)));
  reader.receive("data: ");
  const auto start = Clock::now();
  std::atomic<bool> done = false;
  std::thread trickle([&] {
    while (!done && reader.receive_some(512) > 0) std::this_thread::sleep_for(50ms);
  });
  EXPECT_TRUE(running.becomes_idle(10s));
  running.expect_well();
  EXPECT_LT(Clock::now() - start, 10s);
  done = true;
  trickle.join();
}

TEST(Server, ClientsThatGoAreCancelled) {
  Running running({.slots = 4, .queue = 16, .pause = 200us});
  for (const bool stream : {true, false}) {
    {
      std::vector<std::unique_ptr<Raw>> gone;
      for (int i = 0; i < 8; ++i) {
        gone.push_back(std::make_unique<Raw>(running.port()));
        gone.back()->send(Raw::post(Running::body("gone", 100'000, stream)));
      }
      gone[0]->receive(stream ? "data: " : "200 OK");
    }
    EXPECT_TRUE(running.becomes_idle()) << stream;
  }
  EXPECT_LT(running.engine().counters().completion_tokens, 400'000u);
  running.expect_well();
}

TEST(Server, ReaderThatStopsIsCancelled) {
  Running running({.read_timeout_s = 4});
  const Raw reader(running.port(), 4096);
  reader.send(Raw::post(Running::body("stop", 150'000, true)));
  reader.receive("data: ");
  running.expect_well();
  EXPECT_TRUE(running.becomes_idle(60s));
  EXPECT_LT(running.engine().counters().completion_tokens, 150'000u);
}

TEST(Server, FullQueueIsRefused) {
  Running running({.slots = 1, .queue = 2, .pause = 500us});
  std::vector<std::unique_ptr<Raw>> holding;
  for (int i = 0; i < 3; ++i) {
    holding.push_back(std::make_unique<Raw>(running.port()));
    holding.back()->send(Raw::post(Running::body("hold", 100'000, true)));
    if (i == 0) holding.back()->receive("data: ");
  }
  const auto end = Clock::now() + 10s;
  while (running.engine().counters().waiting < 2 && Clock::now() < end) std::this_thread::sleep_for(5ms);
  const auto answer = running.client().Post("/v1/completions", Running::body("more", 1), "application/json");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 429);
  EXPECT_EQ(answer->get_header_value("Retry-After"), "1");
  EXPECT_EQ(json::parse(answer->body)["error"]["code"], "queue_full");
  holding.clear();
  EXPECT_TRUE(running.becomes_idle());
  running.expect_well();
}

TEST(Server, TimeoutGivesWhatThereIs) {
  Running running({.slots = 1, .queue = 4, .pause = 1000us, .timeout_s = 0.5});
  const Raw first(running.port());
  first.send(Raw::post(Running::body("long", 100'000, true)));
  first.receive("data: ");
  const auto waiting = running.client().Post("/v1/completions", Running::body("wait", 100'000), "application/json");
  ASSERT_TRUE(waiting);
  if (waiting->status == 200) {  // the first had just ended
    EXPECT_EQ(json::parse(waiting->body)["hadal"]["ended_by"], "timeout");
  } else {
    EXPECT_EQ(waiting->status, 503);
  }
  EXPECT_NE(first.receive().find("\"ended_by\":\"timeout\""), std::string::npos);
}

TEST(Server, KeyIsRequired) {
  Running running({.api_key = "secret"});
  auto client = running.client();
  EXPECT_EQ(client.Get("/v1/models")->status, 401);
  EXPECT_EQ(client.Get("/metrics")->status, 401);
  EXPECT_EQ(client.Post("/v1/completions", Running::body("a", 1), "application/json")->status, 401);
  EXPECT_EQ(client.Get("/health")->status, 200);
  for (const char* wrong : {"Bearer secre", "Bearer secret2", "secret", "Bearer ", ""}) {
    EXPECT_EQ(client.Get("/v1/models", {{"Authorization", wrong}})->status, 401) << wrong;
  }
  EXPECT_EQ(client.Get("/v1/models", {{"Authorization", "Bearer secret"}})->status, 200);
}

TEST(Server, DrainLetsRunningRequestsEnd) {
  Running running({.pause = 2000us});
  const Raw stream(running.port());
  stream.send(Raw::post(Running::body("drain", 300, true)));
  std::string events = stream.receive("data: ");
  running.server().drain();
  auto client = running.client();
  EXPECT_EQ(client.Post("/v1/completions", Running::body("late", 1), "application/json")->status, 503);
  EXPECT_EQ(client.Get("/health")->status, 503);
  events += stream.receive();
  EXPECT_NE(events.find("[DONE]"), std::string::npos);
  EXPECT_NE(events.find("\"finish_reason\":\"length\""), std::string::npos);
}

TEST(Server, DrainDoesNotWaitForEver) {
  Running running({.pause = 2000us, .drain_timeout_s = 0.2});
  const Raw stream(running.port());
  stream.send(Raw::post(Running::body("drain", 100'000, true)));
  stream.receive("data: ");
  running.server().drain();
  EXPECT_NE(stream.receive().find("\"ended_by\":\"cancelled\""), std::string::npos);
}

// A signal may come before the server listens.
TEST(Server, DrainAtOnceEnds) {
  for (int i = 0; i < 20; ++i) {
    Running running({});
    running.server().drain();
  }
}

TEST(Server, FaultOfTheChipIsAnError) {
  Running running({.fail_at = 5});
  auto client = running.client();
  const auto stream = client.Post("/v1/completions", Running::body("a", 100, true), "application/json");
  ASSERT_TRUE(stream);
  EXPECT_NE(stream->body.find("core 3: race"), std::string::npos);
  EXPECT_EQ(client.Post("/v1/completions", Running::body("a", 1), "application/json")->status, 500);
  EXPECT_EQ(client.Get("/health")->status, 500);
}

}  // namespace
}  // namespace hadal::serve
