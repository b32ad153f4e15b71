// config.json: the family reads its part, the rest is the same for all. Every value the compiler relies on is checked,
// with the line it stands on.
#include <algorithm>

#include "base/error.h"
#include "model/family.h"
#include "model/json_file.h"
#include "model/model.h"

namespace hadal::model {
namespace {

using nlohmann::json;

std::string family_names() {
  std::string names;
  for (const Family* family : families()) {
    if (!names.empty()) names += family == families().back() ? " or " : ", ";
    names += fmt::format("\"{}\"", family->model_type);
  }
  return names;
}

const Family& family_of(const Fields& fields) {
  const json& type = fields.require("model_type", family_names());
  for (const Family* family : families()) {
    if (type == family->model_type) return *family;
  }
  fields.fail("model_type", "is {}; {} is supported", printable(type.dump()), family_names());
}

void check_architecture(const Fields& fields, const Family& family) {
  const json* architectures = fields.find("architectures");
  if (architectures == nullptr) return;
  const json known = family.architecture;
  if (!architectures->is_array() ||
      std::find(architectures->begin(), architectures->end(), known) == architectures->end()) {
    fields.fail("architectures", "is {}; it must list {}", printable(architectures->dump()), known.dump());
  }
}

void read_quantisation(const Fields& fields, Config& c) {
  const auto quantisation = fields.object("quantization_config");
  c.fp8 = quantisation.has_value();
  if (!quantisation) return;
  quantisation->require("quant_method", "\"fp8\"");
  quantisation->expect("quant_method", "fp8");
  quantisation->expect("fmt", "e4m3");
  quantisation->expect("activation_scheme", "dynamic");
  quantisation->require("weight_block_size", "[128, 128]");
  quantisation->expect("weight_block_size", json::array({128, 128}));
  const std::string scale_format = quantisation->text_or("scale_fmt", "float");
  if (scale_format != "float" && scale_format != "ue8m0") {
    quantisation->fail("scale_fmt", "is \"{}\"; \"ue8m0\", \"float\" or none is supported", printable(scale_format));
  }
  c.weight_block_size = 128;
}

// One id, or a list of them.
std::vector<int64_t> read_tokens(const Fields& fields, const char* key, int64_t vocab_size) {
  const json* value = fields.find(key);
  if (value == nullptr) return {};
  if (!value->is_array()) return {fields.integer(key, 0, vocab_size - 1)};
  std::vector<int64_t> tokens;
  for (const json& token : *value) {
    if (!token.is_number_unsigned() || token.get<uint64_t>() >= static_cast<uint64_t>(vocab_size)) {
      fields.fail(key, "holds {}; token ids from 0 to {} are needed", printable(token.dump()), vocab_size - 1);
    }
    tokens.push_back(token.get<int64_t>());
  }
  return tokens;
}

}  // namespace

Config read_config(const JsonFile& file) {
  if (!file.root().is_object()) input_error(file.path(), "holds {}, an object is needed", kind_name(file.root()));
  const Fields fields(file, "", file.root());
  const Family& family = family_of(fields);
  check_architecture(fields, family);
  Config config;
  config.model_type = family.model_type;
  family.read(fields, config);
  read_quantisation(fields, config);
  const std::vector<int64_t> bos = read_tokens(fields, "bos_token_id", config.vocab_size);
  if (!bos.empty()) config.bos_token_id = bos[0];
  config.eos_token_ids = read_tokens(fields, "eos_token_id", config.vocab_size);
  if (!config.eos_token_ids.empty()) config.eos_token_id = config.eos_token_ids[0];
  return config;
}

bool Config::ends(int64_t token) const {
  return token >= 0 &&
         (token == eos_token_id || std::find(eos_token_ids.begin(), eos_token_ids.end(), token) != eos_token_ids.end());
}

Config Config::load(const std::string& file) { return read_config(JsonFile::load(file)); }

Config Config::parse(std::string_view json_text, const std::string& file) {
  return read_config(JsonFile::parse(json_text, file));
}

}  // namespace hadal::model
