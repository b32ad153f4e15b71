// Stimuli of the arithmetic blocks, and what must come out.
#include "synth/activity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "base/error.h"
#include "numerics/numerics.h"

namespace hadal::synth {
namespace {

constexpr int kRuns = 64;     // side by side
constexpr int kGroup = 128;   // products a sum
constexpr int kCycles = 200;  // measured
constexpr int kWarm = 16;     // before that
constexpr uint64_t kAll = ~uint64_t{0};

using Lanes = std::array<uint64_t, kRuns>;  // a word of each run

void set_words(Gates& gates, const std::string& port, int lsb, int width, const Lanes& words) {
  for (int bit = 0; bit < width; ++bit) {
    uint64_t runs = 0;
    for (size_t r = 0; r < kRuns; ++r) runs |= (words[r] >> bit & 1) << r;
    gates.set(port, lsb + bit, runs);
  }
}

uint64_t word_of(const Gates& gates, const std::string& port, int width, int run) {
  uint64_t word = 0;
  for (int bit = 0; bit < width; ++bit) word |= (gates.get(port, bit) >> run & 1) << bit;
  return word;
}

// Sign, exponent, significand: value = significand x 2^exponent x 2^-9.
uint64_t decoded(uint8_t code) {
  const uint64_t exponent = code >> 3 & 15;
  return static_cast<uint64_t>(code >> 7) << 8 | (exponent == 0 ? 0 : exponent - 1) << 4 | (exponent == 0 ? 0u : 8u) |
         (code & 7u);
}

// A group of normally distributed values, scaled so that its largest fills the range, as the quantiser does.
std::vector<uint8_t> random_group(std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(kGroup);
  float largest = 0;
  for (float& v : values) {
    v = normal(random);
    largest = std::max(largest, std::abs(v));
  }
  std::vector<uint8_t> codes(kGroup);
  for (int k = 0; k < kGroup; ++k)
    codes[static_cast<size_t>(k)] = num::e4m3_from_float(values[static_cast<size_t>(k)] * 448 / largest);
  return codes;
}

Activity dot(Gates& gates, std::mt19937_64& random) {
  int depth = 0;
  while (gates.has("a_i", depth * 9)) ++depth;
  check(depth > 0 && kGroup % depth == 0, "a dot unit {} deep", depth);
  const int steps = kGroup / depth;
  Activity result;
  result.what = "E4M3 groups of normally distributed values, a product of every multiplier in each cycle";
  for (const char* port : {"en1_i", "en2_i", "en3_i"}) gates.set(port, 0, kAll);
  std::vector<std::vector<uint8_t>> a(kRuns), b(kRuns);
  std::vector<int64_t> sums(kRuns), before(kRuns);
  for (int cycle = 0; cycle < kWarm + kCycles; ++cycle) {
    const int step = cycle % steps;
    if (step == 0) {
      for (size_t r = 0; r < kRuns; ++r) {
        a[r] = random_group(random);
        b[r] = random_group(random);
        before[r] = sums[r];
        sums[r] = 0;
        for (size_t k = 0; k < kGroup; ++k)
          sums[r] += int64_t{num::e4m3_to_fixed(a[r][k])} * num::e4m3_to_fixed(b[r][k]);
      }
    }
    for (int k = 0; k < depth; ++k) {
      Lanes wa{}, wb{};
      for (size_t r = 0; r < kRuns; ++r) {
        wa[r] = decoded(a[r][static_cast<size_t>(step * depth + k)]);
        wb[r] = decoded(b[r][static_cast<size_t>(step * depth + k)]);
      }
      set_words(gates, "a_i", k * 9, 9, wa);
      set_words(gates, "b_i", k * 9, 9, wb);
    }
    // Stage 3 works on what came in two cycles ago.
    const int third = (cycle + steps - 2) % steps;
    gates.set("first3_i", 0, third == 0 ? kAll : 0);
    gates.set("last3_i", 0, third == steps - 1 ? kAll : 0);
    if (cycle == kWarm) gates.count_from_here();
    gates.cycle();
    if (third == steps - 1 && cycle >= 2 * steps) {
      gates.settle();
      for (int r = 0; r < kRuns; ++r) {
        // The sum of the group before: its last step came in two cycles ago.
        const auto sum = static_cast<int64_t>(word_of(gates, "sum_o", 46, r) << 18) >> 18;
        const int64_t want = before[static_cast<size_t>(r)];
        check(sum == want, "the gates of the dot unit say {} where the sum is {}", sum, want);
        ++result.checked;
      }
    }
  }
  return result;
}

float random_float(std::mt19937_64& random) { return std::normal_distribution<float>()(random); }
uint64_t bits_of(float x) { return std::bit_cast<uint32_t>(x); }

Activity fix(Gates& gates, std::mt19937_64& random) {
  Activity result;
  result.what = "normally distributed sums, scales and accumulators, a result in each cycle";
  for (int bit = 0; bit < 6; ++bit) gates.set("busy_i", bit, kAll);
  gates.set("en_i", 0, kAll);
  // What went in, by cycle: the result follows seven edges later, the accumulator comes in two cycles after the sum.
  struct In {
    float sum = 0, sa = 0, sb = 0, acc = 0;
  };
  std::vector<std::array<In, kRuns>> history;
  constexpr int kStages = 7, kAccAfter = 2;
  for (int cycle = 0; cycle < kWarm + kCycles; ++cycle) {
    Lanes sum{}, sa{}, sb{}, acc{};
    std::array<In, kRuns> now;
    for (size_t r = 0; r < kRuns; ++r) {
      const auto fixed = static_cast<int64_t>(std::lround(random_float(random) * (1 << 24)));
      now[r] = {static_cast<float>(fixed) * 0x1p-18f, std::exp2f(-std::abs(random_float(random))),
                std::exp2f(-std::abs(random_float(random))), random_float(random) * 64};
      sum[r] = static_cast<uint64_t>(fixed) & ((uint64_t{1} << 46) - 1);
      sa[r] = bits_of(now[r].sa);
      sb[r] = bits_of(now[r].sb);
    }
    history.push_back(now);
    if (cycle >= kAccAfter) {
      for (size_t r = 0; r < kRuns; ++r) acc[r] = bits_of(history[static_cast<size_t>(cycle - kAccAfter)][r].acc);
    }
    set_words(gates, "sum_i", 0, 46, sum);
    set_words(gates, "sa_i", 0, 32, sa);
    set_words(gates, "sb_i", 0, 32, sb);
    set_words(gates, "acc3_i", 0, 32, acc);
    if (cycle == kWarm) gates.count_from_here();
    gates.cycle();
    if (cycle < kWarm) continue;
    gates.settle();
    const auto& in = history[static_cast<size_t>(cycle - kStages + 1)];
    for (int r = 0; r < kRuns; ++r) {
      const In& i = in[static_cast<size_t>(r)];
      const float scale = i.sa * i.sb;
      const float product = i.sum * scale;
      const uint64_t want = bits_of(i.acc + product), got = word_of(gates, "y_o", 32, r);
      check(got == want, "the gates of the fix-up lane say {:08x} where {:08x} is right", got, want);
      ++result.checked;
    }
  }
  return result;
}

Activity lane(Gates& gates, std::mt19937_64& random) {
  constexpr uint64_t kAdd = 2, kMul = 4;  // hadal_vx_pkg::op_e
  constexpr int kTurn = 25;               // cycles of either
  Activity result;
  result.what = "additions and multiplications of normally distributed numbers in turn";
  gates.set("en_i", 0, kAll);
  gates.set("second_i", 0, 0);
  std::array<float, kRuns> want{};
  bool want_valid = false;
  for (int cycle = 0; cycle < kWarm + kCycles; ++cycle) {
    const bool multiply = cycle / kTurn % 2 != 0, before = cycle > 0 && (cycle - 1) / kTurn % 2 != 0;
    Lanes op{}, a{}, b{};
    std::array<float, kRuns> next{};
    for (size_t r = 0; r < kRuns; ++r) {
      const float x = random_float(random), y = random_float(random);
      op[r] = multiply ? kMul : kAdd;
      a[r] = bits_of(x);
      b[r] = bits_of(y);
      next[r] = multiply ? x * y : x + y;
    }
    set_words(gates, "op_i", 0, 4, op);
    set_words(gates, "a_i", 0, 32, a);
    set_words(gates, "b_i", 0, 32, b);
    // Selects of the result register, for what went in a cycle before.
    gates.set("take_sum_i", 0, before ? 0 : kAll);
    gates.set("take_product_i", 0, before ? kAll : 0);
    if (cycle == kWarm) gates.count_from_here();
    gates.cycle();
    if (want_valid) {
      gates.settle();
      for (int r = 0; r < kRuns; ++r) {
        const uint64_t got = word_of(gates, "y_o", 32, r), right = bits_of(want[static_cast<size_t>(r)]);
        check(got == right, "the gates of the lane say {:08x} where {:08x} is right", got, right);
        ++result.checked;
      }
    }
    want = next;
    want_valid = true;
  }
  return result;
}

using Drive = Activity (*)(Gates&, std::mt19937_64&);
Drive drive_of(const std::string& block) {
  return block == "mm_dot" ? dot : block == "mm_fix" ? fix : block == "hadal_vx_lane" ? lane : nullptr;
}

}  // namespace

std::optional<Activity> measured_activity(const std::string& block, const std::string& netlist, const std::string& file,
                                          const std::map<std::string, Cell>& cells, uint64_t seed) {
  const Drive drive = drive_of(block);
  if (drive == nullptr) return std::nullopt;
  std::mt19937_64 random(seed);
  Gates gates(netlist, cells, file);
  Activity result = drive(gates, random);
  result.transitions = gates.activity();
  return result;
}

FaultCheck check_faults(const std::string& block, const std::string& netlist, const std::string& file,
                        const std::map<std::string, Cell>& cells, uint64_t seed, int count) {
  const Drive drive = drive_of(block);
  check(drive != nullptr, "block {} has no stimulus", block);
  FaultCheck result;
  const Gates intact(netlist, cells, file);
  std::mt19937_64 choose(seed);
  for (; result.planted < count; ++result.planted) {
    Gates gates = intact;
    const size_t number = choose() % gates.gates();
    gates.invert(number);
    std::mt19937_64 random(seed);
    try {
      drive(gates, random);
      result.unnoticed.push_back(number);
    } catch (const Error&) {  // a result is wrong
    }
  }
  return result;
}

}  // namespace hadal::synth
