// Tasks in progress from one event to the next: a task ends, or another can begin.
#include "plan/team.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace hadal::plan {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kDone = 1e-9;  // months left that are nothing

enum class State { kWaiting, kRunning, kEnded };

}  // namespace

Dates paced(const std::vector<Task>& tasks, double software_people, double team) {
  check(team > 0, "a team has people");
  const size_t n = tasks.size();
  Dates d;
  d.start.assign(n, 0);
  d.end.assign(n, 0);
  std::vector<State> state(n, State::kWaiting);
  std::vector<double> left;
  for (const Task& t : tasks) left.push_back(t.months);
  double now = 0;
  for (size_t ended = 0; ended < n;) {
    const auto pace_of = [&](size_t i, double pace) { return tasks[i].waits ? 1 : pace; };
    // Months until a task may begin, at a pace: until its predecessors have no more left than they overlap, or have
    // ended for as long as it lags. kNever while one of them has not come so far.
    const auto until = [&](size_t i, double pace) {
      const double lag = tasks[i].lag_months, overlap = std::max(0.0, -lag);
      double most = 0;
      for (size_t j : tasks[i].after) {
        if (state[j] == State::kWaiting || (lag > 0 && state[j] != State::kEnded)) return kNever;
        most = std::max(most, lag > 0 ? d.end[j] + lag - now : (left[j] - overlap) / pace_of(j, pace));
      }
      return most;
    };
    for (size_t i = 0; i < n; ++i) {
      if (state[i] != State::kWaiting) continue;
      if (until(i, 1) > kDone) continue;
      state[i] = State::kRunning;
      d.start[i] = now;
    }
    double asked = software_people;
    for (size_t i = 0; i < n; ++i) asked += state[i] == State::kRunning ? tasks[i].people : 0;
    const double pace = asked > team ? team / asked : 1;
    double step = kNever;
    for (size_t i = 0; i < n; ++i) {
      if (state[i] == State::kRunning) step = std::min(step, left[i] / pace_of(i, pace));
      if (state[i] == State::kWaiting) step = std::min(step, until(i, pace));
    }
    check(step < kNever, "tasks wait for each other");
    now += step;
    d.software_months += pace * step;
    for (size_t i = 0; i < n; ++i) {
      if (state[i] != State::kRunning) continue;
      left[i] -= pace_of(i, pace) * step;
      if (left[i] > kDone) continue;
      left[i] = 0;
      state[i] = State::kEnded;
      d.end[i] = now;
      ++ended;
    }
  }
  return d;
}

}  // namespace hadal::plan
