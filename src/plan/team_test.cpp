// Teams: closed forms, no effect of a large one, and work that is conserved.
#include "plan/team.h"

#include <algorithm>
#include <random>

#include "plan/programme.h"
#include "plan/testing.h"

namespace hadal::plan {
namespace {

TEST(Team, HalfThePeopleTakeTwiceAsLong) {
  const std::vector<Task> tasks{{{}, 0, 10, 100, false}, {{0}, 0, 4, 20, true}, {{1}, 0, 2, 50, false}};
  const Dates d = paced(tasks, 0, 50);
  EXPECT_NEAR(d.end[0], 20, 1e-9);
  EXPECT_NEAR(d.end[1], 24, 1e-9);  // wafers
  EXPECT_NEAR(d.end[2], 26, 1e-9);
  // 100 beside 100 for 5 months, then the longer one alone: 5 x 2 + 5.
  const Dates two = paced({{{}, 0, 5, 100, false}, {{}, 0, 10, 100, false}}, 0, 100);
  EXPECT_NEAR(two.end[0], 10, 1e-9);
  EXPECT_NEAR(two.end[1], 15, 1e-9);
  // Software takes its part: 60 and 40 of 50, so both at half pace; what software does is half of its time.
  const Dates shared = paced({{{}, 0, 3, 60, false}}, 40, 50);
  EXPECT_NEAR(shared.end[0], 6, 1e-9);
  EXPECT_NEAR(shared.software_months, 3, 1e-9);
}

TEST(Team, OverlapAndLag) {
  // Begins with two months of work left of the first: half of its people wait, then both share.
  const Dates d = paced({{{}, 0, 6, 80, false}, {{0}, -2, 4, 80, false}}, 0, 80);
  EXPECT_NEAR(d.start[1], 4, 1e-9);
  EXPECT_NEAR(d.end[0], 8, 1e-9);
  EXPECT_NEAR(d.end[1], 10, 1e-9);
  const Dates late = paced({{{}, 0, 6, 80, false}, {{0}, 3, 4, 80, false}}, 0, 40);
  EXPECT_NEAR(late.start[1], 15, 1e-9);
  EXPECT_NEAR(late.end[1], 23, 1e-9);
}

TEST(Team, WorkIsConservedAndNobodyGainsByLosingPeople) {
  constexpr unsigned kSeed = 17;
  std::mt19937_64 random(kSeed);
  const auto uniform = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  };
  for (int i = 0; i < 200; ++i) {
    std::vector<Task> tasks;
    double work = 0, most = 0, longest = 0;
    for (size_t t = 0; t < 6; ++t) {
      Task task{{}, 0, uniform(1, 12), uniform(5, 150), false};
      if (t > 0) task.after = {random() % t};
      if (t > 2) task.after.push_back(random() % t);
      work += task.months * task.people;
      most += task.people;
      longest = std::max(longest, task.months);
      tasks.push_back(std::move(task));
    }
    const auto end = [&](double team) {
      const Dates d = paced(tasks, 0, team);
      return *std::max_element(d.end.begin(), d.end.end());
    };
    const double all = end(most);
    EXPECT_NEAR(end(1e6), all, 1e-9) << "seed " << kSeed;
    EXPECT_GE(all, longest - 1e-9);
    EXPECT_GE(end(40), all - 1e-9) << "seed " << kSeed;
    EXPECT_GE(end(40) * 40, work * (1 - 1e-9)) << "seed " << kSeed;
    EXPECT_NEAR(end(1) * 1, work, 1e-6 * work) << "seed " << kSeed;  // one is always busy
  }
}

TEST(Team, AProgrammeWithAllItsPeopleIsTheProgramme) {
  Ledger ledger = testing::ledger();
  const Process n2 = load_process(testing::data("processes/smic-n2.yaml"), ledger);
  const Programme lean = load_programme(testing::data("programmes/lean.yaml"), ledger);
  const auto team = [](double people) {
    Figure f;
    f.name = "team";
    f.value = f.low = f.high = people;
    return f;
  };
  // The team is the last that a run draws, so one run has the same draws with and without it.
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const Forecast without = forecast(lean, n2, 1, seed), with = forecast(lean, n2, 1, seed, team(1e5));
    for (size_t s = 0; s < lean.stages.size(); ++s) {
      EXPECT_DOUBLE_EQ(with.stages[s].end_months.p50, without.stages[s].end_months.p50) << "seed " << seed;
      EXPECT_DOUBLE_EQ(with.stages[s].spent_usd.p50, without.stages[s].spent_usd.p50) << "seed " << seed;
    }
  }
  const Forecast all = forecast(lean, n2, 400, 3, team(1e5)), half = forecast(lean, n2, 400, 3, team(120));
  EXPECT_GT(half.tapeout_months.p50, 1.5 * all.tapeout_months.p50);
  // Person-months of hardware are what they were; software is there until the end, as far as there is room for it.
  EXPECT_NEAR(half.hardware_nre_usd.p50, all.hardware_nre_usd.p50, 1e-9 * all.hardware_nre_usd.p50);
}

}  // namespace
}  // namespace hadal::plan
