// The race check against its definition: random programs, and a plain oracle that builds the whole order as a graph and
// looks at every pair of accesses. They must agree under every scheduler.
#include <bitset>
#include <cstdlib>
#include <map>
#include <random>
#include <tuple>

#include "sim/functional/test_machine.h"

namespace hadal::sim::testing {
namespace {

using isa::Unit;

constexpr int kCores = 3, kLines = 4;
constexpr size_t kMaxNodes = 256;

struct Touch {
  int place;  // SPM of a core, or kCores for DRAM
  int line;
  bool write;
};

struct Node {
  int core;
  Unit unit;
  std::string text;
  std::vector<Touch> touches;
  bool posts = false;              // its header has no room for a post
  std::vector<size_t> after = {};  // nodes whose tokens it takes
};

// A sequence of instructions of all cores that can run in this order. Every semaphore has one poster and one waiter, so
// that who takes which token is the same in every order.
class RandomProgram {
 public:
  RandomProgram(uint64_t seed, double order) : random_(seed) {
    for (int i = 0; i < 36; ++i) {
      const size_t before = nodes_.size();
      const Node next = data_instruction();
      if (before > 0 && chance(order)) {
        add_order(last_, next);
      } else {
        nodes_.push_back(next);
      }
      last_ = nodes_.size() - 1;
    }
  }

  void build(Machine& machine) const {
    std::array<std::string, kCores> texts;
    for (auto& text : texts) text = "SET rd=r1 imm=1\nSET rd=r2 imm=2\nSET rd=r3 imm=4\n";
    for (const Node& node : nodes_) texts[static_cast<size_t>(node.core)] += node.text + "\n";
    for (int c = 0; c < kCores; ++c) machine.core(c, texts[static_cast<size_t>(c)] + "HALT");
  }

  bool has_race() const {
    std::vector<std::bitset<kMaxNodes>> before(nodes_.size());
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const auto comes_after = [&](size_t j) {
        before[i] |= before[j];
        before[i].set(j);
      };
      for (size_t j = 0; j < i; ++j) {
        const bool same_unit = nodes_[j].unit == nodes_[i].unit, dispatch = nodes_[j].unit == Unit::kCtl;
        if (nodes_[j].core == nodes_[i].core && (same_unit || dispatch)) comes_after(j);
      }
      for (size_t j : nodes_[i].after) comes_after(j);
    }
    for (size_t i = 0; i < nodes_.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (!before[i][j] && conflict(nodes_[i], nodes_[j])) return true;
      }
    }
    return false;
  }

  std::string print() const {
    std::string text;
    for (const Node& node : nodes_) text += fmt::format("core {}: {}\n", node.core, node.text);
    return text;
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }
  bool chance(double p) { return static_cast<double>(random_() % 1000000) < p * 1000000; }

  static bool conflict(const Node& a, const Node& b) {
    if (a.core == b.core && a.unit == b.unit) return false;
    for (const Touch& x : a.touches) {
      for (const Touch& y : b.touches) {
        if (x.place == y.place && x.line == y.line && (x.write || y.write)) return true;
      }
    }
    return false;
  }

  Node data_instruction() {
    const int c = below(kCores), x = below(kLines), y = below(kLines), z = below(kLines), to = below(kCores);
    switch (below(5)) {
      case 0:
        return {c,
                Unit::kLd,
                fmt::format("LD d=spm[{}] s=hbm[{}] rows=1 len=1", x, 50062 + y),
                {{c, x, true}, {kCores, y, false}}};
      case 1:
        return {c,
                Unit::kSt,
                fmt::format("ST d=hbm[{}] s=spm[{}] rows=1 len=1", 50062 + y, x),
                {{c, x, false}, {kCores, y, true}}};
      case 2:
        return {c,
                Unit::kVx,
                fmt::format("VALU.ADD d=spm[{}] a=spm[{}] b=spm[{}] rows=1 cols=7", x, y, z),
                {{c, x, true}, {c, y, false}, {c, z, false}}};
      case 3: {
        Node node{c,
                  Unit::kNx,
                  fmt::format("SND d=spm[{}] s=spm[{}] rows=1 len=1 mask=r{}", x, y, to + 1),
                  {{to, x, true}, {c, y, false}}};
        node.posts = true;  // its post is remote
        return node;
      }
      default: return {c, Unit::kCtl, fmt::format("LDR rd=r9 s=spm[{}] byte=8 size=u16", x), {{c, x, false}}};
    }
  }

  // Appends `next`, ordered after the node `from` by a token: in the headers of both if there is room, else over SYNC.
  void add_order(size_t from, Node next) {
    const int source = nodes_[from].core;
    const Unit poster = nodes_[from].unit;
    const auto key = std::make_tuple(source, poster, next.core, next.unit);
    if (!semaphores_.contains(key)) {
      if (used_[static_cast<size_t>(next.core)] == isa::kSemaphores) {
        nodes_.push_back(next);
        return;
      }
      semaphores_[key] = used_[static_cast<size_t>(next.core)]++;
    }
    const int s = semaphores_[key];
    size_t posting = from;
    if (source == next.core && !nodes_[from].posts && chance(0.7)) {
      nodes_[from].text += fmt::format(" post={}:1", s);
      nodes_[from].posts = true;
    } else {
      Node sync{source, poster, fmt::format("SYNC unit={} post={}:1", isa::name(poster), s), {}};
      if (source != next.core || chance(0.3)) sync.text += fmt::format(" mask=r{} REMOTE", next.core + 1);
      sync.posts = true;
      posting = nodes_.size();
      nodes_.push_back(sync);
    }
    if (chance(0.7)) {
      next.text += fmt::format(" wait={}:1", s);
      next.after.push_back(posting);
      nodes_.push_back(next);
      return;
    }
    Node sync{next.core, next.unit, fmt::format("SYNC unit={} wait={}:1", isa::name(next.unit), s), {}};
    sync.after.push_back(posting);
    nodes_.push_back(sync);
    nodes_.push_back(next);
  }

  std::mt19937_64 random_;
  std::vector<Node> nodes_;
  size_t last_ = 0;
  std::map<std::tuple<int, Unit, int, Unit>, int> semaphores_;
  std::array<int, kCores> used_{};
};

void compare(uint64_t first_seed, uint64_t count) {
  uint64_t races = 0, clean = 0;
  for (uint64_t seed = first_seed; seed < first_seed + count; ++seed) {
    const double order[] = {1, 0.99, 0.97, 0.9, 0.5};
    const RandomProgram program(seed, order[seed % 5]);
    const bool expected = program.has_race();
    ++(expected ? races : clean);
    Machine machine(kCores);
    program.build(machine);
    for (int scheduler = 0; scheduler < 5; ++scheduler) {
      FunctionalOptions options;
      options.check_initialised = false;
      if (scheduler == 4) {
        options.threads = 2;
      } else if (scheduler > 0) {
        options.interleave_seed = seed * 4 + static_cast<uint64_t>(scheduler);
      }
      const std::string fault = machine.fault_of(options);
      const bool found = fault.find("not ordered after") != std::string::npos;
      ASSERT_TRUE(found || fault.empty()) << "seed " << seed << " scheduler " << scheduler << "\n"
                                          << fault << "\n"
                                          << program.print();
      ASSERT_EQ(found, expected) << "seed " << seed << " scheduler " << scheduler << "\n"
                                 << fault << "\n"
                                 << program.print();
    }
  }
  EXPECT_GT(races, count / 5);
  EXPECT_GT(clean, count / 5);
}

TEST(RaceOracle, RandomPrograms) { compare(0, 500); }

TEST(RaceOracle, LongRandomPrograms) {
  if (std::getenv("HADAL_LONG") == nullptr) GTEST_SKIP() << "set HADAL_LONG=1";
  compare(500, 50000);
}

}  // namespace
}  // namespace hadal::sim::testing
