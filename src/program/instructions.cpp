// Numbers for instructions, by a hash table of numbers alone.
#include "program/instructions.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace hadal::program {
namespace {

constexpr uint32_t kUnnumbered = UINT32_MAX;

size_t hash(const isa::Encoded& instruction) {
  uint64_t half[2];
  std::memcpy(half, instruction.word.data(), sizeof half);
  const uint64_t mixed = (half[0] ^ half[1] * 0x9E3779B97F4A7C15) * 0xD6E8FEB86659FD93;
  return mixed ^ mixed >> 32;
}

}  // namespace

void InstructionTable::index() {
  size_t slots = 64;
  while (slots < 4 * entries_.size()) slots *= 2;
  slots_.assign(slots, 0);
  for (size_t n = 0; n < entries_.size(); ++n) {
    size_t slot = hash(entries_[n]) & (slots - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots - 1);
    slots_[slot] = static_cast<uint32_t>(n + 1);
  }
}

uint32_t InstructionTable::number_of(const isa::Encoded& instruction) {
  if (slots_.size() < 2 * (entries_.size() + 1)) index();
  size_t slot = hash(instruction) & (slots_.size() - 1);
  for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    if (entries_[slots_[slot] - 1] == instruction) return slots_[slot] - 1;
  }
  check(entries_.size() < kUnnumbered - 1, "a program of more than 2^32 different instructions");
  entries_.push_back(instruction);
  slots_[slot] = static_cast<uint32_t>(entries_.size());
  return slots_[slot] - 1;
}

void InstructionTable::seal() {
  slots_ = {};
  entries_.shrink_to_fit();
}

bool Instructions::operator==(const Instructions& other) const {
  if (table_ == other.table_) return numbers_ == other.numbers_;
  return std::equal(begin(), end(), other.begin(), other.end());
}

uint32_t Instructions::number_of(const isa::Encoded& instruction) {
  if (!table_) table_ = std::make_shared<InstructionTable>();
  if (table_.use_count() > 1) table_ = std::make_shared<InstructionTable>(*table_);
  return table_->number_of(instruction);
}

void Instructions::share(std::span<Instructions* const> all) {
  const auto shared = std::make_shared<InstructionTable>();
  std::vector<uint32_t> renumbered;  // of one table
  for (Instructions* one : all) {
    renumbered.assign(one->table_ ? one->table_->size() : 0, kUnnumbered);
    // In new memory: the old lies scattered among what the threads that made the sequences have freed.
    std::vector<uint32_t> numbers;
    numbers.reserve(one->numbers_.size());
    for (const uint32_t number : one->numbers_) {
      uint32_t& now = renumbered[number];
      if (now == kUnnumbered) now = shared->number_of((*one->table_)[number]);
      numbers.push_back(now);
    }
    one->numbers_.swap(numbers);
    one->table_ = shared;
  }
  shared->seal();
}

}  // namespace hadal::program
