// The core-to-core mesh: XY routing, multicast trees in which each link carries a packet once, cut-through links booked
// packet by packet.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "chip/chip.h"
#include "sim/timing/constants.h"

namespace hadal::sim::timing {

class Noc {
 public:
  explicit Noc(const chip::Chip& chip);

  // One step of a packet's way: out of a router over a mesh link, or out of the network into a core.
  struct Branch {
    uint16_t link = 0;
    int16_t parent = -1;  // index into the tree; -1: injected by the source
    int16_t core = -1;    // destination, for the last step
  };
  struct Tree {
    std::vector<Branch> branches;  // parents first
    int mesh_links = 0;
  };
  // The union of the XY paths from `source` to every core of `mask`.
  const Tree& tree(int source, uint64_t mask);

  // Sends `bytes` (at most a packet) along `tree` from `inject` on. Afterwards delivered(i) is the time the tail of the
  // packet is in the core of branch i. Returns the time the last destination has it.
  Cycle send(const Tree& tree, Cycle inject, uint32_t bytes);
  Cycle delivered(size_t branch) const { return tail_[branch]; }

  Cycle flits(uint32_t bytes) const { return bytes == 0 ? 1 : (bytes + link_bytes_ - 1) / link_bytes_; }
  Cycle link_busy(int core, int direction) const { return busy_[static_cast<size_t>(core * kPorts + direction)]; }

  static constexpr int kPorts = 5;  // east, west, south, north, core
  uint64_t byte_hops = 0, stall_cycles = 0;

 private:
  int columns_, cores_;
  uint32_t link_bytes_;
  Cycle hop_cycles_;
  std::vector<Cycle> free_, busy_;  // per link
  std::vector<Cycle> head_, tail_;  // of the packet being sent, per branch
  struct Key {
    int source;
    uint64_t mask;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    size_t operator()(const Key& k) const {
      return (k.mask ^ static_cast<uint64_t>(k.source) << 50) * 0x9E3779B97F4A7C15u >> 7;
    }
  };
  std::unordered_map<Key, Tree, Hash> trees_;
};

}  // namespace hadal::sim::timing
