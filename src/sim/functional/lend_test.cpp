// Weights that LD lends to the scratchpad instead of copying them: nobody can tell the difference. The same program
// runs from a read-only segment, whose lines are lent, and from a writable one, whose lines are copied.
#include <random>

#include "sim/functional/test_machine.h"

namespace hadal::sim::testing {
namespace {

constexpr uint32_t kSpm = 1024;

class RandomProgram {
 public:
  explicit RandomProgram(uint32_t seed) : random_(seed) {}

  std::string text(int instructions) {
    std::string text = fmt::format("LD d=spm[0] s=hbm[{}] rows=1 len={}\n", kIn, kSpm);
    for (int i = 0; i < instructions; ++i) text += line();
    return text;
  }

 private:
  uint32_t below(uint32_t n) { return random_() % n; }
  std::string line() {
    switch (below(9)) {
      case 0:
      case 1:
      case 2: {  // of lent size
        const uint32_t len = 32 + below(200);
        return fmt::format("LD d=spm[{}] s=hbm[{}] rows=1 len={}\n", below(kSpm - len), kIn + below(1024 - len), len);
      }
      case 3: {
        const uint32_t rows = 1 + below(4), len = 1 + below(30), stride = len + below(8);
        return fmt::format("LD d=spm[{}] s=hbm[{}] rows={} len={} sstride={} dstride={}\n", below(kSpm - 200),
                           kIn + below(800), rows, len, below(40), stride);
      }
      case 4: {
        const uint32_t len = 1 + below(64);
        return fmt::format("ST d=hbm[{}] s=spm[{}] rows=1 len={}\n", kOut + below(1024 - len), below(kSpm - len), len);
      }
      case 5: {  // from one half to the other
        const uint32_t from = below(kSpm / 2 - 64), to = kSpm / 2 + below(kSpm / 2 - 64);
        return fmt::format("VPRM.COPY d=spm[{}] a=spm[{}] rows={} cols={}\n", to, from, 1 + below(4), 1 + below(256));
      }
      case 6: {  // as a part of some columns' panels
        const uint32_t len = 32 * (1 + below(4)), stride = len + 32 * below(2);
        return fmt::format("LD d=spm[{}] s=hbm[{}] rows=2 len={} sstride={} dstride={}\n", 32 * below(kSpm / 32 - 16),
                           kIn + below(300), len, len + below(300), stride);
      }
      case 7: {
        static constexpr const char* kKeys[] = {"BNS", "BGS", "BDS"};
        return fmt::format("CFG.MM.{} imm={}\n", kKeys[below(3)], 32 * (1 + below(5)));
      }
      default: {  // B is one panel pair of one or two groups of k
        static constexpr const char* kFlags[] = {"CLR", "CLR DB"};
        return fmt::format("MMA c=acc[0] a=spm[{}] b=spm[{}] m=2 n=1 kg={} {}\n", below(kSpm - 16),
                           32 * below(kSpm / 32 - 20), 1 + below(2), kFlags[below(2)]);
      }
    }
  }
  std::mt19937 random_;
};

TEST(Lent, NobodyCanTellTheDifference) {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    const std::string text = chained(RandomProgram(seed).text(28));
    std::mt19937 random(seed);
    std::vector<uint32_t> words(kSegmentLines * 16);
    for (uint32_t& word : words) word = random();
    std::vector<std::byte> results[2];
    for (const bool copied : {false, true}) {
      Machine machine;
      machine.put(0, words);
      machine.program.segments[0].data = machine.input;
      machine.program.segments[0].writable = copied;
      machine.core(0, text);
      machine.run();
      auto& result = results[copied];
      result = machine.out<std::byte>(0, kSegmentLines * 64);
      const auto spm = machine.spm<std::byte>(0, 0, kSpm * 64), acc = machine.acc<std::byte>(0, 0, 16 * 64);
      result.insert(result.end(), spm.begin(), spm.end());
      result.insert(result.end(), acc.begin(), acc.end());
    }
    ASSERT_TRUE(results[0] == results[1]) << "seed " << seed << "\n" << text;
  }
}

// What is lent belongs to the program it came from.
TEST(Lent, AnotherProgramFindsTheBytesInPlace) {
  Machine machine;
  machine.put(0, std::vector<uint32_t>(64 * 16, 7));
  machine.core(0, chained(fmt::format("LD d=spm[0] s=hbm[{}] rows=1 len=64\n", kIn)));
  machine.run();
  program::Program other = machine.program;
  const std::vector<std::byte> zeros(machine.input.size());
  other.segments[0].data = zeros;
  machine.simulator->set_program(other);
  std::fill(machine.input.begin(), machine.input.end(), std::byte{0});
  EXPECT_EQ(machine.spm<uint32_t>(0, 63, 16), std::vector<uint32_t>(16, 7));
}

}  // namespace
}  // namespace hadal::sim::testing
