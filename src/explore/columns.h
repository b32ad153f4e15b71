// The numbers of an evaluated design that are kept and sent, in the order of the store's columns.
#pragma once

#include <string_view>

#include "plan/design.h"

namespace hadal::explore {

inline constexpr double plan::Evaluation::*kColumns[] = {&plan::Evaluation::usd_per_mtoken,
                                                         &plan::Evaluation::nre_usd,
                                                         &plan::Evaluation::volume_months,
                                                         &plan::Evaluation::die_mm2,
                                                         &plan::Evaluation::tokens_per_j,
                                                         &plan::Evaluation::usd_per_mtoken_out,
                                                         &plan::Evaluation::unit_usd,
                                                         &plan::Evaluation::yield,
                                                         &plan::Evaluation::power_w,
                                                         &plan::Evaluation::tpp,
                                                         &plan::Evaluation::prefill_tokens_per_s,
                                                         &plan::Evaluation::decode_tokens_per_s};
inline constexpr std::string_view kColumnNames =
    "usd_per_mtoken, nre_usd, volume_months, die_mm2, tokens_per_j, usd_per_mtoken_out, unit_usd, yield, power_w, tpp, "
    "prefill_tokens_per_s, decode_tokens_per_s";

}  // namespace hadal::explore
