// Runs the benchmarks and ends with the ratios that matter: work done against the machine's own limits. Rates are per
// second of processor time of a thread, so that other work on the machine disturbs them little.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <map>
#include <string>

#include "numerics/numerics.h"

namespace {

class RatioReporter : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.error_occurred) continue;
      for (const char* counter : {"MAC/s", "bytes_per_second"}) {
        auto found = run.counters.find(counter);
        if (found != run.counters.end()) rates_[run.benchmark_name()] = found->second;
      }
    }
    ConsoleReporter::ReportRuns(runs);
  }

  void Finalize() override {
    std::printf("\ninstruction sets: %s\n", hadal::num::target_name());
    const double peak = rate("fp64_fma");
    const double read[3] = {0, rate("read_bandwidth/min_time:1.000/threads:1"),
                            rate("read_bandwidth/min_time:1.000/threads:2")};
    for (const auto& [name, value] : rates_) {
      if (name.rfind("gemm/", 0) == 0 && peak > 0) {
        std::printf("%-72s %6.2f x the binary64 peak\n", name.c_str(), value / peak);
      }
      if (name.rfind("gemv/", 0) == 0) {
        double limit = read[name.find("threads:2") != std::string::npos ? 2 : 1];
        if (limit > 0) std::printf("%-72s %6.1f %% of the read bandwidth\n", name.c_str(), 100 * value / limit);
      }
    }
  }

 private:
  double rate(const std::string& name) const {
    auto found = rates_.find(name);
    return found == rates_.end() ? 0 : found->second;
  }
  std::map<std::string, double> rates_;
};

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  RatioReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  return 0;
}
