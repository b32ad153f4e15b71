// The end of a request is found at the same byte however it arrives.
#include "serve/framing.h"

#include <gtest/gtest.h>

#include <random>

namespace hadal::serve {
namespace {

constexpr size_t kHeader = 1000, kBody = 1000;

// Bytes after which the request counts as whole, arriving in pieces of these sizes (the last repeats); 0: never.
size_t ends_at(const std::string& text, const std::vector<size_t>& pieces) {
  Framing framing(kHeader, kBody);
  std::string bytes;
  for (size_t i = 0, at = 0; at < text.size(); ++i) {
    const size_t size = std::min(pieces[std::min(i, pieces.size() - 1)], text.size() - at);
    bytes += text.substr(at, size);
    at += size;
    if (framing.whole(bytes)) return at;
  }
  return 0;
}

const std::string kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const std::string kPost = "POST / HTTP/1.1\r\ncontent-LENGTH:  5 \r\nHost: x\r\n\r\nhello";
const std::string kChunks =
    "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n";

TEST(Framing, EveryByteAlone) {
  for (const std::string& text : {kGet, kPost, kChunks}) EXPECT_EQ(ends_at(text + "more", {1}), text.size()) << text;
}

TEST(Framing, RandomPieces) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 3000; ++i) {
    const std::string& text = *std::array{&kGet, &kPost, &kChunks}[static_cast<size_t>(i % 3)];
    std::vector<size_t> pieces;
    for (int n = 0; n < 200; ++n) pieces.push_back(1 + random() % 12);
    const size_t end = ends_at(text, pieces);
    EXPECT_EQ(end, text.size()) << text;
    EXPECT_EQ(ends_at(text.substr(0, random() % text.size()), pieces), 0u) << text;
  }
}

TEST(Framing, MalformedEndsAtOnce) {
  for (const char* header : {"Content-Length: -1", "Content-Length: x", "Content-Length: 1001",
                             "Content-Length:", "Content-Length: 99999999999999999999999", "Transfer-Encoding: gzip"}) {
    const std::string text = std::string("POST / HTTP/1.1\r\n") + header + "\r\n\r\n";
    EXPECT_EQ(ends_at(text + std::string(2000, 'x'), {1}), text.size()) << header;
  }
  EXPECT_EQ(ends_at("GET / HTTP/1.1\r\nX: " + std::string(2000, 'x'), {1}), kHeader + 1);
  const std::string chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char* line : {"zz\r\n", "\r\n", "3e9\r\n", "-1\r\n", "ffffffffffffffffff\r\n"}) {
    EXPECT_EQ(ends_at(chunked + line + "more", {1}), chunked.size() + std::string(line).size()) << line;
  }
  EXPECT_GT(ends_at(chunked + std::string(2000, 'a'), {1}), 0u);  // a size without an end
  std::string many = chunked;
  for (int i = 0; i < 1000; ++i) many += "1\r\nx\r\n";
  EXPECT_LT(ends_at(many, {1}), chunked.size() + kBody + 10);  // the frame counts as body
}

TEST(Framing, ExpectationIsTakenOnceAndTakenOut) {
  std::string text = "POST / HTTP/1.1\r\nexpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
  Framing framing(kHeader, kBody);
  EXPECT_FALSE(framing.whole(text));
  EXPECT_TRUE(framing.take_expectation());
  EXPECT_FALSE(framing.take_expectation());
  EXPECT_EQ(text.find("expect"), std::string::npos);
  text += "ab";
  EXPECT_TRUE(framing.whole(text));
  // A body that is on its way already needs no word.
  std::string sent = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab";
  Framing other(kHeader, kBody);
  EXPECT_TRUE(other.whole(sent));
  EXPECT_FALSE(other.take_expectation());
}

}  // namespace
}  // namespace hadal::serve
