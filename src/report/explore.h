// An exploration as JSON: single designs, and a whole store with its points in columns.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "explore/store.h"
#include "plan/design.h"

namespace hadal::report {

nlohmann::ordered_json to_json(const plan::Design& design, const plan::Evaluation& evaluation);

// What a store must say about its points for a report: the scenario, the axes of the space in the order in which an id
// counts through them (the first turns fastest), and what the figures are.
// `argument` is how the command line names the scenario, `space_argument` the space (empty: the scenario's own): with
// them, a point can be asked for again.
nlohmann::ordered_json description(const plan::Scenario& scenario, const plan::DesignSpace& space,
                                   const std::string& argument, const std::string& space_argument);

// Points of a described store, possible ones only, as columns in base64: `u8`, `u16` index a list of values, `f32` and
// `f64` are the values, all little-endian. Exact but for `f32`, which has seven digits; `front` marks what no other
// point beats.
nlohmann::ordered_json to_json(const explore::Store& store, const std::string& file);

}  // namespace hadal::report
