// Counts and durations in Prometheus' text format.
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "serve/engine.h"

namespace hadal::serve {

// Of the connections that no request has come from yet.
struct ConnectionCounters {
  size_t arriving = 0;           // now
  size_t late = 0, crowded = 0;  // dropped so far
};

class Metrics {
 public:
  void answered(const std::string& endpoint, int status);
  void first_token(double seconds) { observe(first_token_, seconds); }
  void finished(const Usage& usage, Ending ending);
  std::string text(const EngineCounters& engine, const ConnectionCounters& connections) const;

 private:
  static constexpr std::array<double, 12> kBounds = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
  struct Histogram {
    std::array<uint64_t, kBounds.size() + 1> counts{};
    double sum = 0;
  };
  void observe(Histogram& histogram, double seconds);
  static std::string histogram_text(const std::string& name, const std::string& help, const Histogram& histogram);

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, uint64_t> answers_;
  std::map<Ending, uint64_t> endings_;
  Histogram first_token_, token_, request_;
};

}  // namespace hadal::serve
