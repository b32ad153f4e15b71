// chat, serve and tokenize as a whole, with the bundled model.
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "base/temporary_directory.h"
#include "cli/binary.h"
#include "model/safetensors_writer.h"

namespace hadal::cli {
namespace {

using nlohmann::json;
using testing::hadal;
using testing::Outcome;

TEST(Tokenize, ThereAndBack) {
  const TemporaryDirectory directory;
  model::write_file(directory.file("t"), "\"Once upon\"\n\"a <eos>\"\n");
  const Outcome ids = hadal({"tokenize", "hadal-tiny", "--lines", "--text", directory.file("t")});
  ASSERT_EQ(ids.status, 0) << ids.err;
  model::write_file(directory.file("ids"), ids.out);
  const Outcome text = hadal({"tokenize", "hadal-tiny", "--decode", "--plain", "--text", directory.file("ids")});
  EXPECT_EQ(text.out, "\"Once upon\"\n\"a <eos>\"\n");
  model::write_file(directory.file("t"), "\"a\"\nb\n");
  const Outcome bad = hadal({"tokenize", "hadal-tiny", "--lines", "--text", directory.file("t")});
  EXPECT_EQ(bad.status, 2);
  EXPECT_EQ(bad.out, "");
  EXPECT_NE(bad.err.find("t:2: holds no JSON string"), std::string::npos) << bad.err;
}

TEST(Chat, RendersConversations) {
  const TemporaryDirectory directory;
  model::write_file(directory.file("chat_template.jinja"),
                    "{% for m in messages %}{{ m.content.x }}{% endfor %}{{ mood }}");
  model::write_file(directory.file("c"), R"({"messages": [], "extra": {"mood": "calm"}}
{"messages": [{"content": 5}, {}]}
)");
  const Outcome out = hadal({"chat", directory.path(), "--render", directory.file("c")});
  ASSERT_EQ(out.status, 0) << out.err;
  EXPECT_EQ(out.out.rfind("\"calm\"\n{\"error\":", 0), 0u) << out.out;
  EXPECT_NE(out.out.find("chat_template.jinja:1: "), std::string::npos) << out.out;
  EXPECT_EQ(hadal({"chat", "models/hadal-tiny", "--render", directory.file("c")}).status, 2);
}

TEST(Chat, AnswersAndSaysHowWithoutTemplate) {
  const std::vector<std::string> arguments{"chat", "hadal-tiny",    "-m", "Hello.",     "-m", "And then?", "-n",
                                           "4",    "--temperature", "0",  "--no-checks"};
  const Outcome first = hadal(arguments), second = hadal(arguments);
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_NE(first.err.find("has no chat template"), std::string::npos);
  EXPECT_TRUE(testing::one_line(first.err));
  EXPECT_NE(first.out.find("tokens"), std::string::npos);
  const Outcome quiet = hadal({"chat", "hadal-tiny", "-m", "Hello.", "-n", "4", "--temperature", "0", "-q"});
  EXPECT_EQ(quiet.out.find('['), std::string::npos) << quiet.out;
  EXPECT_NE(first.out.find(quiet.out.substr(0, quiet.out.size() - 1)), std::string::npos);
  EXPECT_EQ(hadal({"chat", "hadal-tiny", "-m", "a", "--stop", ""}).status, 2);
}

TEST(Serve, RefusesToBeReachedWithoutKey) {
  const Outcome open = hadal({"serve", "hadal-tiny", "--host", "0.0.0.0", "--port", "0"});
  EXPECT_EQ(open.status, 2);
  EXPECT_NE(open.err.find("--api-key-file"), std::string::npos);
  const TemporaryDirectory directory;
  model::write_file(directory.file("key"), "\n");
  EXPECT_EQ(hadal({"serve", "hadal-tiny", "--api-key-file", directory.file("key")}).status, 2);
}

TEST(Serve, AnswersAndEndsOnSigterm) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(pipe_ends[1], STDOUT_FILENO);
    execl(HADAL_BINARY, HADAL_BINARY, "serve", "hadal-tiny", "--port", "0", "--no-checks", nullptr);
    _exit(127);
  }
  close(pipe_ends[1]);
  std::string out;
  char buffer[512];
  while (out.find("/v1\n") == out.npos) {
    const ssize_t n = read(pipe_ends[0], buffer, sizeof buffer);
    if (n <= 0) break;
    out.append(buffer, static_cast<size_t>(n));
  }
  const size_t at = out.find("http://127.0.0.1:");
  ASSERT_NE(at, out.npos) << out;
  httplib::Client client("127.0.0.1", std::stoi(out.substr(at + 17)));
  client.set_read_timeout(300);
  const auto answer = client.Post("/v1/completions", R"({"model": "hadal-tiny", "prompt": "Once", "max_tokens": 2})",
                                  "application/json");
  ASSERT_TRUE(answer);
  EXPECT_EQ(json::parse(answer->body)["usage"]["completion_tokens"], 2) << answer->body;
  EXPECT_GT(json::parse(answer->body)["hadal"]["simulated_decode_s"].get<double>(), 0);
  kill(child, SIGTERM);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  close(pipe_ends[0]);
}

}  // namespace
}  // namespace hadal::cli
