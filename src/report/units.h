// Numbers for people: grouped digits and three significant ones with a unit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hadal::report {

std::string grouped(uint64_t value);                  // 1,234,567
std::string si(double value, std::string_view unit);  // 1.89 PFLOPS, 12.3 ms, 0 J
std::string binary_bytes(uint64_t bytes);             // 80 GiB, 1.5 MiB
std::string percent(double fraction);                 // 12.3 %

}  // namespace hadal::report
