// How the work of wide models is spread over cores: rules that kernels follow and predictions know.
#pragma once

#include "chip/chip.h"
#include "model/model.h"

namespace hadal::kernels {

// Few and large experts: a team of cores works on each. Otherwise experts stay whole.
bool experts_in_teams(const model::Config& config, int cores);

// Many experts of at least `from` weights and one row: a team of cores for each that the row
// chose, whichever it is, instead of the few cores that the chosen ones would belong to.
inline constexpr int64_t kLargeExpert = 2 << 20;
bool experts_by_rank(const model::Config& config, int cores, int rows, int64_t from = kLargeExpert);

// Whether the owner of a row keeps its residual and normalises it for all (residual.cpp): not worth its exchange below
// `from` elements of the residual.
inline constexpr int64_t kOwnersFrom = 8192;
bool rows_by_owner(const model::Config& config, int cores, int rows, int64_t from = kOwnersFrom);

// Whether the rows of a model with latent attention take so much of the scratchpad, kept whole on every core, that they
// go the long way instead: queries through DRAM, compressed ones and values as digits (docs/kernels.md, section 2).
bool rows_stream(const model::Config& config, const chip::Chip& chip, int rows, int64_t owners_from = kOwnersFrom);

// Groups that the heads of a row are split into, each on another core. All heads share the latents, so a core takes all
// of them, unless their results need more accumulators than it has, or cores would be idle: then each group reads the
// latents again.
int latent_head_groups(const model::Config& config, const chip::Chip& chip, int rows, int kv_tile);

}  // namespace hadal::kernels
