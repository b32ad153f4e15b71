// The first byte chooses: the rest is a tokenizer.json, a text, or an expression with a text after a NUL.
#include <cstdlib>

#include "base/error.h"
#include "model/model.h"
#include "model/random_checkpoint.h"
#include "model/split_regex.h"
#include "model/utf8.h"

namespace {

using hadal::model::Tokenizer;

void encode_and_back(const Tokenizer& tokenizer, std::string_view text) {
  for (const bool special : {false, true}) {
    if (tokenizer.decode(tokenizer.encode(text, special), false) != hadal::model::repair_utf8(text)) std::abort();
  }
}

void split(std::string_view input) {
  const size_t nul = input.find('\0');
  const std::string pattern = hadal::model::repair_utf8(input.substr(0, nul));
  const std::string text = nul == input.npos ? pattern : hadal::model::repair_utf8(input.substr(nul + 1));
  size_t begin = 0;
  for (const size_t end : hadal::model::SplitRegex(pattern, "f").split(text, {text.size()})) {
    if (end <= begin || end > text.size() || !hadal::model::is_valid_utf8(text.substr(begin, end - begin)))
      std::abort();
    begin = end;
  }
  if (begin != text.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Tokenizer fixed = Tokenizer::parse(hadal::model::small_tokenizer_json(900), "f");
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 3) {
      case 0: {  // a vocabulary may lack bytes, so not every text comes back
        const Tokenizer tokenizer = Tokenizer::parse(input, "f");
        tokenizer.decode(tokenizer.encode("The 12 caf\xC3\xA9s\n <bos>", true), false);
        break;
      }
      case 1: encode_and_back(fixed, input); break;
      default: split(input);
    }
  } catch (const hadal::Error& e) {
    if (e.kind() != hadal::ErrorKind::kInput || std::string_view(e.what()).find('\n') != std::string_view::npos) {
      std::abort();
    }
  }
  return 0;
}
