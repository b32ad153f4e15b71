// A model on several chips in a row: which layers each of them has, and what that takes of its DRAM.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "graph/graph.h"
#include "kernels/plan.h"
#include "program/program.h"

namespace hadal::kernels {

// What a stage writes in DRAM, from `line` on: areas, and one segment each.
struct Writable {
  Areas areas;
  std::vector<program::Segment> segments;
  uint64_t end_line = 0;
};
Writable place_areas(const Plan& plan, uint64_t line, uint64_t most_rows, int64_t context);

// Layers in contiguous shares, the largest as small as can be: `lines(first, end)` are those of a share.
class Cuts {
 public:
  Cuts(int64_t layers, const std::function<uint64_t(int64_t first, int64_t end)>& lines);
  std::vector<graph::Stage> into(int chips) const;  // 1..layers
  uint64_t largest(int chips) const;                // lines of the fullest of them
  int fewest(uint64_t lines) const;                 // chips with so many lines each; 0: no number holds it

 private:
  struct Best {
    uint64_t largest = UINT64_MAX;
    int64_t last_first = 0;  // layer that the last share begins with
  };
  int64_t layers_;
  std::vector<std::vector<Best>> best_;  // [chips - 1][layers so far - 1]
};

// The stages of plan.options.chips chips (0: as few as hold the model). An input error that names a number that would
// do when these do not.
std::vector<graph::Stage> choose_stages(const model::Model& model, const Plan& plan, uint64_t most_rows,
                                        int64_t context);

}  // namespace hadal::kernels
