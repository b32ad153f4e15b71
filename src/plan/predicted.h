// Rates of a chip that does not exist yet, from the predictor of operator times, anchored to a chip that was measured.
#pragma once

#include <map>
#include <string>

#include "model/architecture.h"
#include "plan/plan.h"
#include "predict/constants.h"

namespace hadal::plan {

// For each measured point of the build's reference, the predictor is asked twice in production mode with the same plan:
// for the reference, and for the build. The rate is the measured one times the ratio of the two, so that what the
// predictor gets wrong for both cancels; the range spans that figure and the predictor's own, with the links of the
// chip at both ends of their assumed range. Decode takes the largest batch within the workload's limit.
class PredictedRates : public BuildRates {
 public:
  // `model_file`: config.json of the workload's model; `constants_file`: measurements/constants.yaml.
  PredictedRates(Facts& facts, const std::string& model_file, const std::string& constants_file);
  std::vector<ServingPoint> points(const Build& build, double clock_hz, const Workload& workload) const override;

  // The same for many chips: what the predictor says of the reference is asked once, and ranges are left out. Points of
  // chips whose `chip` was altered after it was read; safe to call from several threads.
  class Series {
   public:
    Series(const PredictedRates& rates, const Hardware& reference, const Workload& workload);
    std::vector<ServingPoint> points(const Build& build, double clock_hz) const;

   private:
    struct Asked {
      ServingPoint measured;
      double predicted = 0;
    };
    const PredictedRates& rates_;
    Workload workload_;
    std::vector<Asked> asked_;
  };

 private:
  Facts& facts_;
  model::Architecture model_;
  predict::Constants constants_;
};

}  // namespace hadal::plan
