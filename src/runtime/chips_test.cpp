// Several chips in a row give the bits of one: logits and cache of every family, with every bound on host memory.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/temporary_directory.h"
#include "runtime/family_cases.h"
#include "runtime/layer_program.h"
#include "runtime/speculate.h"

namespace hadal::runtime {
namespace {

using testing::families;

constexpr int kSequences = 2;
constexpr int64_t kContext = 48;

chip::Chip hadal_1() { return chip::load(testing::source_path("chips/hadal-1.yaml")); }

SessionOptions options_for(int chips, kernels::CompileOptions compile = {}) {
  SessionOptions options;
  options.compile = std::move(compile);
  options.compile.chips = chips;
  options.compile.sequences = kSequences;
  options.compile.context = kContext;
  return options;
}

// Everything a run leaves that one can see: logits of every row, and the cache of both sequences.
struct Outcome {
  std::vector<std::vector<float>> logits;
  std::vector<std::vector<std::byte>> cache;
  bool operator==(const Outcome&) const = default;
};

// A prompt in steps of different sizes, another one in the other slot, then both decoded together.
Outcome outcome(Session& session, std::span<const int32_t> tokens) {
  Outcome out;
  int64_t position[kSequences] = {};
  const auto step = [&](const std::vector<std::pair<int, int32_t>>& slots) {
    std::vector<Row> rows;
    for (const auto& [slot, token] : slots) rows.push_back({token, slot, position[slot]++});
    session.step(rows);
    for (size_t r = 0; r < rows.size(); ++r) out.logits.push_back(session.logits(r));
  };
  step({{0, tokens[0]}, {0, tokens[1]}, {0, tokens[2]}, {0, tokens[3]}});
  step({{1, tokens[4]}, {1, tokens[5]}, {1, tokens[6]}});
  for (size_t i = 7; i < 11; ++i) step({{0, tokens[i]}, {1, tokens[i + 4]}});
  step({{0, tokens[15]}});
  const model::Config& c = session.model().config;
  const int64_t heads = c.attention == model::Attention::kGrouped ? c.num_key_value_heads : 1;
  for (int layer = 0; layer < c.num_hidden_layers; ++layer) {
    for (int slot = 0; slot < kSequences; ++slot) {
      for (int64_t p = 0; p < position[slot]; ++p) {
        for (int head = 0; head < heads; ++head) out.cache.push_back(session.kv_row(layer, slot, p, head));
      }
    }
  }
  return out;
}

Outcome outcome(const model::Model& model, const chip::Chip& chip, const SessionOptions& options,
                std::span<const int32_t> tokens) {
  Session session(model, chip, options);
  EXPECT_EQ(session.chips(), options.compile.chips);
  return outcome(session, tokens);
}

TEST(Chips, GiveTheBitsOfOneForEveryFamily) {
  const chip::Chip chip = hadal_1();
  for (const auto& golden : families()["cases"]) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    const testing::FamilyCase c(golden);
    for (const int64_t owners_from : {kernels::kOwnersFrom, int64_t{0}}) {
      const kernels::CompileOptions compile{.owners_from = owners_from, .row_buckets = {1, 4}};
      const Outcome one = outcome(c.model, chip, options_for(1, compile), c.tokens);
      const Outcome two = outcome(c.model, chip, options_for(2, compile), c.tokens);
      ASSERT_EQ(one.logits.size(), 4u + 3 + 8 + 1);
      EXPECT_TRUE(one == two);
    }
  }
}

// Five layers, the first of them dense.
class Deep : public ::testing::Test {
 protected:
  Deep() {
    for (int32_t i = 0; i < 24; ++i) tokens_.push_back(3 + i * 37 % 300);
  }
  SessionOptions options(int chips) const { return options_for(chips, {.row_buckets = {1, 4}}); }
  const testing::SmallModel small_{5, 5};
  const chip::Chip chip_ = testing::small_chip(3);
  std::vector<int32_t> tokens_;
};

TEST_F(Deep, AnyNumberOfChipsThreadsAndBoundsGivesTheSame) {
  const Outcome expected = outcome(small_.model, chip_, options(1), tokens_);
  for (int chips = 2; chips <= 5; ++chips) {
    SCOPED_TRACE(chips);
    SessionOptions given = options(chips);
    given.functional.threads = 1 + chips % 2;
    given.compile.host_bytes = chips % 2 == 0 ? 1 : 0;
    if (chips >= 4) {  // cores own several rows
      given.compile.owners_from = 0;
      given.compile.row_buckets = {16};
    }
    EXPECT_TRUE(outcome(small_.model, chip_, given, tokens_) == expected);
  }
}

TEST_F(Deep, LayersAreSharedByTheirBytes) {
  chip::Chip chip = testing::small_chip(3);
  chip.links.scale_up = {8, 1e9, 1e-6};
  Session session(small_.model, chip, options(3));
  int64_t next = 0;
  for (int i = 0; i < 3; ++i) {
    const kernels::Compiled& compiled = session.compiled(i);
    EXPECT_EQ(compiled.stage.first, next);
    EXPECT_GT(compiled.stage.end, next);
    EXPECT_EQ(program::defect(compiled.programs[0]), "");
    EXPECT_EQ(compiled.operators.front().name, i == 0 ? "embed" : "receive");
    EXPECT_EQ(compiled.operators.back().name, i == 2 ? "lm_head" : "pass_on");
    next = compiled.stage.end;
  }
  EXPECT_EQ(next, 5);
}

// Segments come and go, within one step too: what is made in all is many times the weights.
TEST_F(Deep, WeightsAreMadeAgainAndAgainWithinABound) {
  const Outcome expected = outcome(small_.model, chip_, options(1), tokens_);
  for (const int threads : {1, 2}) {
    SessionOptions given = options(1);
    given.functional.threads = threads;
    Session free(small_.model, chip_, given);
    EXPECT_FALSE(free.compiled().residency->bounded());
    given.compile.host_bytes = 1;
    Session bounded(small_.model, chip_, given);
    const kernels::Residency& residency = *bounded.compiled().residency;
    ASSERT_TRUE(residency.bounded());
    EXPECT_TRUE(outcome(bounded, tokens_) == expected);
    uint64_t weights = 0;
    for (const program::Segment& segment : bounded.compiled().programs[0].segments) {
      if (segment.held == nullptr) continue;
      weights += segment.data.size();
      EXPECT_EQ(segment.held->load(), 0) << segment.name;
    }
    EXPECT_GT(residency.made_bytes(), 5 * weights / 2);
    EXPECT_LT(residency.most_bytes(), weights);
  }
}

// Where the scratchpad is short, one chip may take fewer rows than another.
TEST_F(Deep, BucketsMayDifferFromChipToChip) {
  const auto compiled = [&](std::vector<int> buckets) {
    kernels::CompileOptions compile = options(2).compile;
    compile.row_buckets = std::move(buckets);
    return kernels::compile_stages(small_.model, chip_, compile);
  };
  const Chips wide = compiled({1, 4}), narrow = compiled({2, 3});
  for (const Chips& mixed : {Chips{wide[0], narrow[1]}, Chips{narrow[0], wide[1]}}) {
    Session one(small_.model, chip_, options(1)), two(small_.model, chip_, options(2), std::make_shared<Chips>(mixed));
    EXPECT_EQ(two.max_rows(), 3);
    int64_t position = 0;
    for (const int count : {3, 1, 2, 1, 3}) {
      std::vector<Row> rows;
      for (int r = 0; r < count; ++r) rows.push_back({tokens_[static_cast<size_t>(position)], 1, position++});
      one.step(rows);
      two.step(rows);
      for (size_t r = 0; r < rows.size(); ++r) EXPECT_EQ(two.logits(r), one.logits(r)) << position;
    }
  }
}

// A chain put together by hand, whose transfers may lose a row.
std::vector<float> by_hand(const std::vector<kernels::Compiled>& chips, const chip::Chip& chip, size_t vocabulary,
                           int lost_row, std::optional<uint64_t> interleave_seed = {}) {
  const int rows = chips[0].rows[0];
  std::vector<kernels::RowRecord> records(static_cast<size_t>(rows));
  for (size_t r = 0; r < records.size(); ++r) {
    const auto p = static_cast<uint32_t>(r);
    records[r].token = 3 + 2 * p;
    records[r].position = records[r].kv_index = p;
    records[r].tiles = 1;
    records[r].last_rows = p + 1;
    records[r].negative_position = -static_cast<float>(p);
  }
  std::vector<std::byte> residual;
  std::vector<float> logits(static_cast<size_t>(rows) * vocabulary);
  for (const kernels::Compiled& one : chips) {
    const kernels::StepLayout& l = one.layout;
    sim::Functional functional(chip, one.programs[0], {.interleave_seed = interleave_seed});
    functional.write_dram(l.rows, std::as_bytes(std::span(records)));
    for (size_t r = 0; r < records.size() && !residual.empty(); ++r) {
      if (static_cast<int>(r) == lost_row) continue;
      functional.write_dram(l.received + r * l.residual_row_bytes,
                            std::span(residual).subspan(r * l.residual_row_bytes, l.residual_row_bytes));
    }
    functional.launch();
    residual.resize(static_cast<size_t>(rows) * l.residual_row_bytes);
    if (!one.stage.ends()) functional.read_dram(l.passed_on, residual);
    for (size_t r = 0; one.stage.ends() && r < records.size(); ++r) {
      functional.read_dram(l.logits + r * l.logits_stride,
                           std::as_writable_bytes(std::span(logits).subspan(r * vocabulary, vocabulary)));
    }
  }
  return logits;
}

TEST_F(Deep, ATransferThatDropsARowIsNoticed) {
  kernels::CompileOptions compile = options(1).compile;
  compile.row_buckets = {4};
  const auto vocabulary = static_cast<size_t>(small_.model.config.vocab_size);
  const std::vector<float> expected =
      by_hand(kernels::compile_stages(small_.model, chip_, compile), chip_, vocabulary, -1);
  compile.chips = 3;
  const std::vector<kernels::Compiled> chips = kernels::compile_stages(small_.model, chip_, compile);
  EXPECT_EQ(by_hand(chips, chip_, vocabulary, -1), expected);
  for (uint64_t seed = 1; seed <= 3; ++seed) EXPECT_EQ(by_hand(chips, chip_, vocabulary, -1, seed), expected) << seed;
  for (int lost = 0; lost < 4; ++lost) EXPECT_NE(by_hand(chips, chip_, vocabulary, lost), expected) << lost;
}

TEST_F(Deep, AStepTakesItsChipsAndTheTransfersBetween) {
  chip::Chip chip = testing::small_chip(3);
  chip.links.scale_up = {8, 1e9, 1e-6};
  SessionOptions given = options(3);
  const Outcome expected = outcome(small_.model, chip, options(1), tokens_);
  given.timing = true;
  Session session(small_.model, chip, given);
  EXPECT_TRUE(outcome(session, tokens_) == expected);
  const TimingTotals totals = session.take_timing();
  EXPECT_EQ(totals.steps, 7u);
  ASSERT_EQ(totals.each.size(), 7u);
  ASSERT_EQ(totals.chip_cycles.size(), 3u);
  const uint64_t row_bytes = static_cast<uint64_t>(small_.model.config.hidden_size) * 4;
  EXPECT_EQ(totals.transfer_bytes, 2 * (4 + 3 + 8 + 1) * row_bytes);
  uint64_t transfers = 0;
  for (const StepTime& step : totals.each) {
    const double seconds = 1e-6 + static_cast<double>(step.rows * row_bytes) / 1e9;
    transfers += 2 * static_cast<uint64_t>(std::ceil(seconds * chip.clock_hz));
  }
  EXPECT_EQ(totals.transfer_cycles, transfers);
  uint64_t chips = 0, steps = 0, operators = 0;
  double energy_j = 0;
  for (const uint64_t cycles : totals.chip_cycles) chips += cycles;
  for (const StepTime& step : totals.each) steps += step.cycles, energy_j += step.energy_j;
  for (const sim::OperatorTime& op : totals.sum.operators) operators += op.cycles;
  EXPECT_EQ(chips + transfers, totals.sum.cycles);
  EXPECT_EQ(steps, totals.sum.cycles);
  EXPECT_EQ(operators, totals.sum.cycles);
  EXPECT_NEAR(energy_j, totals.sum.energy.total(), 1e-9 * energy_j);
  // All chips are on all the time.
  EXPECT_NEAR(totals.sum.energy.leakage,
              3 * chip.energy.static_w * static_cast<double>(totals.sum.cycles) / chip.clock_hz,
              1e-9 * totals.sum.energy.leakage);
  // The traces are those of the last step, chip by chip.
  for (int i = 0; i < 3; ++i) {
    EXPECT_GT(sim::simulate_timing(chip, session.last_program(i), session.trace(i)).cycles, 0u);
    EXPECT_EQ(&session.last_program(i), &session.compiled(i).programs[0]);
  }
}

TEST_F(Deep, WhatIsWrongIsOneLineThatNamesWhatWouldDo) {
  const auto refusal = [&](const chip::Chip& chip, const SessionOptions& given) -> std::string {
    try {
      const Session session(small_.model, chip, given);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return error.what();
    }
    return "none";
  };
  EXPECT_EQ(refusal(chip_, options(6)), "--chips: of 6; the model has 5 layers, and each chip holds at least one");
  SessionOptions timed = options(2);
  timed.timing = true;
  EXPECT_NE(refusal(chip_, timed).find("has no links.scale_up"), std::string::npos);
  // The smallest memory that holds it on three chips, but not on two.
  const auto on = [&](int chips, uint64_t bytes) {
    chip::Chip chip = chip_;
    chip.dram.bytes = bytes;
    return refusal(chip, options(chips));
  };
  uint64_t bytes = 1 << 20;
  while (on(3, bytes) != "none") bytes += 64 << 10;
  EXPECT_NE(on(2, bytes).find("3 such chips in a row hold them (--chips 3)"), std::string::npos) << on(2, bytes);
  EXPECT_NE(on(1, bytes).find("--chips 3"), std::string::npos) << on(1, bytes);
  EXPECT_NE(on(1, bytes).find("the model, its cache and buffers need"), std::string::npos) << on(1, bytes);
  EXPECT_NE(on(2, bytes).find("the fullest of 2 chips would need"), std::string::npos) << on(2, bytes);
  EXPECT_EQ(on(0, bytes), "none");
  EXPECT_NE(on(1, 1 << 20).find("no number of such chips holds them"), std::string::npos) << on(1, 1 << 20);
}

TEST(ChipsThatDraft, TheLastChipHasAllThatADraftNeeds) {
  model::Config c = model::small_config();
  c.hidden_size = c.intermediate_size = 256;
  c.moe_intermediate_size = c.qk_nope_head_dim = c.v_head_dim = 128;
  c.qk_rope_head_dim = 64;
  c.num_hidden_layers = 3;
  c.num_nextn_predict_layers = 1;
  const TemporaryDirectory directory;
  model::write_random_checkpoint(directory.path(), c, {.seed = 6, .power_of_two_scales = true});
  const model::Model model = model::Model::load(directory.path());
  chip::Chip chip = testing::small_chip(3);
  chip.links.scale_up = {8, 1e9, 1e-6};
  std::vector<std::vector<int32_t>> texts;
  std::vector<uint64_t> accepted;
  for (int chips = 1; chips <= 3; ++chips) {
    SessionOptions given = options_for(chips, {.mtp = true, .row_buckets = {1, 4}});
    given.timing = true;
    Session session(model, chip, given);
    Speculation drafts;
    const std::vector<std::vector<int32_t>> prompts{{5, 9, 300, 41, 7}};
    const auto text = speculate(session, prompts, 16, {}, drafts);
    texts.push_back(text[0].tokens);
    accepted.push_back(drafts.accepted * 1000 + drafts.drafted);
    const TimingTotals& totals = session.timing();
    uint64_t cycles = totals.transfer_cycles;
    for (const uint64_t one : totals.chip_cycles) cycles += one;
    EXPECT_EQ(cycles, totals.sum.cycles);
    EXPECT_EQ(totals.steps, totals.each.size());
  }
  EXPECT_EQ(texts[1], texts[0]);
  EXPECT_EQ(texts[2], texts[0]);
  EXPECT_EQ(accepted[1], accepted[0]);
  EXPECT_EQ(accepted[2], accepted[0]);
}

}  // namespace
}  // namespace hadal::runtime
