// Byte pair encoding of one word: merges by rank, leftmost first.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hadal::model {

// (left, right) -> (rank, merged token): open addressing, since a lookup per adjacent pair dominates encoding.
class MergeTable {
 public:
  struct Merge {
    int32_t rank = -1;  // -1: the pair does not merge
    int32_t token = 0;
  };
  MergeTable() : MergeTable(0) {}
  explicit MergeTable(size_t expected);
  void set(int32_t left, int32_t right, Merge merge);  // at most `expected` distinct pairs; a later one replaces
  Merge find(int32_t left, int32_t right) const;

 private:
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge;
  };
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  size_t slot_of(uint64_t key) const;
  std::vector<Slot> slots_;
  int shift_ = 0;
};

// Working memory of one encoding thread.
struct BpeScratch {
  struct Symbol {
    int32_t token, previous, next;  // token < 0: merged away
  };
  struct Candidate {
    int32_t rank, position, token;
  };
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
};

// The tokens that bytes start as, before any merge.
struct ByteTokens {
  std::array<int32_t, 256> token;                 // -1: the vocabulary has none for it
  std::array<std::vector<int32_t>, 256> instead;  // what then stands for it; may be nothing
  int32_t unknown = -1;                           // the token that stands for unknown bytes
  bool fuse_unknown = false;                      // one for a run of them
  ByteTokens() { token.fill(-1); }
};

// Appends the tokens of `word` (raw bytes) to `out`.
void encode_word(std::string_view word, const ByteTokens& bytes, const MergeTable& merges, BpeScratch& scratch,
                 std::vector<int32_t>& out);

}  // namespace hadal::model
