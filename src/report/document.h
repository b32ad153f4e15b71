// The JSON documents that commands write and `hadal report` shows: what they have in common.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace hadal::report {

// Raised when a key changes its meaning or goes away; new keys leave it as it is. docs/report.md describes the kinds.
constexpr int kSchema = 1;

// {"kind": KIND, "schema": kSchema, ...keys}.
nlohmann::ordered_json document(std::string_view kind, const nlohmann::ordered_json& keys);

// Reads a document back; one that is none, of a kind unknown here or of another schema is an input error at `file`.
nlohmann::ordered_json parse_document(const std::string& text, const std::string& file);

}  // namespace hadal::report
