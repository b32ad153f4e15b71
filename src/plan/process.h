// What a manufacturing process offers: density, speed, energy, price, defects and who may buy it (processes/*.yaml).
#pragma once

#include <string>
#include <vector>

#include "plan/figure.h"

namespace hadal::plan {

struct Process {
  std::string name, foundry, lithography, file;
  int node_nm = 0;
  bool non_planar = true;  // FinFET or gate all around: its area counts for performance density
  std::vector<Availability> availability;
  Figure logic_density;         // MTr/mm2 of the foundry's library
  Figure sram_bitcell;          // mm2
  Figure relative_area;         // of logic, against ASAP7
  Figure relative_speed;        // clock, against ASAP7 typical
  Figure relative_energy;       // of logic, against TSMC N7
  Figure relative_sram_energy;  // against TSMC N7
  Figure wafer_diameter;        // mm
  Figure wafer_price;           // USD
  Figure defect_density;        // 1/cm2
  Figure clustering;            // alpha of the negative binomial model
  Figure systematic_yield;      // fraction
  Figure mask_set;              // USD
  Figure design_cost;           // USD, industry estimate with software
  Figure fabrication;           // months from tape-out to packaged first silicon
};

Process load_process(const std::string& path, Ledger& ledger);
Process parse_process(std::string_view text, const std::string& file, Ledger& ledger);

}  // namespace hadal::plan
