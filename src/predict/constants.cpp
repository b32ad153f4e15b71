// The table of constants and its file.
#include "predict/constants.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/nearest.h"

namespace hadal::predict {
namespace {

constexpr ConstantInfo kTable[] = {
    {"memory_efficiency", &Constants::memory_efficiency, 0.5, 1, true},
    {"vector_efficiency", &Constants::vector_efficiency, 0.2, 1, true},
    {"pieces_efficiency", &Constants::pieces_efficiency, 0.05, 1, true},
    {"round_us", &Constants::round_us, 0, 5, true},
    {"place_us", &Constants::place_us, 0, 20, true},
    {"issue_wide", &Constants::issue_wide, 0.5, 1, true},
    {"issue_narrow", &Constants::issue_narrow, 0.5, 1, true},
    {"unhidden", &Constants::unhidden, 0, 1, true},
    {"tile_exposed", &Constants::tile_exposed, 0, 1, true},
    {"scaled_tile_exposed", &Constants::scaled_tile_exposed, 0, 1, true},
    {"scaled_step_cycles", &Constants::scaled_step_cycles, 0, 1000, true},
    {"plain_step_cycles", &Constants::plain_step_cycles, 0, 1000, true},
    {"promotion_exposed", &Constants::promotion_exposed, 0, 1, true},
    {"late_promotion_exposed", &Constants::late_promotion_exposed, 0, 4, true},
    {"decode_exposed", &Constants::decode_exposed, 0, 2, true},
    {"prefill_exposed", &Constants::prefill_exposed, 0, 2, true},
    {"dequantise_ops", &Constants::dequantise_ops, 0, 50, true},
    {"link_small", &Constants::link_small, 0.1, 1, true},
    {"link_bulk", &Constants::link_bulk, 0.1, 1, true},
    {"nic_small", &Constants::nic_small, 0.1, 1, true},
    {"nic_bulk", &Constants::nic_bulk, 0.1, 1, true},
    {"exchange_start_us", &Constants::exchange_start_us, 0, 100, true},
    {"bulk_start_us", &Constants::bulk_start_us, 0, 200, true},
    {"copy_bytes_per_cycle", &Constants::copy_bytes_per_cycle, 1, 64, true},
    {"peer_us", &Constants::peer_us, 0, 2, true},
    {"bench_us", &Constants::bench_us, 0, 20, true},
    {"framework_us", &Constants::framework_us, 0, 20, true},
    {"host_launch_us", &Constants::host_launch_us, 0, 100, true},
    {"eager_us", &Constants::eager_us, 0, 100, false},
};

}  // namespace

std::span<const ConstantInfo> constant_table() { return kTable; }

Constants load_constants(const std::string& file) {
  const MappedFile mapped = MappedFile::open(file);
  Constants out;
  try {
    const YAML::Node node = YAML::Load(std::string(mapped.text()));
    if (!node.IsMap()) input_error(file, "a mapping of constants is needed");
    std::vector<std::string_view> names;
    for (const ConstantInfo& info : kTable) names.push_back(info.name);
    for (const auto& entry : node) {
      const std::string key = entry.first.as<std::string>();
      const std::string where = file + ":" + std::to_string(entry.first.Mark().line + 1);
      if (nearest(key, names) != key) input_error(where, "unknown constant '{}'; {}", key, suggestion(key, names));
    }
    for (const ConstantInfo& info : kTable) {
      const YAML::Node value = node[std::string(info.name)];
      if (!value.IsDefined()) input_error(file, "constant '{}' is missing", info.name);
      const std::string where = file + ":" + std::to_string(value.Mark().line + 1);
      const std::string text = value.IsScalar() ? value.Scalar() : "";
      double number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc() || end != text.data() + text.size() || !(number >= info.low && number <= info.high)) {
        input_error(where, "{} is '{}'; a number from {} to {} is needed", info.name, text, info.low, info.high);
      }
      out.*info.place = number;
    }
  } catch (const YAML::Exception& error) {
    input_error(file + ":" + std::to_string(error.mark.line + 1), "not valid YAML: {}", error.msg);
  }
  return out;
}

}  // namespace hadal::predict
