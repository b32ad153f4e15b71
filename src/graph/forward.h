// What one device does in a forward step of any model the project knows, under a parallel plan: the tasks in order,
// each with the sizes that decide its time on any chip. Tasks of layers that are alike stand once, with how often they
// happen.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "model/architecture.h"

namespace hadal::graph {

enum class Format : uint8_t { kBf16, kFp8, kInt8, kFp4 };
double format_bytes(Format format);

// `groups` products [m, k] x [k, n]. Row counts are means and may be fractions.
struct GemmTask {
  double m = 0;
  int64_t n = 0, k = 0;
  double groups = 1;
  Format activation = Format::kBf16, weight = Format::kBf16;
  double output_bytes = 2;           // an element of the result
  bool block_scaled = false;         // a scale for every 128 of k, applied outside the matrix unit
  std::vector<double> group_rows{};  // rows of each group where they differ; empty: m each
};

// `sequences` x `queries` rows that attend to `keys` cached tokens each (the mean, where causal masking cuts it).
struct AttentionTask {
  double sequences = 0, queries = 0, keys = 0;
  int64_t heads = 0, kv_heads = 0;  // on this device
  int64_t qk_dim = 0, v_dim = 0;
  bool shared_value = false;  // values are part of the keys: one read serves both (MLA, latent)
  bool expanded = false;      // keys and values come from activations, as in prefill, in tiles of many queries
  double kv_token_bytes = 0;  // cache bytes a token and kv head, keys and values
  bool dequantise = false;    // cache elements become BF16 on vector units first
  bool gathered = false;      // each query reads keys of its own (sparse attention)
};

// Index of sparse attention: rows x keys x heads dot products of dim, weighted sum over heads, then the top of them.
struct IndexTask {
  double rows = 0, keys = 0, sequences = 0;
  int64_t heads = 0, dim = 0;
};

struct VectorTask {
  double read_bytes = 0, written_bytes = 0, operations = 0, specials = 0;
  double rows = 0, rounds = 0;  // rows that each go through `rounds` reductions, one after the other (top-k)
  double placed = 0;            // rows whose place depends on all rows before them (sorting rows by expert)
  bool inside = false;          // work of a kernel that is counted elsewhere: no start of its own
  bool pieces = false;          // touches short pieces of longer rows (the rotary part of every head)
};

enum class ExchangeKind : uint8_t { kDispatch, kCombine, kAllReduce, kAllGather, kReduceScatter, kAllToAll, kTransfer };

struct ExchangeTask {
  ExchangeKind kind{};
  double tokens = 0;                    // of this device
  double token_bytes = 0;               // a copy of a token on the wire
  int64_t choices = 1;                  // experts a token goes to
  int64_t groups = 1, group_limit = 1;  // expert groups, and how many of them a token may choose from
  int64_t devices = 1;                  // that take part
  double hot = 1;                       // load of the fullest receiver over the mean
  double cores = 0;                     // that move the data of throughput kernels; 0: enough
  bool bulk = false;  // throughput kernels: one copy a node, forwarded inside it; else one copy an expert
};

enum class Part : uint8_t { kAttention, kFeedForward, kOutside };

struct Task {
  std::string name;  // e.g. "q_up"
  Part part{};
  double repeat = 1;  // how often a step does it
  std::variant<GemmTask, AttentionTask, IndexTask, VectorTask, ExchangeTask> work;
};

// How a model is spread over devices. tp x dp devices hold attention, ep of them the experts; pp stages of layers.
struct ParallelPlan {
  int64_t tp = 1, dp = 1, ep = 1, pp = 1;
  bool sequence_parallel = false;  // activations outside the TP products are split too
  int64_t redundant_experts = 0;   // copies of hot experts, over all devices
  bool tp_shared_expert = false;
  // Prefill of MLA in stages: products of a device's own rows before and after attention, and between them some heads
  // of all rows of so many devices; latents are gathered, and results of the heads exchanged.
  int64_t heads_over = 1;
  int64_t devices() const { return tp * dp * pp; }
};

struct StepShape {
  bool prefill = false;
  double sequences = 1;  // on one data-parallel group
  double queries = 1;    // new tokens of each in this step
  double context = 0;    // tokens before and with the step's last one
  double cached = 0;     // of them, not computed in this step (prefix cache or earlier chunks); decode: all
  Format matrix = Format::kFp8, expert = Format::kFp8, cache = Format::kBf16;
  // Quantising, writing the cache and finding places of rows are kernels of their own, as in stacks of library kernels;
  // else other kernels do them, or there is no need.
  bool library_kernels = false;
  bool shared_expert_on_rank = true;  // every device computes the shared expert for its own tokens
  double mean_share = 1;              // tokens of a mean device over this one's
  double expert_rows_factor = 1;      // load of the fullest device over the mean
  double exchange_cores = 0;          // that throughput exchanges occupy
  std::vector<double> expert_rows{};  // rows of each expert of the fullest device; empty: even
};

// Experts a device holds and how many of them see at least one of `assignments` random choices among all experts.
double experts_per_device(const model::Architecture& a, const ParallelPlan& plan);
// Probability that an expert with a mean of `rows` rows has any.
double active(double rows);
double active_experts(double experts_here, double experts_all, double assignments);

std::vector<Task> forward(const model::Architecture& a, const ParallelPlan& plan, const StepShape& step);

// Multiply-accumulates of a task.
double macs(const Task& task);

}  // namespace hadal::graph
