// Where a request of HTTP/1.1 ends, told from its bytes as they arrive. What is malformed counts as ended: the server's
// parser says what is wrong with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace hadal::serve {

class Framing {
 public:
  // A body announced as longer than `most_body_bytes`, headers longer than `most_header_bytes`: ended at once.
  Framing(size_t most_header_bytes, size_t most_body_bytes)
      : most_header_bytes_(most_header_bytes), most_body_bytes_(most_body_bytes) {}

  // `bytes`: all that has arrived so far. Whether the request is whole. Costs what is new, not what is there.
  bool whole(std::string& bytes);
  // Once, after the headers of a request whose client waits for "100 Continue" before it sends the body.
  bool take_expectation();

 private:
  void read_headers(std::string& bytes, size_t end);
  bool walk_chunks(const std::string& bytes);

  const size_t most_header_bytes_, most_body_bytes_;
  size_t at_ = 0;        // headers: searched up to here; chunks: the next one begins here
  size_t body_ = 0;      // 0 while the headers are incomplete
  uint64_t length_ = 0;  // of a body that is not chunked
  bool chunked_ = false, malformed_ = false, trailer_ = false, expectation_ = false;
};

}  // namespace hadal::serve
