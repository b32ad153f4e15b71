// GGUF: one file with metadata, tokenizer and tensors. The metadata becomes the config.json it stands for, tensors get
// their Hugging Face names, and the same readers take it from there.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "model/model.h"

namespace hadal::model {

// The file as it stands: metadata by key, tensors with the names and block formats of the file, views into `file`.
struct Gguf {
  nlohmann::json metadata = nlohmann::json::object();
  std::vector<Tensor> tensors;
};
// Checks everything the format promises; `where` names the file in errors.
Gguf parse_gguf(std::span<const std::byte> file, const std::string& where);

// A model but for the check of its tensors (Model::load).
Model load_gguf(const std::string& path);

// The steps of load_gguf, for tests.
Config gguf_config(Gguf& gguf, const std::string& where);
std::vector<Tensor> gguf_tensors(const Gguf& gguf, const std::string& where);
TokenizerParts gguf_tokenizer(const nlohmann::json& metadata, const std::string& where);

}  // namespace hadal::model
