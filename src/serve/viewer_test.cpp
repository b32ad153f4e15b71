// The viewer as a browser meets it: the page, data that follow their files, and nothing for anybody else.
#include <gtest/gtest.h>
#include <httplib.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/temporary_directory.h"
#include "explore/store.h"
#include "report/document.h"
#include "report/page.h"
#include "serve/viewer.h"

namespace hadal::serve {
namespace {

using nlohmann::json;

constexpr const char* kPage = "<p><script id=\"hadal-data\" type=\"application/json\">null</script></p>";

class ViewerTest : public ::testing::Test {
 protected:
  ViewerTest() {
    port_ = viewer_.bind(0);
    thread_ = std::thread([this] { viewer_.run(); });
    client_ = std::make_unique<httplib::Client>("127.0.0.1", port_);
    while (!client_->Get("/")) std::this_thread::yield();
  }
  ~ViewerTest() override {
    viewer_.stop();
    thread_.join();
  }
  void write(const std::string& text) const {
    std::ofstream(document_ + ".part") << text;
    std::filesystem::rename(document_ + ".part", document_);
  }
  json data() {
    const auto answer = client_->Get("/data");
    EXPECT_EQ(answer->status, 200);
    version_ = answer->get_header_value("X-Version");
    return json::parse(answer->body)["inputs"];
  }
  int status() { return client_->Get("/data?version=" + version_)->status; }

  TemporaryDirectory folder_;
  std::string document_ = folder_.file("document.json"), store_ = folder_.file("store.sqlite");
  Viewer viewer_{kPage, "page", "a <title>", {document_, store_}};
  int port_ = 0;
  std::string version_;
  std::thread thread_;
  std::unique_ptr<httplib::Client> client_;
};

TEST_F(ViewerTest, ThePageAsksForData) {
  const auto page = client_->Get("/");
  EXPECT_EQ(page->status, 200);
  EXPECT_NE(page->body.find("\"live\":\"data\""), std::string::npos);
  EXPECT_NE(page->body.find("a \\u003ctitle>"), std::string::npos);
  EXPECT_EQ(client_->Get("/etc/passwd")->status, 404);
  EXPECT_EQ(client_->Get("/../CMakeLists.txt")->status, 404);
}

TEST_F(ViewerTest, DataFollowTheirFiles) {
  EXPECT_TRUE(data().empty());
  EXPECT_EQ(status(), 204);
  write(report::document("plan", {{"scenario", "one"}}).dump());
  EXPECT_EQ(data()[0]["document"]["scenario"], "one");
  EXPECT_EQ(status(), 204);
  write(report::document("plan", {{"scenario", "another"}}).dump());
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(data()[0]["document"]["scenario"], "another");
  write("{ half a docu");
  EXPECT_EQ(data()[0]["document"]["scenario"], "another");  // what was there stays

  explore::Store store(store_, "a");
  store.describe(R"({"scenario": "s", "axes": [], "figures": []})");
  EXPECT_EQ(data()[1]["document"]["points"], 0);
  plan::Evaluation e;
  for (e.id = 0; e.id < 3; ++e.id) {
    store.add({e});
    EXPECT_EQ(status(), 200);
    EXPECT_EQ(data()[1]["document"]["points"], e.id + 1);
  }
  std::filesystem::remove(document_);
  EXPECT_EQ(data().size(), 1u);
}

TEST_F(ViewerTest, OnlyLooksAndOnlyForThisMachine) {
  EXPECT_EQ(client_->Post("/data", "x", "text/plain")->status, 405);
  EXPECT_EQ(client_->Put("/", "x", "text/plain")->status, 405);
  EXPECT_EQ(client_->Delete("/data")->status, 405);
  EXPECT_EQ(client_->Get("/data", {{"Host", "elsewhere.example"}})->status, 403);
  EXPECT_EQ(client_->Get("/data", {{"Host", "127.0.0.1:1"}})->status, 403);
  EXPECT_EQ(client_->Get("/data", {{"Host", "localhost:" + std::to_string(port_)}})->status, 200);
}

}  // namespace
}  // namespace hadal::serve
