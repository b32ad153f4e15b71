// A model of one layer, run once.
#include "predict/layer.h"

#include <algorithm>
#include <bit>

#include "base/error.h"
#include "model/random_checkpoint.h"
#include "runtime/session.h"

namespace hadal::predict {
namespace {

// The share of one chip as a model of its own: one layer, the experts it holds, and a head of no importance.
model::Config share_of(const std::string& file, int64_t context, int64_t& chips) {
  model::Config c = model::Config::load(file);
  if (c.attention != model::Attention::kLatent || !c.has_experts() || !c.fp8) {
    input_error(file, "the layer of a mixture of experts with latent attention and FP8 weights is needed");
  }
  chips = c.n_routed_experts / c.num_experts_per_tok;
  c.n_routed_experts = c.num_experts_per_tok;
  c.n_group = c.topk_group = 1;
  c.num_hidden_layers = 1;
  c.first_k_dense_replace = 0;
  c.num_nextn_predict_layers = 0;
  c.vocab_size = 1024;
  c.bos_token_id = 0;
  c.eos_token_id = 1;
  c.max_position_embeddings = (context + 127) / 128 * 128;
  return c;
}

// Seconds of one layer alone, by the model of described chips.
void predict_layer(LayerCheck& out, const std::string& file, const chip::Chip& chip, const Constants& constants,
                   int batch, int64_t context) {
  SystemOptions o;
  o.plan.ep = o.plan.dp = out.chips;
  o.sequences = batch;
  o.keys = static_cast<double>(context);
  o.cache = graph::Format::kFp8;
  const Prediction p = predict(chip, constants, model::Architecture::load(file), o);
  bool attention = true;
  for (const OperatorTime& t : p.operators) {
    if (t.name == "attn_norm") attention = true;
    if (t.name == "mlp_norm" || t.name == "ffn_norm") attention = false;
    const bool layer = t.name != "embed" && t.name != "final_norm" && t.name != "lm_head" && t.name != "sample" &&
                       !t.name.starts_with("mlp_");
    // What hands rows to other chips and takes them from there is not in the compiled layer.
    const bool between = t.exchange || t.name == "pack" || t.name == "unpack" || t.name == "send";
    if (!layer || between || t.count <= 0) continue;
    out.predicted_s += t.seconds / t.count;
    if (attention) out.predicted_attention_s += t.seconds / t.count;
  }
}

}  // namespace

LayerCheck check_layer(const std::string& config_file, const chip::Chip& chip, const Constants& constants, int batch,
                       int64_t context, const std::string& directory, int threads) {
  LayerCheck out;
  const model::Config config = share_of(config_file, context, out.chips);
  predict_layer(out, config_file, chip, constants, batch, context);
  model::write_random_checkpoint(directory, config);
  const model::Model model = model::Model::load(directory);
  runtime::SessionOptions options;
  options.compile.sequences = batch;
  options.compile.activation_digits = 1;  // as DeepSeek serves it
  options.compile.row_buckets = {batch};
  options.functional.check_races = options.functional.check_initialised = false;
  options.functional.threads = threads;
  options.timing = true;
  runtime::Session session(model, chip, options);
  std::vector<runtime::Row> rows;
  for (int slot = 0; slot < batch; ++slot) {
    rows.push_back({static_cast<int32_t>((slot * 101 + 11) % config.vocab_size), slot, context - 1});
  }
  session.step(rows);
  const sim::TimingResult timing = session.take_timing().sum;
  out.step.batch = batch;
  out.step.context = context;
  out.step.operators = predict_program(config, chip, options.compile.row_buckets[0], context);
  for (const sim::OperatorTime& op : timing.operators) {
    const size_t dot = op.name.find('.');
    if (dot == std::string::npos) continue;  // embedding and head
    for (OperatorCheck& check : out.step.operators) {
      if (check.name == operator_name(op.name, config)) check.simulated_cycles += static_cast<double>(op.cycles);
    }
  }
  std::erase_if(out.step.operators, [](const OperatorCheck& o) { return o.name == "embed" || o.name == "lm_head"; });
  double attention = 0;
  bool behind = false;
  for (const OperatorCheck& o : out.step.operators) {
    behind = behind || o.name == "router";
    out.step.simulated_cycles += o.simulated_cycles;
    out.step.predicted_cycles += o.predicted_cycles;
    if (!behind) attention += o.simulated_cycles;
  }
  out.simulated_s = out.step.simulated_cycles / chip.clock_hz;
  out.simulated_attention_s = attention / chip.clock_hz;
  const double hidden = static_cast<double>(config.hidden_size),
               heads = static_cast<double>(config.num_attention_heads);
  const double qk = static_cast<double>(config.qk_nope_head_dim + config.qk_rope_head_dim);
  const double latent = static_cast<double>(config.kv_lora_rank), rank = static_cast<double>(config.q_lora_rank);
  const double v = static_cast<double>(config.v_head_dim);
  const double experts = static_cast<double>(config.n_routed_experts + config.n_shared_experts);
  out.weight_bytes = hidden * (rank + latent + static_cast<double>(config.qk_rope_head_dim)) + rank * heads * qk +
                     latent * heads * (static_cast<double>(config.qk_nope_head_dim) + v) + heads * v * hidden +
                     experts * 3 * hidden * static_cast<double>(config.moe_intermediate_size);
  return out;
}

}  // namespace hadal::predict
