// One run of a Monte-Carlo: every figure is drawn once and keeps its value wherever it is used in that run.
#pragma once

#include <map>
#include <string>

#include "plan/random.h"

namespace hadal::plan {

class Sampler {
 public:
  explicit Sampler(Random& random) : random_(random) {}
  // Forgets the values of the run before.
  void next_run() { drawn_.clear(); }
  double operator()(const Figure& figure) { return draw(figure.name, figure.low, figure.value, figure.high); }
  double draw(const std::string& name, double low, double mode, double high) {
    const auto found = drawn_.find(name);
    if (found != drawn_.end()) return found->second;
    return drawn_.emplace(name, random_.triangular(low, mode, high)).first->second;
  }

 private:
  Random& random_;
  std::map<std::string, double> drawn_;
};

}  // namespace hadal::plan
