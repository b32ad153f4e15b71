// Arbitrary text to the assembler: refused as bad input, or a program that text and container give back.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "program/program.h"
#include "program/text_test_file.h"

namespace {

using hadal::Error;
using hadal::ErrorKind;
using hadal::program::Program;

template <typename F>
bool accepted(F&& action) {
  try {
    action();
    return true;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kInput) std::abort();
    return false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  accepted([&] { hadal::program::load(std::as_bytes(std::span(data, size)), nullptr, "fuzz"); });
  accepted([&] { hadal::program::parse_text_test(text, "fuzz"); });
  Program program;
  if (!accepted([&] { program = hadal::program::assemble(text, "fuzz"); })) return 0;
  const std::string written = hadal::program::disassemble(program);
  const Program again = hadal::program::assemble(written, "again");
  if (again.cores.size() != program.cores.size() || hadal::program::disassemble(again) != written) std::abort();
  for (size_t core = 0; core < program.cores.size(); ++core) {
    if (again.cores[core].code != program.cores[core].code) std::abort();
  }
  return 0;
}
