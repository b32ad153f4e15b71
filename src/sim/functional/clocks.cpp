// The one loop over vector clocks that is worth wider instructions.
#include "sim/functional/clocks.h"

namespace hadal::sim {

// Sanitizers cannot run the resolver that picks a clone.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
__attribute__((target_clones("avx2", "default")))
#endif
void join_times(Times& mine, const Times& theirs) {
  for (size_t i = 0; i < mine.size(); ++i) mine[i] = mine[i] > theirs[i] ? mine[i] : theirs[i];
}

}  // namespace hadal::sim
