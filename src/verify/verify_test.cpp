// What of the verification needs no Verilator: packages, random programs, the list of planted faults, the memory.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/temporary_directory.h"
#include "sim/functional.h"
#include "verify/file_lock.h"
#include "verify/memory.h"
#include "verify/mutants.h"
#include "verify/packages.h"
#include "verify/random_program.h"

namespace hadal::verify {
namespace {

chip::Chip small() { return chip::load(std::string(HADAL_SOURCE_DIR) + "/chips/hadal-rtl.yaml"); }

TEST(Packages, SayWhatTheDescriptionSays) {
  const std::string text = chip_package(small());
  for (const char* line :
       {"localparam int MmDepth = 16;", "localparam int SpmLines = 1024;", "localparam int AccBanks = 4;",
        "localparam int DmaOutstanding = 16;", "localparam int ImemInstructions = 1024;"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
}

TEST(Packages, RefuseWhatTheRtlCannotBe) {
  const auto refused = [](const std::function<void(chip::Chip&)>& change) {
    chip::Chip chip = small();
    change(chip);
    try {
      chip_package(chip);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(refused([](chip::Chip&) {}), "");
  EXPECT_NE(refused([](chip::Chip& c) { c.matrix.cols = 16; }).find("8 matrix columns"), std::string::npos);
  EXPECT_NE(refused([](chip::Chip& c) { c.spm.bank_bytes = 64; }).find("banks of 32 B"), std::string::npos);
  EXPECT_NE(refused([](chip::Chip& c) { c.dma.burst_bytes = 256; }).find("bursts of 64 B"), std::string::npos);
}

TEST(RandomPrograms, AreLegalAndTheSameForASeed) {
  const chip::Chip chip = small();
  Coverage coverage;
  const size_t crosses = coverage.total();
  EXPECT_GT(crosses, 500u);
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    const RandomProgram random = random_program(chip, seed, 40);
    EXPECT_EQ(random.program.cores, random_program(chip, seed, 40).program.cores);
    sim::FunctionalOptions options;
    options.interleave_seed = seed;  // its order is enough whatever the units' order is
    EXPECT_NO_THROW(sim::Functional(chip, random.program, options).launch());
    coverage.add(random.covered);
  }
  EXPECT_GT(coverage.hit(), crosses / 4);
  EXPECT_EQ(coverage.hit() + coverage.missing().size(), crosses);
}

TEST(RandomPrograms, OfSeveralCoresAreLegalInAnyOrder) {
  for (const char* name : {"hadal-rtl-2", "hadal-rtl-4"}) {
    const chip::Chip chip = chip::load(std::string(HADAL_SOURCE_DIR) + "/chips/" + name + ".yaml");
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      SCOPED_TRACE(name + std::to_string(seed));
      const RandomProgram random = random_program(chip, seed, 12 * chip.cores);
      sim::FunctionalOptions options;
      options.interleave_seed = seed;
      EXPECT_NO_THROW(sim::Functional(chip, random.program, options).launch());
    }
  }
}

// A second lock on the same file, in another process as in this one, waits for the first.
TEST(FileLock, HoldsUntilItsEnd) {
  const TemporaryDirectory folder;
  const std::string path = folder.file("locks/a.lock");
  std::atomic<bool> locked = false;
  std::thread second;
  {
    const FileLock first(path);
    second = std::thread([&] {
      const FileLock waits(path);
      locked = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_FALSE(locked);
  }
  second.join();
  EXPECT_TRUE(locked);
}

TEST(Mutations, EachIsInItsFileOnce) {
  const std::string rtl = std::string(HADAL_SOURCE_DIR) + "/rtl";
  const std::vector<Mutation> mutations = load_mutations(rtl + "/mutations.txt");
  EXPECT_GE(mutations.size(), 30u);
  const TemporaryDirectory folder;
  const std::string copy = folder.file("rtl");
  EXPECT_NO_THROW(write_mutants(rtl, mutations, copy));
  std::vector<Mutation> wrong = mutations;
  wrong[0].original = "is not there";
  EXPECT_THROW(write_mutants(rtl, wrong, copy), Error);
}

TEST(Mutations, ABadLineIsNamed) {
  const TemporaryDirectory folder;
  const std::string path = folder.file("mutations.txt");
  std::ofstream(path) << "# a comment\nname | file | only three\n";
  try {
    load_mutations(path);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(":2: 3 columns"), std::string::npos) << error.what();
  }
}

class Port : public ::testing::Test {
 protected:
  Port() {
    chip_ = small();
    program_.cores.resize(1);
    for (const uint32_t first : {0, 0, 0, 0, 77}) program_.cores[0].code.push_back({{first, 0, 0, 0}});
    program_.segments.push_back({"out", 100, 8, true, {}, nullptr});
  }
  chip::Chip chip_;
  program::Program program_;
};

TEST_F(Port, StreamsLieBehindTheSegments) {
  Memory memory(chip_, {});
  memory.load(program_);
  EXPECT_EQ(memory.boot_line(0), 108u);
  EXPECT_EQ(memory.boot_lines(0), 2u);
  Line line;
  memory.read(109, line);
  EXPECT_EQ(line.bytes[0], 77);
}

TEST_F(Port, AnswersEveryReadOnceAndWritesInOrder) {
  for (const std::optional<uint64_t> seed : {std::optional<uint64_t>(), std::optional<uint64_t>(5)}) {
    Memory memory(chip_, {seed});
    memory.load(program_);
    std::vector<uint64_t> written;
    memory.on_write = [&](int, uint64_t line, const Line&, bool) { written.push_back(line); };
    HadalRtlPort port{};
    int asked = 0, sent = 0, answers = 0, acknowledged = 0;
    std::vector<int> seen(8);
    for (int cycle = 0; cycle < 5000; ++cycle) {
      memory.drive(0, port);
      if (port.r_valid != 0) {
        ++seen.at(port.r_id);
        ++answers;
      }
      acknowledged += port.b_valid;
      port.ar_valid = asked < 8;
      port.ar_id = static_cast<uint8_t>(asked);
      port.ar_line = 100;
      port.aw_valid = port.w_valid = sent < 8 && port.aw_ready != 0 && port.w_ready != 0;
      port.aw_line = 100 + static_cast<uint64_t>(sent);
      memory.accept(0, port);
      if (port.ar_valid != 0 && port.ar_ready != 0) ++asked;
      if (port.aw_valid != 0) ++sent;
      memory.next_cycle();
    }
    EXPECT_EQ(answers, 8);
    EXPECT_EQ(acknowledged, 8);
    EXPECT_EQ(seen, std::vector<int>(8, 1));
    EXPECT_EQ(written, (std::vector<uint64_t>{100, 101, 102, 103, 104, 105, 106, 107}));
    EXPECT_TRUE(memory.idle());
  }
}

}  // namespace
}  // namespace hadal::verify
