// Planted faults: a copy of the RTL in which each of a list of faults can be switched on, so that one build serves all.
#pragma once

#include <string>
#include <vector>

namespace hadal::verify {

struct Mutation {
  std::string name, file, original, replacement;
};

// rtl/mutations.txt. Throws an input error with the line of what it cannot read.
std::vector<Mutation> load_mutations(const std::string& path);

// Writes the copy. Number i of the list (from 1) acts when RtlModel::mutate(i) was called. Throws an input error when
// an
// expression is not in its file exactly once.
void write_mutants(const std::string& rtl, const std::vector<Mutation>& mutations, const std::string& to);

}  // namespace hadal::verify
