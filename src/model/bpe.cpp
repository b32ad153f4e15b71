// A heap of candidate merges over a linked list of symbols: O(n log n) whatever the word.
#include "model/bpe.h"

#include <algorithm>
#include <bit>

namespace hadal::model {
namespace {

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

// std::*_heap keep the greatest first; the lowest rank, then the lowest position, must come first.
bool comes_later(const BpeScratch::Candidate& a, const BpeScratch::Candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
}

// The symbols of a word, not linked yet.
void split_bytes(std::string_view word, const ByteTokens& bytes, std::vector<BpeScratch::Symbol>& symbols) {
  bool unknown = false;  // the byte before was
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (bytes.token[byte] >= 0) {
      symbols.push_back({bytes.token[byte], 0, 0});
      unknown = false;
      continue;
    }
    if (unknown && bytes.fuse_unknown) continue;
    for (const int32_t token : bytes.instead[byte]) {
      symbols.push_back({token, 0, 0});
      unknown = token == bytes.unknown;
    }
  }
}

}  // namespace

MergeTable::MergeTable(size_t expected) {
  const size_t slots = std::bit_ceil(2 * expected + 2);
  slots_.resize(slots);
  shift_ = 64 - std::countr_zero(slots);
}

size_t MergeTable::slot_of(uint64_t key) const {
  size_t slot = (key * 0x9E3779B97F4A7C15u) >> shift_;
  while (slots_[slot].key != key && slots_[slot].key != kEmpty) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

void MergeTable::set(int32_t left, int32_t right, Merge merge) {
  const uint64_t key = pair_key(left, right);
  slots_[slot_of(key)] = {key, merge};
}

MergeTable::Merge MergeTable::find(int32_t left, int32_t right) const {
  return slots_[slot_of(pair_key(left, right))].merge;
}

void encode_word(std::string_view word, const ByteTokens& bytes, const MergeTable& merges, BpeScratch& scratch,
                 std::vector<int32_t>& out) {
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  symbols.clear();
  heap.clear();
  split_bytes(word, bytes, symbols);
  const auto n = static_cast<int32_t>(symbols.size());
  for (int32_t i = 0; i < n; ++i) {
    symbols[i].previous = i - 1;
    symbols[i].next = i + 1 < n ? i + 1 : -1;
  }
  const auto consider = [&](int32_t left, int32_t right) {
    const MergeTable::Merge merge = merges.find(symbols[left].token, symbols[right].token);
    if (merge.rank < 0) return;
    heap.push_back({merge.rank, left, merge.token});
    std::push_heap(heap.begin(), heap.end(), comes_later);
  };
  for (int32_t i = 0; i + 1 < n; ++i) consider(i, i + 1);

  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), comes_later);
    const BpeScratch::Candidate top = heap.back();
    heap.pop_back();
    auto& left = symbols[top.position];
    if (left.token < 0 || left.next < 0) continue;
    auto& right = symbols[left.next];
    // A candidate may be older than a merge beside it. Like the published tokenizers, take it as long as the pair
    // standing there now still merges, and into the same token.
    const MergeTable::Merge now = merges.find(left.token, right.token);
    if (now.rank < 0 || now.token != top.token) continue;
    left.token = top.token;
    right.token = -1;
    left.next = right.next;
    if (left.next >= 0) symbols[left.next].previous = top.position;
    if (left.previous >= 0) consider(left.previous, top.position);
    if (left.next >= 0) consider(top.position, left.next);
  }
  for (int32_t i = 0; i >= 0 && i < n; i = symbols[i].next) out.push_back(symbols[i].token);
}

}  // namespace hadal::model
