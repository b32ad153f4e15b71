// A trie walked from every position that can start a token; added tokens are few and short.
#include "model/added_tokens.h"

#include <algorithm>

namespace hadal::model {

int32_t TokenTrie::child(int32_t node, unsigned char byte) const {
  const auto& children = nodes_[node].children;
  const auto it = std::lower_bound(children.begin(), children.end(), std::pair<unsigned char, int32_t>(byte, -1));
  return it != children.end() && it->first == byte ? it->second : -1;
}

void TokenTrie::add(std::string_view content, int32_t id) {
  int32_t node = 0;
  for (const char c : content) {
    const auto byte = static_cast<unsigned char>(c);
    int32_t next = child(node, byte);
    if (next < 0) {
      next = static_cast<int32_t>(nodes_.size());
      nodes_.emplace_back();
      auto& children = nodes_[node].children;
      const std::pair<unsigned char, int32_t> entry(byte, next);
      children.insert(std::lower_bound(children.begin(), children.end(), entry), entry);
    }
    node = next;
  }
  nodes_[node].id = id;
  if (!content.empty()) starts_[static_cast<unsigned char>(content[0])] = true;
}

TokenTrie::Match TokenTrie::find(std::string_view text, size_t from) const {
  for (size_t begin = from; begin < text.size(); ++begin) {
    if (!starts_[static_cast<unsigned char>(text[begin])]) continue;
    Match match;
    int32_t node = 0;
    for (size_t at = begin; at < text.size(); ++at) {
      node = child(node, static_cast<unsigned char>(text[at]));
      if (node < 0) break;
      if (nodes_[node].id >= 0) match = {begin, at + 1, nodes_[node].id};
    }
    if (match.id >= 0) return match;
  }
  return {};
}

}  // namespace hadal::model
