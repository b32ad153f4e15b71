// Loading of program files.
#include "cli/program_file.h"

#include "base/error.h"
#include "base/mapped_file.h"
#include "cli/find.h"

namespace hadal::cli {

program::Program load_program(const std::string& path) {
  if (path.ends_with(".hprog")) return program::load(path);
  return program::assemble(MappedFile::open(path).text(), path);
}

chip::Chip chip_for(const program::Program& program, const std::string& path, const std::string& given) {
  chip::Chip chip = chip::load(find_chip(given.empty() ? program.chip : given));
  if (program.cores.size() != static_cast<size_t>(chip.cores)) {
    input_error(path, "has streams for {} core(s); {} has {}", program.cores.size(), chip.name, chip.cores);
  }
  for (const program::Segment& segment : program.segments) {
    if (segment.base_line + segment.lines > chip.dram.bytes / isa::kLineBytes) {
      input_error(path, "segment {} ends at line {}; the DRAM of {} has {} lines", segment.name,
                  segment.base_line + segment.lines, chip.name, chip.dram.bytes / isa::kLineBytes);
    }
  }
  return chip;
}

}  // namespace hadal::cli
