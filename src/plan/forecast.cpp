// The Monte-Carlo run of a programme, and which of its inputs matter.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "plan/programme.h"
#include "plan/random.h"
#include "plan/team.h"

namespace hadal::plan {
namespace {

constexpr int kMostRespins = 5;

double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const double rest = at - static_cast<double>(below);
  return below + 1 < sorted.size() ? sorted[below] * (1 - rest) + sorted[below + 1] * rest : sorted[below];
}

// Ranks 0..n-1, ties sharing their mean rank.
std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> out(values.size());
  for (size_t i = 0; i < order.size();) {
    size_t j = i;
    while (j < order.size() && values[order[j]] == values[order[i]]) ++j;
    for (size_t k = i; k < j; ++k) out[order[k]] = static_cast<double>(i + j - 1) / 2;
    i = j;
  }
  return out;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const double n = static_cast<double>(a.size());
  const double ma = std::accumulate(a.begin(), a.end(), 0.0) / n, mb = std::accumulate(b.begin(), b.end(), 0.0) / n;
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) * (a[i] - ma);
    bb += (b[i] - mb) * (b[i] - mb);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

// One column of samples an input, filled run by run.
class Inputs {
 public:
  explicit Inputs(Random& random) : random_(random) {}
  void next_run() { column_ = 0; }
  double draw(const Figure& figure, const std::string& name) { return keep(random_.draw(figure), name); }
  bool chance(double probability) { return random_.uniform() < probability; }
  double keep(double value, const std::string& name) {
    if (column_ == columns_.size()) columns_.push_back({name, {}});
    columns_[column_++].samples.push_back(value);
    return value;
  }
  // Influence on `outcome` over the runs in `chosen`.
  std::vector<Influence> influence(const std::vector<double>& outcome, const std::vector<size_t>& chosen) const {
    std::vector<Influence> all;
    if (chosen.size() < 3) return all;
    std::vector<double> picked;
    for (size_t run : chosen) picked.push_back(outcome[run]);
    const std::vector<double> outcome_ranks = ranks(picked);
    for (const Column& column : columns_) {
      std::vector<double> values;
      for (size_t run : chosen) values.push_back(column.samples[run]);
      const double r = correlation(ranks(values), outcome_ranks);
      all.push_back({column.name, r * r, r < 0 ? -1.0 : 1.0});
    }
    std::stable_sort(all.begin(), all.end(), [](const Influence& a, const Influence& b) { return a.share > b.share; });
    return all;
  }

 private:
  struct Column {
    std::string name;
    std::vector<double> samples;
  };
  Random& random_;
  std::vector<Column> columns_;
  size_t column_ = 0;
};

struct StageRun {
  double start = 0, end = 0, usd = 0;
  bool reached = false, passed = false;
};

struct Run {
  std::vector<StageRun> stages;
  double nre_usd = 0, software_usd = 0, end_months = 0;  // nre_usd: software included
  int respins = 0;
};

Run one_run(const Programme& p, const Process& process, const std::optional<Figure>& team, Inputs& in) {
  in.next_run();
  Run run;
  std::vector<Task> tasks;
  const double person_month = in.draw(p.person_month, "cost of a person-month");
  const double scale = in.draw(process.design_cost, "design cost of the node") / p.reference_design_cost.value;
  const double longer = std::pow(scale, in.draw(p.schedule_exponent, "exponent of the schedule"));
  const double software = in.draw(p.software_people, "software people");
  const double masks = in.draw(process.mask_set, "mask set");
  const double fabrication = in.draw(process.fabrication, "time in fabrication");
  const double respin_chance = in.draw(p.respin_probability, "chance of a respin");
  const double respin_months = in.draw(p.respin_months, "time of a respin");
  const double respin_cost = in.draw(p.respin_cost, "cost of a respin");
  for (const Stage& stage : p.stages) {
    StageRun s;
    s.reached = true;
    for (size_t i : stage.after) s.reached = s.reached && run.stages[i].passed;
    const double lag = stage.lag.name.empty() ? 0 : in.draw(stage.lag, stage.name + ": overlap");
    double months = stage.lasts_as_process ? fabrication : in.draw(stage.months, stage.name + ": months");
    const double people = in.draw(stage.people, stage.name + ": people");
    const double outlay = in.draw(stage.outlay, stage.name + ": outlay");
    const bool pass = in.chance(in.draw(stage.pass, stage.name + ": chance to pass"));
    s.usd = (people * months * person_month + outlay) * scale + (stage.masks ? masks : 0);
    const double staff = people * scale / (stage.grows ? longer : 1);
    if (stage.grows) months *= longer;
    if (stage.respin) {
      for (int i = 0; i < kMostRespins; ++i) {
        if (in.chance(respin_chance) && run.respins == i) ++run.respins;  // drawn in any case: one stream for all runs
      }
      in.keep(run.respins, "respins needed");
      s.usd += run.respins * (respin_cost + people * respin_months * person_month * scale);
      months += run.respins * respin_months;
    }
    const bool waits = stage.lasts_as_process || stage.respin;  // for wafers
    tasks.push_back({stage.after, lag, months, staff, waits});
    s.passed = s.reached && pass;
    run.nre_usd += s.usd;
    run.stages.push_back(s);
  }
  const double people = team ? in.draw(*team, "team") : std::numeric_limits<double>::infinity();
  const Dates dates = paced(tasks, software * scale, people);
  for (size_t i = 0; i < tasks.size(); ++i) {
    run.stages[i].start = dates.start[i];
    run.stages[i].end = dates.end[i];
  }
  run.end_months = *std::max_element(dates.end.begin(), dates.end.end());
  run.software_usd = software * dates.software_months * person_month * scale;
  run.nre_usd += run.software_usd;
  return run;
}

// What a run has spent at `months`: stages, and the software people, evenly over their time.
double spent_usd(const Run& run, double months) {
  double usd = run.end_months > 0 ? run.software_usd * std::min(1.0, months / run.end_months) : 0;
  for (const StageRun& s : run.stages) {
    if (months >= s.end) {
      usd += s.usd;
    } else if (months > s.start) {
      usd += s.usd * (months - s.start) / (s.end - s.start);
    }
  }
  return usd;
}

}  // namespace

Quantiles quantiles(std::vector<double> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  const double sum = std::accumulate(samples.begin(), samples.end(), 0.0);
  return {quantile(samples, 0.1), quantile(samples, 0.5), quantile(samples, 0.9),
          sum / static_cast<double>(samples.size())};
}

Forecast forecast(const Programme& programme, const Process& process, int runs, uint64_t seed,
                  const std::optional<Figure>& team, Influences influences) {
  check(runs > 0, "a forecast needs runs");
  Random random(seed);
  Inputs inputs(random);
  std::vector<Run> all;
  all.reserve(static_cast<size_t>(runs));
  for (int i = 0; i < runs; ++i) all.push_back(one_run(programme, process, team, inputs));

  Forecast f;
  f.runs = runs;
  f.seed = seed;
  const auto share = [&](size_t n) { return static_cast<double>(n) / runs; };
  const size_t tapeout = programme.stage("tape-out"), last = programme.stages.size() - 1;
  for (size_t i = 0; i < programme.stages.size(); ++i) {
    std::vector<double> start, end, usd, spent;
    size_t passed = 0;
    for (const Run& run : all) {
      if (!run.stages[i].reached) continue;
      start.push_back(run.stages[i].start);
      end.push_back(run.stages[i].end);
      usd.push_back(run.stages[i].usd);
      spent.push_back(spent_usd(run, run.stages[i].end));
      passed += run.stages[i].passed ? 1 : 0;
    }
    const size_t reached = start.size();
    f.stages.push_back({programme.stages[i].name, programme.stages[i].gate, quantiles(std::move(start)),
                        quantiles(std::move(end)), quantiles(std::move(usd)), quantiles(std::move(spent)),
                        share(reached), share(passed)});
  }
  // A gate that fails late still costs what came before it; NRE and date are those of programmes that get there.
  std::vector<double> dates, nre, tapeouts;
  std::vector<size_t> finished, every(all.size());
  std::iota(every.begin(), every.end(), size_t{0});
  double respins = 0;
  for (size_t r = 0; r < all.size(); ++r) {
    dates.push_back(all[r].end_months);
    nre.push_back(all[r].nre_usd);
    respins += all[r].respins;
    if (all[r].stages[tapeout].reached) tapeouts.push_back(all[r].stages[tapeout].end);
    if (all[r].stages[last].passed) finished.push_back(r);
  }
  f.respins = respins / runs;
  f.success = share(finished.size());
  f.tapeout_months = quantiles(std::move(tapeouts));
  std::vector<double> end_dates, end_nre, end_hardware;
  for (size_t r : finished) {
    end_dates.push_back(dates[r]);
    end_nre.push_back(nre[r]);
    end_hardware.push_back(nre[r] - all[r].software_usd);
  }
  f.end_months = quantiles(std::move(end_dates));
  f.nre_usd = quantiles(end_nre);
  f.hardware_nre_usd = quantiles(std::move(end_hardware));
  f.nre_samples = std::move(end_nre);
  if (influences == Influences::kWanted) {
    f.on_date = inputs.influence(dates, finished);
    f.on_nre = inputs.influence(nre, finished);
  }
  return f;
}

}  // namespace hadal::plan
