// Routes and link bookings of the mesh.
#include "sim/timing/noc.h"

#include <algorithm>
#include <bit>

#include "base/error.h"

namespace hadal::sim::timing {
namespace {

enum Port { kEast, kWest, kSouth, kNorth, kCore };

}  // namespace

Noc::Noc(const chip::Chip& chip)
    : columns_(chip.noc.columns > 0 ? chip.noc.columns : chip.cores),
      cores_(chip.cores),
      link_bytes_(static_cast<uint32_t>(std::max(1, chip.noc.bytes_per_cycle))),
      hop_cycles_(static_cast<Cycle>(std::max(0, chip.noc.hop_cycles))) {
  const size_t rows = static_cast<size_t>((cores_ + columns_ - 1) / columns_);
  free_.resize(rows * static_cast<size_t>(columns_) * kPorts);
  busy_.resize(free_.size());
}

const Noc::Tree& Noc::tree(int source, uint64_t mask) {
  auto [found, added] = trees_.try_emplace(Key{source, mask});
  Tree& tree = found->second;
  if (!added) return tree;
  std::vector<int16_t> branch_of(free_.size(), -1);  // link to its branch in this tree
  auto step = [&](int node, Port port, int parent, int core) {
    const size_t link = static_cast<size_t>(node * kPorts + port);
    if (branch_of[link] < 0) {
      branch_of[link] = static_cast<int16_t>(tree.branches.size());
      tree.branches.push_back({static_cast<uint16_t>(link), static_cast<int16_t>(parent), static_cast<int16_t>(core)});
      tree.mesh_links += port != kCore;
    }
    return static_cast<int>(branch_of[link]);
  };
  for (uint64_t left = mask; left != 0; left &= left - 1) {
    const int to = std::countr_zero(left);
    check(to < cores_, "core {} sends to core {}, the chip has {}", source, to, cores_);
    int node = source, parent = -1;
    while (node % columns_ != to % columns_) {
      const bool east = node % columns_ < to % columns_;
      parent = step(node, east ? kEast : kWest, parent, -1);
      node += east ? 1 : -1;
    }
    while (node != to) {
      const bool south = node < to;
      parent = step(node, south ? kSouth : kNorth, parent, -1);
      node += south ? columns_ : -columns_;
    }
    step(to, kCore, parent, to);
  }
  return tree;
}

Cycle Noc::send(const Tree& tree, Cycle inject, uint32_t bytes) {
  const size_t n = tree.branches.size();
  if (head_.size() < n) {
    head_.resize(n);
    tail_.resize(n);
  }
  const Cycle length = flits(bytes);
  Cycle last = inject;
  for (size_t i = 0; i < n; ++i) {
    const Branch& branch = tree.branches[i];
    const Cycle arrive = branch.parent < 0 ? inject : head_[static_cast<size_t>(branch.parent)] + hop_cycles_;
    const Cycle start = std::max(arrive, free_[branch.link]);
    stall_cycles += start - arrive;
    free_[branch.link] = start + length;
    busy_[branch.link] += length;
    head_[i] = start;
    tail_[i] = start + length;
    if (branch.core >= 0) last = std::max(last, tail_[i]);
  }
  byte_hops += static_cast<uint64_t>(bytes) * static_cast<uint64_t>(tree.mesh_links);
  return last;
}

}  // namespace hadal::sim::timing
