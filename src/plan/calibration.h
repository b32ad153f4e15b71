// Constants that no first principle gives: each is the median of what published facts say of it, and a fact is asked
// with the median of the others, so that its error is what the next chip's would be (measurements/calibration.yaml).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "plan/facts.h"

namespace hadal::plan {

// What a fact says of a constant: the factor on the figures of the data files that would make the fact exact.
struct Vote {
  std::string from, subject, source;  // names of the fact, of the chip it is about, of its source
  std::string voice;                  // whose word it is, by what `independent` of the constant says
  double factor = 1;
};

// What speaks once on a constant: every fact; a publisher, where authors estimate it; a maker, where it is how that
// maker designs.
enum class Independent { kFacts, kPublishers, kMakers };

struct Constant {
  std::string name;
  Figure figure;                     // as its file has it; the first of them
  std::vector<std::string> figures;  // names in the ledger: all take the same factor
  Independent independent = Independent::kFacts;
  std::vector<Vote> votes;
  // Of what the voices say, each of them the median of its facts, as factors on the figures; of no vote: 0.
  double median(const std::function<bool(const Vote&)>& counts = [](const Vote&) { return true; }) const;
  size_t voices() const;
  double lowest() const, highest() const;
};

// Who asks: what comes from the same fact, is about the same chip or has the same voice is left out.
struct Asker {
  std::string fact, subject, source, maker;
};

class Calibration {
 public:
  // Reads the constants; their figures must be among `known`.
  Calibration(const std::string& path, const std::vector<Figure>& known, Sources sources);

  bool has(const std::string& name) const;
  std::vector<std::string> names() const;
  // Adds what `fact` says of `constant`: `ratio` is what the model says over what is published, with some figures
  // adjusted. Refuses a fact that does not depend on the constant, and one without a maker where makers speak.
  void vote(const std::string& constant, const Asker& fact, const std::string& where,
            const std::function<double(const Adjustments&)>& ratio);
  // Every constant at the median of the votes that are not the asker's.
  Adjustments without(const Asker& asker) const;
  const std::vector<Constant>& constants() const { return constants_; }

 private:
  Constant& find(const std::string& name);
  std::string voice(const Constant& c, const Asker& fact) const;

  std::string file_;
  std::vector<Constant> constants_;
  Sources sources_;
};

// x with ratio(x) = 1 for a monotone ratio, between 1/8 and 8; the nearer end where there is none. 0 where ratio does
// not change at all.
double factor_for_one(const std::function<double(double)>& ratio);

}  // namespace hadal::plan
