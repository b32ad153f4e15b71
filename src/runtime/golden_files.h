// Stored answers of independent implementations (tools/goldens), and the checks that they belong to today's model.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "runtime/session.h"

namespace hadal::runtime::testing {

inline std::string source_path(const std::string& path) { return std::string(HADAL_SOURCE_DIR) + "/" + path; }

// Empty when the file is missing.
inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// CRC-32 as zlib computes it.
inline uint32_t crc32(std::span<const std::byte> data) {
  static const std::vector<uint32_t> table = [] {
    std::vector<uint32_t> t(256);
    for (uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = (t[i] >> 1) ^ ((t[i] & 1) != 0 ? 0xEDB88320u : 0u);
    }
    return t;
  }();
  uint32_t crc = 0xFFFFFFFFu;
  for (const std::byte b : data) crc = (crc >> 8) ^ table[(crc ^ static_cast<uint32_t>(b)) & 0xFF];
  return ~crc;
}

template <typename T>
uint32_t crc32_of(const std::vector<T>& values) {
  return crc32(std::as_bytes(std::span(values)));
}

inline uint32_t crc32_of_model() {
  const std::string data = read_file(source_path("models/hadal-tiny/model.safetensors"));
  return crc32(std::as_bytes(std::span(data)));
}

inline ::testing::AssertionResult golden_is_current(const std::string& file, const std::string& script, bool current) {
  if (current) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << file << " is missing or belongs to other weights: run tools/goldens/"
                                       << script << " (its first lines say what it needs)";
}

// The file of chip_rules.py: text of the bundled model, and checksums of the logits behind every token.
class ChipRules : public ::testing::Test {
 protected:
  struct Case {
    std::string text;
    std::vector<int32_t> prompt, tokens;
    std::vector<uint32_t> crc32;  // of the logits each token was chosen from
    nlohmann::json logits;        // of some of them: [token, largest magnitude, every stride-th]
  };

  void SetUp() override {
    const std::string file = "tests/goldens/chip_rules_hadal_tiny.json";
    golden_ = nlohmann::json::parse(read_file(source_path(file)), nullptr, false);
    ASSERT_TRUE(golden_is_current(file, "chip_rules.py",
                                  !golden_.is_discarded() && golden_["model_crc32"] == crc32_of_model()));
    for (const nlohmann::json& c : golden_["cases"])
      cases_.push_back({c["text"], c["prompt"], c["tokens"], c["crc32"], c["logits"]});
    ASSERT_EQ(cases_.size(), 16u);
  }

  static SessionOptions options(int sequences, int64_t context, std::vector<int> buckets) {
    SessionOptions result;
    result.compile.sequences = sequences;
    result.compile.context = context;
    result.compile.row_buckets = std::move(buckets);
    return result;
  }

  // Runs tokens [first, last) of a sequence in a slot, at most `size` a step.
  static void run(Session& session, int slot, std::span<const int32_t> tokens, size_t first, size_t last, size_t size,
                  const std::function<void(size_t position, const std::vector<float>& logits)>& on_row = {}) {
    while (first < last) {
      std::vector<Row> rows;
      for (size_t i = first; i < std::min(last, first + size); ++i)
        rows.push_back({tokens[i], slot, static_cast<int64_t>(i)});
      session.step(rows);
      for (size_t r = 0; on_row && r < rows.size(); ++r) on_row(first + r, session.logits(r));
      first += rows.size();
    }
  }

  // The first `count` cache rows of a slot, of every layer.
  static std::vector<std::byte> cache(const Session& session, int slot, size_t count) {
    std::vector<std::byte> bytes;
    for (int layer = 0; layer < session.model().config.num_hidden_layers; ++layer) {
      for (size_t position = 0; position < count; ++position) {
        const std::vector<std::byte> row = session.kv_row(layer, slot, static_cast<int64_t>(position));
        bytes.insert(bytes.end(), row.begin(), row.end());
      }
    }
    return bytes;
  }

  // The bundled held-out text, with bos in front.
  std::vector<int32_t> heldout(size_t count) const {
    std::vector<int32_t> tokens{static_cast<int32_t>(model_.config.bos_token_id)};
    const std::vector<int32_t> text =
        model_.tokenizer.encode(read_file(source_path("models/hadal-tiny/heldout.txt")), false);
    tokens.insert(tokens.end(), text.begin(), text.begin() + static_cast<std::ptrdiff_t>(count - 1));
    return tokens;
  }

  const model::Model model_ = model::Model::load(source_path("models/hadal-tiny"));
  const chip::Chip chip_ = chip::load(source_path("chips/hadal-1.yaml"));
  nlohmann::json golden_;
  std::vector<Case> cases_;
};

}  // namespace hadal::runtime::testing
