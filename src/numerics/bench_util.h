// What the benchmarks share: the machine's limits, measured in the same run as the work they are compared with.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hadal::num::bench {

// Runs `rounds` rounds of independent binary64 fused multiply-adds; returns the multiply-adds done.
uint64_t multiply_add_rounds(uint64_t rounds, double* sink);

// Reads every byte once; returns something that depends on all of them.
uint64_t read_all(const uint8_t* from, size_t bytes);

// The weights of the streaming benchmarks: larger than any cache here, shared by all, valid E4M3 codes.
constexpr size_t kStreamBytes = size_t{1} << 30;
const uint8_t* stream_buffer();

}  // namespace hadal::num::bench
