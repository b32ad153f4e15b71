// An accelerator that can be bought, rented or is owned, as money and as a subject of export rules (hardware/*.yaml).
#pragma once

#include <string>
#include <vector>

#include "plan/rules.h"

namespace hadal::plan {

struct Hardware {
  std::string name, chip, designer, process, file;  // designer: us, prc
  std::vector<Availability> availability;
  std::vector<Subject::Format> formats;
  Figure logic_area, transistors;
  std::string memory_kind, memory_standard;
  double memory_density = 0;  // GB/s a mm2
  bool memory_imported = false;
  Figure memory_capacity, memory_bandwidth, io_bandwidth;  // bytes, B/s, B/s of both directions
  Figure power, host_power;  // W; the chip at full load and its share of everything around it
  Figure price, server;      // USD; the chip, and its share of host, network and rack
  Figure rental;             // USD/h; unnamed where nobody rents it out
  bool can_be_rented() const { return !rental.name.empty(); }
};
Hardware load_hardware(const std::string& path, Ledger& ledger);
Subject subject_of(const Hardware& hardware);

}  // namespace hadal::plan
