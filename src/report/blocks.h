// What the blocks of a die are for, in a sentence each.
#pragma once

#include <string_view>

namespace hadal::report {

// By the name of a part of plan::ChipArea; empty for one that is not described.
std::string_view what_it_does(std::string_view part);

}  // namespace hadal::report
