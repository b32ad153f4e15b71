// Model families: what each model_type of config.json means. A family is one file in families/ that fills in a Config;
// everything after it (reader of tensors, graph, kernels, reference) follows the Config alone.
#pragma once

#include <span>
#include <string_view>

#include "model/config_fields.h"
#include "model/model.h"

namespace hadal::model {

struct Family {
  std::string_view model_type;
  std::string_view architecture;  // what `architectures` must list
  void (*read)(const Fields& fields, Config& config);
};

extern const Family kDeepseekV2, kDeepseekV3, kLlama, kQwen2, kQwen3, kQwen3Moe;

// All of them, in alphabetical order.
std::span<const Family* const> families();

// The whole of a config.json.
Config read_config(const JsonFile& file);

// Pieces that families share; each reads its keys of config.json and fails at the line of the one that is wrong.
void read_sizes(const Fields& fields, Config& c);             // vocabulary, width, depth, context, norms
void read_latent_attention(const Fields& fields, Config& c);  // MLA; q_lora_rank may be null
void read_grouped_attention(const Fields& fields, Config& c, int64_t default_head_dim);  // 0: hidden / heads
void read_rotation(const Fields& fields, Config& c);                                     // after the head sizes
void read_shared_and_routed(const Fields& fields, Config& c);                            // DeepSeek's experts
void check_experts(const Fields& fields, const Config& c, const char* experts_key);
void refuse_sliding_window(const Fields& fields);

}  // namespace hadal::model
