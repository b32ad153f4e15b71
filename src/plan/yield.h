// Dies per wafer and yield: the four classic models, and harvesting of cores.
#pragma once

#include <string>
#include <string_view>

namespace hadal::plan {

enum class YieldModel { kPoisson, kMurphy, kSeeds, kNegativeBinomial };
// "poisson", "murphy", "seeds", "negative-binomial"; `where` heads the input error.
YieldModel parse_yield_model(std::string_view name, const std::string& where);
std::string_view name_of(YieldModel model);

// Share of dies of `area_mm2` without a defect, `d0` defects a cm2; alpha counts for the negative binomial alone.
// With x = area x d0: Poisson exp(-x); Murphy ((1 - exp(-x)) / x)^2; Seeds 1 / (1 + x); NB (1 + x / alpha)^-alpha.
double defect_free(YieldModel model, double area_mm2, double d0, double alpha);

// Whole dies on a round wafer: pi (d/2)^2 / A - pi d / sqrt(2 A), never below 0.
double dies_per_wafer(double area_mm2, double diameter_mm);

// The same for large rectangles, where the formula fails: those of one regular grid that lie within the wafer less
// `edge_mm` at its rim, for the better of both orientations and the best of a set of offsets.
int rectangles_per_wafer(double width_mm, double height_mm, double diameter_mm, double edge_mm);

// A die of `cores` equal parts of `core_mm2` and the rest, of which `spare` cores may be bad. Defects cluster by die,
// as the negative binomial has them: the density of a die is gamma distributed with mean d0 and shape alpha; given
// it, parts fail independently. Poisson is the limit without clustering; Murphy and Seeds have mixtures of
// their own.
struct HarvestedDie {
  double area_mm2 = 0, core_mm2 = 0;
  int cores = 0, spare = 0;
  double empty_mm2 = 0;  // of the area: nothing there that a defect could break
  double height_mm = 0;  // the side along which memory stands; 0: as square as its stacks allow
};
// In closed form: over sets of m cores that are good together, each a plain die. Where the terms would cancel (many
// spares of many cores) by quadrature instead; within 1e-9 of itself either way.
double harvested_yield(YieldModel model, const HarvestedDie& die, double d0, double alpha);
// The same by numerical integration over the mixture of densities.
double harvested_yield_by_quadrature(YieldModel model, const HarvestedDie& die, double d0, double alpha);

}  // namespace hadal::plan
