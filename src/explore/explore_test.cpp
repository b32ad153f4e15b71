// The store and the search: each point once, whatever interrupts it.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/temporary_directory.h"
#include "explore/search.h"

namespace hadal::explore {
namespace {

std::string data(const std::string& path) { return std::string(HADAL_SOURCE_DIR) + "/" + path; }

class ExploreTest : public ::testing::Test {
 protected:
  ExploreTest() {
    const plan::Build& b = scenario_.builds[0];
    space_.supplies = {{b.process, b.memory, b.package}};
    space_.cores = {40, 48};
    space_.rows = {32, 64};
    space_.columns = {32};
    space_.stacks = {4, 5, 8};
    space_.spare_cores = {0, 2};
    space_.spm_bytes = {1 << 20};
    space_.link_bytes_per_s = {200e9, 400e9};
  }
  TemporaryDirectory folder_;
  std::string file_ = folder_.file("store.sqlite");
  plan::Facts facts_{{std::string(HADAL_SOURCE_DIR)}};
  plan::Scenario scenario_ = plan::load_scenario(data("scenarios/deepseek-day.yaml"), facts_);
  plan::PredictedRates rates_{facts_, data("models/configs/DeepSeek-V3.json"), data("measurements/constants.yaml")};
  plan::DesignSpace space_;
};

TEST_F(ExploreTest, PointsComeBackAsTheyWent) {
  plan::Evaluation e;
  e.id = 7;
  e.usd_per_mtoken = 0.1;
  e.tokens_per_j = 1.0 / 3;
  e.decode_tokens_per_s = 1e3;
  plan::Evaluation refused;
  refused.id = 3;
  refused.refused = "larger than the reticle";
  {
    Store store(file_, "a");
    store.add({e, refused});
    store.add({e});  // again: left as it is
  }
  const Store store(file_, "a");
  EXPECT_EQ(store.ids(), (std::vector<uint64_t>{3, 7}));
  ASSERT_EQ(store.possible().size(), 1u);
  EXPECT_EQ(store.possible()[0].id, 7u);
  EXPECT_EQ(store.possible()[0].tokens_per_j, 1.0 / 3);  // every bit
  EXPECT_EQ(store.possible()[0].decode_tokens_per_s, 1e3);
}

TEST(Ranks, BlocksArriveAsTheyWent) {
  plan::Evaluation e, refused;
  e.id = 1ull << 40;
  e.usd_per_mtoken = 1.0 / 3;
  e.decode_tokens_per_s = -0.0;
  refused.id = 5;
  refused.refused = "larger than the reticle";
  const std::vector<char> bytes = pack({e, refused});
  const std::vector<plan::Evaluation> back = unpack(bytes);
  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(back[0].id, e.id);
  EXPECT_EQ(back[0].usd_per_mtoken, e.usd_per_mtoken);
  EXPECT_TRUE(std::signbit(back[0].decode_tokens_per_s));
  EXPECT_EQ(back[1].refused, refused.refused);
  EXPECT_TRUE(unpack(pack({})).empty());
  EXPECT_THROW(unpack(std::vector<char>(bytes.begin(), bytes.end() - 1)), Error);
}

TEST_F(ExploreTest, AStoreIsReadWhileItIsWritten) {
  EXPECT_FALSE(Store::is_store(file_));
  Store store(file_, "a");
  EXPECT_TRUE(Store::is_store(file_));
  const Store reader = Store::open(file_);
  EXPECT_EQ(reader.count(), 0u);
  EXPECT_EQ(reader.description(), "");
  plan::Evaluation fits, large, larger;
  fits.power_w = 7;
  large.id = 1;
  larger.id = 2;
  large.refused = larger.refused = "too large";
  store.add({fits, large, larger});
  store.describe("one");
  store.describe("two");
  EXPECT_EQ(reader.description(), "two");
  EXPECT_EQ(reader.count(), 3u);
  EXPECT_EQ(reader.refused(), (std::map<std::string, uint64_t>{{"too large", 2}}));
  const auto columns = Store::columns();
  EXPECT_EQ(columns.front().first, "usd_per_mtoken");
  EXPECT_EQ(columns.back().first, "decode_tokens_per_s");
  for (const auto& [name, member] : columns) {
    if (name != "power_w") continue;
    EXPECT_EQ(reader.possible()[0].*member, 7);
  }
  EXPECT_ANY_THROW(Store::open(data("README.md")).count());
  EXPECT_ANY_THROW(Store::open(file_ + ".missing"));
}

TEST_F(ExploreTest, AStoreOfOtherDataIsRefused) {
  { const Store store(file_, "a"); }
  try {
    const Store store(file_, "b");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_NE(std::string(error.what()).find("of another scenario or of other data"), std::string::npos);
  }
}

TEST_F(ExploreTest, ThreadsAndInterruptionsDoNotChangeTheFront) {
  const plan::DesignEvaluator evaluator(scenario_, space_, facts_, rates_);
  Store whole(":memory:", "a");
  EXPECT_EQ(search(evaluator, space_.size(), whole, 1, [](const Progress&) {}), space_.size());
  Store part(file_, "a");
  // Every third point is there already, as if an earlier run had been stopped.
  for (uint64_t id = 0; id < space_.size(); id += 3) part.add({evaluator.evaluate(id)});
  const uint64_t before = part.count();
  Progress last;
  EXPECT_EQ(search(evaluator, space_.size(), part, 3, [&](const Progress& p) { last = p; }), space_.size() - before);
  EXPECT_EQ(last.done, space_.size());
  EXPECT_EQ(search(evaluator, space_.size(), part, 2, [](const Progress&) {}), 0u);
  EXPECT_EQ(part.ids(), whole.ids());
  const auto a = plan::pareto_front(whole.possible()), b = plan::pareto_front(part.possible());
  ASSERT_EQ(a.size(), b.size());
  EXPECT_FALSE(a.empty());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].id, b[i].id);
    EXPECT_EQ(a[i].usd_per_mtoken, b[i].usd_per_mtoken);
  }
}

TEST_F(ExploreTest, TheFingerprintFollowsTextAndFigures) {
  const std::string one = fingerprint("a", facts_.ledger());
  EXPECT_EQ(one.size(), 16u);
  EXPECT_EQ(one, fingerprint("a", facts_.ledger()));
  EXPECT_NE(one, fingerprint("b", facts_.ledger()));
  EXPECT_NE(one, fingerprint("a", plan::Ledger()));
}

}  // namespace
}  // namespace hadal::explore
