// How config.json says rotary embedding is scaled: rope_scaling, or rope_parameters of newer files.
#include <cmath>

#include "model/family.h"

namespace hadal::model {
namespace {

double mscale(double factor, double scale) { return factor <= 1 ? 1.0 : 0.1 * scale * std::log(factor) + 1.0; }

double read_factor(const Fields& rope) {
  const double factor = rope.positive("factor");
  if (factor < 1) rope.fail("factor", "is {}; it must be at least 1", factor);
  return factor;
}

void read_yarn(const Fields& rope, Config& c) {
  Yarn yarn;
  yarn.factor = read_factor(rope);
  yarn.original_max_position_embeddings =
      rope.integer_or("original_max_position_embeddings", 1, kMaxPositions, c.max_position_embeddings);
  yarn.beta_fast = rope.positive_or("beta_fast", 32);
  yarn.beta_slow = rope.positive_or("beta_slow", 1);
  if (yarn.beta_fast < yarn.beta_slow) {
    rope.fail("beta_fast", "is {}, below beta_slow, which is {}", yarn.beta_fast, yarn.beta_slow);
  }
  rope.expect("truncate", true);
  const bool given = rope.find("mscale") != nullptr;
  yarn.mscale = rope.number_or("mscale", 1);
  yarn.mscale_all_dim = rope.number_or("mscale_all_dim", 0);
  if (yarn.mscale < 0) rope.fail("mscale", "is {}; it must not be negative", yarn.mscale);
  if (yarn.mscale_all_dim < 0) rope.fail("mscale_all_dim", "is {}; it must not be negative", yarn.mscale_all_dim);
  c.rope_amplitude = mscale(yarn.factor, 1);
  if (rope.find("attention_factor") != nullptr) {
    c.rope_amplitude = rope.positive("attention_factor");
  } else if (given && yarn.mscale != 0 && yarn.mscale_all_dim != 0) {
    c.rope_amplitude = mscale(yarn.factor, yarn.mscale) / mscale(yarn.factor, yarn.mscale_all_dim);
  }
  c.yarn = yarn;
}

void read_llama3(const Fields& rope, Config& c) {
  Llama3Rope llama3;
  llama3.factor = read_factor(rope);
  llama3.low_freq_factor = rope.positive("low_freq_factor");
  llama3.high_freq_factor = rope.positive("high_freq_factor");
  if (llama3.high_freq_factor <= llama3.low_freq_factor) {
    rope.fail("high_freq_factor", "is {}; it must be above low_freq_factor, which is {}", llama3.high_freq_factor,
              llama3.low_freq_factor);
  }
  llama3.original_max_position_embeddings = rope.integer("original_max_position_embeddings", 1, kMaxPositions);
  c.llama3 = llama3;
}

// `rope` is rope_scaling, or rope_parameters of newer files, which also holds rope_theta.
void read_rope(const Fields& rope, Config& c) {
  const std::string old_name = rope.text_or("type", ""), new_name = rope.text_or("rope_type", "");
  if (!old_name.empty() && !new_name.empty() && old_name != new_name) {
    rope.fail("rope_type", "is \"{}\" and type is \"{}\"; they must agree", printable(new_name), printable(old_name));
  }
  const std::string type = !new_name.empty() ? new_name : old_name;
  const char* key = !new_name.empty() ? "rope_type" : "type";
  rope.expect("partial_rotary_factor", 1);
  if (type == "default" || (type.empty() && rope.find("factor") == nullptr)) return;
  if (type == "yarn") return read_yarn(rope, c);
  if (type == "llama3") return read_llama3(rope, c);
  if (type != "linear") {
    rope.fail(key, "is \"{}\"; \"default\", \"linear\", \"llama3\" or \"yarn\" is supported", printable(type));
  }
  c.rope_linear_factor = read_factor(rope);
}

}  // namespace

void read_rotation(const Fields& fields, Config& c) {
  fields.expect("partial_rotary_factor", 1);
  const auto scaling = fields.object("rope_scaling");
  const auto parameters = fields.object("rope_parameters");
  if (scaling && parameters) {
    fields.fail("rope_parameters", "and rope_scaling are both given; one of them is needed");
  }
  const bool nested_theta = parameters && parameters->find("rope_theta") != nullptr;
  c.rope_theta = nested_theta ? parameters->positive("rope_theta") : fields.positive_or("rope_theta", 10000);
  if (c.rope_theta <= 1) fields.fail("rope_theta", "is {}; it must be above 1", c.rope_theta);
  if (scaling) read_rope(*scaling, c);
  if (parameters) read_rope(*parameters, c);
}

}  // namespace hadal::model
