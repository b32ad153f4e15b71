// When the tasks of a programme begin and end, with a team that may be smaller than the work of the moment.
#pragma once

#include <cstddef>
#include <vector>

namespace hadal::plan {

struct Task {
  std::vector<size_t> after;  // indices of earlier tasks
  double lag_months = 0;      // from the end of the last of them; negative: overlap
  double months = 0;          // with all the people it asks for
  double people = 0;
  bool waits = false;  // takes its months whatever the team is: wafers in a line
};

struct Dates {
  std::vector<double> start, end;  // months
  double software_months = 0;      // that software people who are all there would have taken for what they did
};

// Everybody works: where the tasks of the moment and software ask for more people than `team`, all of them slow down
// alike. What a task takes in person-months stays as it is, and no task takes less than its months.
Dates paced(const std::vector<Task>& tasks, double software_people, double team);

}  // namespace hadal::plan
