// Tokens matched in the text before it is split: special tokens and others added to the vocabulary.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hadal::model {

// A trie over bytes; matching is leftmost, then longest.
class TokenTrie {
 public:
  void add(std::string_view content, int32_t id);
  bool empty() const { return nodes_.size() == 1; }
  struct Match {
    size_t begin = 0, end = 0;
    int32_t id = -1;  // -1: no match
  };
  Match find(std::string_view text, size_t from) const;

 private:
  struct Node {
    std::vector<std::pair<unsigned char, int32_t>> children;  // sorted by byte
    int32_t id = -1;
  };
  int32_t child(int32_t node, unsigned char byte) const;
  std::vector<Node> nodes_{1};
  bool starts_[256] = {};
};

}  // namespace hadal::model
