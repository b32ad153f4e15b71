// A tokenizer given as lists, and the published ways of splitting text by their name.
#pragma once

#include <string>

#include "model/model.h"
#include "model/tokenizer_file.h"

namespace hadal::model {

TokenizerFile tokenizer_file_of(const TokenizerParts& parts, const std::string& where);

}  // namespace hadal::model
