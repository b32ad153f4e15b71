// The instructions of a stream, each different one kept once. A step of 32 rows has some 600,000, but most are those of
// another core or layer again: a number of four bytes stands for each, and who decodes them does so once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <span>
#include <vector>

#include "isa/isa.h"

namespace hadal::program {

// Different instructions, numbered in the order in which they came.
class InstructionTable {
 public:
  uint32_t number_of(const isa::Encoded& instruction);  // adds it where it is new
  const isa::Encoded& operator[](size_t number) const { return entries_[number]; }
  size_t size() const { return entries_.size(); }
  // Gives up what only number_of() needs, until that is called again.
  void seal();

 private:
  void index();

  std::vector<isa::Encoded> entries_;
  std::vector<uint32_t> slots_;  // open addressing, a power of two of them: numbers + 1, or 0
};

// A sequence of instructions, by position. Copies are independent, but share their table until one of them grows.
class Instructions {
 public:
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = isa::Encoded;
    using difference_type = std::ptrdiff_t;
    using pointer = const isa::Encoded*;
    using reference = const isa::Encoded&;
    Iterator() = default;
    Iterator(const InstructionTable* table, const uint32_t* at) : table_(table), at_(at) {}
    reference operator*() const { return (*table_)[*at_]; }
    pointer operator->() const { return &**this; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++at_;
      return before;
    }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    const InstructionTable* table_ = nullptr;
    const uint32_t* at_ = nullptr;
  };

  Instructions() = default;
  Instructions(std::initializer_list<isa::Encoded> list) {
    for (const isa::Encoded& instruction : list) push_back(instruction);
  }

  size_t size() const { return numbers_.size(); }
  bool empty() const { return numbers_.empty(); }
  const isa::Encoded& operator[](size_t pc) const { return (*table_)[numbers_[pc]]; }
  const isa::Encoded& back() const { return (*this)[size() - 1]; }
  Iterator begin() const { return {table_.get(), numbers_.data()}; }
  Iterator end() const { return {table_.get(), numbers_.data() + numbers_.size()}; }
  bool operator==(const Instructions& other) const;

  void reserve(size_t instructions) { numbers_.reserve(instructions); }
  void push_back(const isa::Encoded& instruction) { numbers_.push_back(number_of(instruction)); }
  void pop_back() { numbers_.pop_back(); }
  void set(size_t pc, const isa::Encoded& instruction) { numbers_[pc] = number_of(instruction); }
  void clear() { *this = Instructions(); }

  // What size() positions hold, as numbers of the table; null while there was none.
  std::span<const uint32_t> numbers() const { return numbers_; }
  const InstructionTable* table() const { return table_.get(); }
  // Gives several sequences one table, numbered in their order.
  static void share(std::span<Instructions* const> all);

 private:
  uint32_t number_of(const isa::Encoded& instruction);

  std::shared_ptr<InstructionTable> table_;
  std::vector<uint32_t> numbers_;
};

}  // namespace hadal::program
