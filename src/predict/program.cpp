// Cycles of the operators of a step on a chip that runs our programs. Each is a chain that every core walks through
// (normalise, quantise, multiply, exchange at the hub) and, beyond it, weights that stream through a core's port and
// rows that arrive from the other cores. The lengths of chains were measured on the timing simulator, with hadal-tiny
// at one row and at 16; how they grow with heads and rows, with seven random models of 384 to 1,024 columns and 4 to 16
// heads (docs/predict.md). Everything else follows from the shapes and the chip.
#include <algorithm>
#include <cmath>

#include "graph/graph.h"
#include "kernels/spread.h"
#include "predict/cross_layer.h"

namespace hadal::predict {
namespace {

using graph::Kind;

constexpr double kTileColumns = 32;

// One operator of one layer with hadal-tiny on hadal-1, without its streams: cycles at one row and an empty context,
// and how many times a row's results over a port of the network each further row takes.
struct Chain {
  Kind kind;
  double cycles, row;
};

constexpr Chain kChains[] = {{Kind::kEmbed, 392, 1.48},   {Kind::kQkvDown, 535, 0.47}, {Kind::kKvWrite, 0, 0},
                             {Kind::kQUp, 283, 0.69},     {Kind::kQAbsorb, 777, 0},    {Kind::kAttention, 1432, 0},
                             {Kind::kVUp, 872, 0.73},     {Kind::kOutput, 572, 0.04},  {Kind::kMlpUp, 797, 0.24},
                             {Kind::kMlpDown, 384, 0.58}, {Kind::kRouter, 2111, 0},    {Kind::kExperts, 1231, 1.11},
                             {Kind::kCombine, 856, 1.45}, {Kind::kLmHead, 807, 0}};

constexpr double kNormPasses = 8;      // of the vector unit over a row: square, sum, scale, weigh, quantise
constexpr double kExchange = 450;      // from the last core's post to all cores' go
constexpr double kSharedMemory = 0.8;  // of its rate, when all cores fetch at once
constexpr double kTileTokens = 128;
// A pass over one tile of cached tokens: its fixed part, and what every head adds in vector passes.
constexpr double kTileCycles = 1570, kHeadCycles = 100;
constexpr double kCacheRows = 450;    // several cores write rows of the cache beside q_up, and come to its end late
constexpr double kLatentBlock = 8.5;  // of 128 latents of a row, fetched and quantised for v_up
constexpr double kEmbedColumn = 1.7;  // of a row of the embedding, which comes from memory to one core
constexpr double kGroups = 627;       // choosing groups of experts before experts
// With owners, results go to one core instead of all, and a row's experts are added up where it lives.
constexpr double kOwnerOutput = -150, kOwnerCombine = 310;

// Cycles that weights of `columns` x `k` take, spread by tiles of 32 columns: the core with most of them over its port,
// or all of them from memory.
double stream(const chip::Chip& chip, double columns, double k, double bytes_each) {
  const double tiles = std::ceil(columns / kTileColumns), most = std::ceil(tiles / chip.cores);
  const double port = most * kTileColumns * k * bytes_each / chip.dma.bytes_per_cycle;
  const double per_cycle =
      chip.dram.channels * chip.dram.channel_bytes_per_s / chip.clock_hz * (1 - chip.dram.t_rfc_s / chip.dram.t_refi_s);
  return std::max(port, columns * k * bytes_each / per_cycle) / kSharedMemory;
}

double cycles_of(const graph::Operator& op, const model::Config& c, const chip::Chip& chip, int rows, int64_t context) {
  const auto chain =
      std::find_if(std::begin(kChains), std::end(kChains), [&](const Chain& x) { return x.kind == op.kind; });
  const double n = double(op.n), k = double(op.k), hidden = double(c.hidden_size),
               inter = double(c.moe_intermediate_size);
  const double shared = inter * double(c.n_shared_experts);
  double columns = n * double(op.count), streamed = 0, normalised = 0;
  switch (op.kind) {
    case Kind::kEmbed:
      columns = hidden;
      streamed = hidden * kEmbedColumn;
      break;
    case Kind::kQUp:  // every core that holds columns sends a message to all
      streamed = stream(chip, columns, k, 1) +
                 std::min(std::ceil(columns / kTileColumns), double(chip.cores)) * chip.noc.setup_cycles;
      normalised = k;
      break;
    case Kind::kKvWrite: columns = double(c.kv_lora_rank + c.qk_rope_head_dim); break;
    case Kind::kAttention: {
      // A core takes rows, or groups of their heads, one after the other; a tile takes its vector passes or as long as
      // it comes in through the port.
      const bool latent = c.attention == model::Attention::kLatent;
      const double groups = latent ? kernels::latent_head_groups(c, chip, rows, int(kTileTokens)) : 1;
      const double turns = std::ceil(rows * groups / chip.cores), tiles = std::ceil(double(context) / kTileTokens);
      const double arrives = kTileTokens * (double(c.kv_lora_rank) + 192) / chip.dma.bytes_per_cycle;
      const double passes = kTileCycles + kHeadCycles * double(c.num_attention_heads) / groups;
      return chain->cycles + turns * tiles * std::max(passes, latent ? arrives / kSharedMemory : 0);
    }
    case Kind::kRouter:  // the shared expert's weights come beside the router's
      columns = hidden;
      streamed =
          std::max(stream(chip, 2 * shared, hidden, 1), stream(chip, n, hidden, 2)) - (c.n_group > 1 ? 0 : kGroups);
      normalised = hidden;
      break;
    case Kind::kVUp: streamed = stream(chip, columns, k, 1) + (rows - 1) * k / 128 * kLatentBlock; break;
    case Kind::kExperts: {
      // Experts stay on their core, one after the other; those that nobody chose are left out.
      columns = hidden;
      if (kernels::experts_in_teams(c, chip.cores)) {  // all cores stream
        streamed = stream(chip, 3 * inter * double(c.n_routed_experts), hidden, 1);
        break;
      }
      if (kernels::experts_by_rank(c, chip.cores, int(rows))) {  // the chosen ones
        streamed = stream(chip, 3 * inter * double(c.num_experts_per_tok), hidden, 1);
        break;
      }
      const double here = std::ceil(double(c.n_routed_experts) / chip.cores);
      const double busy = double(c.n_routed_experts) *
                          (1 - std::pow(1 - double(c.num_experts_per_tok) / double(c.n_routed_experts), rows));
      const double most = std::min(here, std::ceil(busy / chip.cores));
      streamed = most * 3 * inter * hidden / chip.dma.bytes_per_cycle;
      break;
    }
    case Kind::kCombine: streamed = stream(chip, hidden, shared, 1); break;
    case Kind::kLmHead:
      streamed = stream(chip, n, k, 2);
      normalised = hidden;
      break;
    case Kind::kMlpUp:
      streamed = stream(chip, n, k, 1);
      columns = n / 2;
      normalised = hidden;
      break;
    case Kind::kQkvDown: normalised = k; [[fallthrough]];
    default: streamed = stream(chip, columns, k, 1);
  }
  const double arrival = columns * 4 / chip.noc.bytes_per_cycle, norm = kNormPasses * normalised / chip.vector.lanes;
  double arrived = (rows - 1) * chain->row * arrival;
  if (op.kind == Kind::kQUp && rows > 1) arrived = std::max(arrived, kCacheRows);
  const double everywhere = chain->cycles + streamed + rows * norm + arrived;
  if (!kernels::rows_by_owner(c, chip.cores, rows)) return everywhere;
  // Owners keep the residual: what is added to it goes to one core, what is normalised comes from one, as two digits.
  const double turns = std::ceil(double(rows) / chip.cores);
  switch (op.kind) {
    case Kind::kEmbed: return chain->cycles + streamed - kExchange;
    case Kind::kOutput: return chain->cycles + streamed + kOwnerOutput;
    case Kind::kMlpDown: return chain->cycles + streamed;
    case Kind::kCombine: return chain->cycles + streamed + kOwnerCombine;
    case Kind::kQUp:
      if (c.q_lora_rank > 0) return everywhere;
      return everywhere - rows * norm;  // digits that are there already
    default: break;
  }
  if (normalised == 0) return everywhere;
  const double digits = rows * hidden * 2 / chip.noc.bytes_per_cycle;
  return everywhere - (rows - turns) * norm + kExchange + digits;
}

}  // namespace

std::string operator_name(const std::string& name, const model::Config& c) {
  const size_t dot = name.find('.');
  const std::string plain = dot == std::string::npos ? name : name.substr(dot + 1);
  return plain == "kv_write" && c.attention == model::Attention::kLatent ? "q_up" : plain;
}

std::vector<OperatorCheck> predict_program(const model::Config& config, const chip::Chip& chip, int rows,
                                           int64_t context) {
  std::vector<OperatorCheck> out;
  for (const graph::Operator& op : graph::step(config)) {
    const std::string name = operator_name(op.name, config);
    auto same = std::find_if(out.begin(), out.end(), [&](const OperatorCheck& o) { return o.name == name; });
    if (same == out.end()) same = out.insert(out.end(), {name, 0, 0});
    same->predicted_cycles += cycles_of(op, config, chip, rows, context);
  }
  return out;
}

}  // namespace hadal::predict
