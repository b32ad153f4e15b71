// What the batching engine needs of a model on a chip: a session, or a stand-in for tests.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/session.h"

namespace hadal::serve {

// What a step took on the simulated chip; zeros where the timing simulator is off.
struct StepCost {
  uint64_t cycles = 0;
  double seconds = 0;
  double energy_j = 0;
};

class Stepper {
 public:
  virtual ~Stepper() = default;
  virtual int max_rows() const = 0;     // rows a step takes at most
  virtual int slots() const = 0;        // sequences that fit the cache
  virtual int64_t context() const = 0;  // positions a slot holds
  // As runtime::Session::step and logits.
  virtual StepCost step(std::span<const runtime::Row> rows) = 0;
  virtual std::vector<float> logits(size_t row) = 0;
};

class SessionStepper : public Stepper {
 public:
  explicit SessionStepper(runtime::Session& session) : session_(session) {}
  int max_rows() const override { return session_.max_rows(); }
  int slots() const override { return session_.sequences(); }
  int64_t context() const override { return session_.context(); }
  StepCost step(std::span<const runtime::Row> rows) override;
  std::vector<float> logits(size_t row) override { return session_.logits(row); }

 private:
  runtime::Session& session_;
};

}  // namespace hadal::serve
