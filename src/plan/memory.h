// What a memory device offers and costs (memories/*.yaml).
#pragma once

#include <string>
#include <vector>

#include "plan/figure.h"

namespace hadal::plan {

struct Memory {
  std::string name, kind, standard, file;  // kind: hbm, lpddr, gddr, ddr
  std::vector<Availability> availability;
  Figure capacity;   // bytes a device or stack
  Figure bandwidth;  // B/s
  Figure energy;     // pJ/B
  Figure price;      // USD a device or stack
  Figure footprint;  // mm2 in the package or on the board
  Figure phy_area;   // mm2 of PHY and controller on the logic die, 7 nm class
  bool is_stacked() const { return kind == "hbm"; }
};

Memory load_memory(const std::string& path, Ledger& ledger);
Memory parse_memory(std::string_view text, const std::string& file, Ledger& ledger);

// GB/s a mm2 of footprint, the measure of 3A090.c.
double bandwidth_density(const Memory& memory);

}  // namespace hadal::plan
