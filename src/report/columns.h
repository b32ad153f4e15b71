// Long columns of numbers in little space.
#pragma once

#include <nlohmann/json.hpp>

#include <span>
#include <string>
#include <vector>

namespace hadal::report {

std::string base64(std::span<const std::byte> bytes);

// {"encoding": "u8" | "u16", "values": [...], "data": BASE64} where few values come again and again, else {"encoding":
// "f32" | "f64", "data": BASE64}; f64 where `exact`.
nlohmann::ordered_json column(const std::vector<double>& values, bool exact);

}  // namespace hadal::report
