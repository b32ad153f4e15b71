// Compiles a model into the chip program of one forward step.
//
// A step processes up to `rows` rows; a row is one token of one sequence: (token id, sequence slot, position). Prefill
// is a step whose rows are consecutive positions of a sequence, decode a step with one row per sequence: the same
// program, so both give the same bits (docs/decisions).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "chip/chip.h"
#include "graph/graph.h"
#include "kernels/image.h"
#include "kernels/spread.h"
#include "model/model.h"
#include "program/program.h"

namespace hadal::kernels {

// kBf16 keeps latents in BF16 and grouped keys and values as two E4M3 digits, which is as precise. kAuto: FP8 for
// latents, as DeepSeek serves them, BF16 for grouped keys and values.
enum class KvFormat : uint8_t { kAuto, kFp8, kBf16 };

// Row buckets of a program that nobody asks for otherwise.
inline constexpr std::array<int, 4> kUsualRows{1, 4, 16, 32};

struct CompileOptions {
  int activation_digits = 2;  // E4M3 digits of activations in linears: 1 (DeepSeek's recipe) or 2
  int weight_digits = 2;      // E4M3 digits of weights that the checkpoint does not hold in FP8
  KvFormat kv_format = KvFormat::kAuto;
  bool mtp = false;     // also programs that draft a token with the layer for multi-token prediction
  int sequences = 16;   // cache slots
  int64_t context = 0;  // positions a slot holds; 0 = the model's limit
  uint64_t first_line =
      1024;  // of what is read-only; lines before stay unmapped, so that a forgotten address is a fault
  int64_t owners_from =
      kOwnersFrom;  // rows x hidden from which on the owner of a row normalises it for all (residual.cpp)
  int64_t ranks_from =
      kLargeExpert;  // weights from which on an expert of a single row is shared by a team (experts.cpp)
  std::vector<int> row_buckets = {};  // one program each; empty: kUsualRows, as far as they fit the chip
  int chips = 1;                      // in a row, with a share of the layers each; 0: as few as hold the model
  uint64_t host_bytes = 0;            // bound on weights made in the host's memory; 0: three quarters of that
};

// Host-visible addresses (bytes) and sizes.
struct StepLayout {
  uint64_t rows = 0;    // RowRecord[rows]
  uint64_t logits = 0;  // FP32 [rows][logits_stride]
  uint64_t logits_stride = 0;
  uint64_t hidden_row_lines = 0;  // of a kept hidden state
  uint64_t kv = 0;                // [layers][slots][key heads, 1 for latents][context][kv_row_bytes]
  uint64_t kv_row_bytes = 0;
  uint64_t kv_layer_bytes = 0, kv_slot_bytes = 0, kv_head_bytes = 0;
  int64_t context = 0;  // positions a slot holds
  int kv_tile = 0;      // cached tokens an attention pass handles
  // Of several chips in a row: residuals, FP32 [rows][residual_row_bytes], from the chip before and for the one behind.
  uint64_t received = 0, passed_on = 0, residual_row_bytes = 0;
};

// What the host writes for one row: four lines.
struct alignas(64) RowRecord {
  uint32_t position = 0, pad0[15] = {};  // row of the RoPE table
  uint32_t kv_index = 0, pad1[15] = {};  // row of the layer's cache this token is written to
  uint32_t slot_line = 0;                // first line of the slot, from the layer's base
  uint32_t tiles = 0;                    // ceil((position + 1) / kv_tile)
  uint32_t last_rows = 0;                // cached tokens in the last tile
  float negative_position = 0;
  uint32_t hidden_line = 0;  // drafts: first line of the hidden state, from the area's base
  uint32_t pad2[11] = {};
  uint32_t token = 0, pad3[15] = {};  // row of the embedding
};
static_assert(sizeof(RowRecord) == 256);

struct Compiled {
  StepLayout layout;
  CompileOptions options;
  graph::Stage stage;                    // layers of this chip; the cache begins with the first of them
  std::shared_ptr<Residency> residency;  // of the weights, shared by all chips
  std::vector<graph::Operator> operators;
  std::vector<int> rows;                   // ascending buckets
  std::vector<program::Program> programs;  // one a bucket, sharing all segments
  // The last of them without the LM head, for the parts of a long prompt that are not its end.
  std::optional<program::Program> without_logits;
  // With mtp, as many that draft: a row's token is the one after its position, its hidden state that of a row of the
  // step before. They see the same cache, logits and records.
  std::vector<program::Program> drafts;
};

// The chips of a model, in their order. The weights are made from `model` when a program first reads them: it must
// outlive the result. Throws an input error when the model does not fit the chips or has a shape the kernels do not
// take. Buckets of rows may differ from chip to chip where the scratchpad is short.
std::vector<Compiled> compile_stages(const model::Model& model, const chip::Chip& chip, const CompileOptions& options);
// Of a model on one chip.
Compiled compile(const model::Model& model, const chip::Chip& chip, const CompileOptions& options);

}  // namespace hadal::kernels
