// How the work of wide models is spread over cores: rules that kernels follow and predictions know.
#pragma once

#include "chip/chip.h"
#include "model/model.h"

namespace hadal::kernels {

// Few and large experts: a team of cores works on each. Otherwise experts stay whole.
bool experts_in_teams(const model::Config& config, int cores);

// Groups that the heads of a row are split into, each on another core. All heads share the latents, so a core takes all
// of them, unless their results need more accumulators than it has, or cores would be idle: then each group reads the
// latents again.
int latent_head_groups(const model::Config& config, const chip::Chip& chip, int rows, int kv_tile);

}  // namespace hadal::kernels
