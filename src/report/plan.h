// A plan as text for people and as JSON for scripts.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "plan/cases.h"
#include "plan/plan.h"

namespace hadal::report {

// `with_inputs` adds the table of every figure the plan rests on.
std::string to_text(const plan::Plan& plan, const plan::Ledger& ledger, bool with_inputs);
nlohmann::ordered_json to_json(const plan::Plan& plan, const plan::Ledger& ledger);

// Published facts against the models.
std::string to_text(const plan::PublishedCases& cases);
nlohmann::ordered_json to_json(const plan::PublishedCases& cases);

// Every figure of a ledger: value, range, source, confidence, place.
std::string inputs_text(const plan::Ledger& ledger);

// USD with three significant digits: 1.23 M, 12.3 k, 0.123.
std::string usd(double value);

}  // namespace hadal::report
