// One core's program of a step while it is being emitted: its buffers, and the pieces kernels share.
#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <vector>

#include "kernels/builder.h"
#include "kernels/plan.h"
#include "kernels/spread.h"

namespace hadal::kernels {

// Registers with a fixed use.
inline constexpr int kMaskRegister = 15;  // all cores
inline constexpr int kHubRegister = 14;   // the hub

// Cores, a bit each.
using Cores = uint64_t;

// What the fields of an instruction hold: lines from row to row in DRAM and in local memory, columns of a vector tile.
inline constexpr uint32_t kMaxDramStride = 4095, kMaxLocalStride = 1023;
inline constexpr uint32_t kMaxGatherLines = 255;  // of a row that LDG fetches
inline constexpr int kMaxColumns = 4095, kColumnsAPart = 2048;

// Calls f(first, count) for parts of `cols` columns that one vector instruction takes, whole lines and groups each.
template <typename F>
void by_columns(int cols, F f) {
  const int part = cols <= kMaxColumns ? cols : kColumnsAPart;
  for (int first = 0; first < cols; first += part) f(first, std::min(part, cols - first));
}

// Rows quantised for the matrix unit: digits [group][row][128 bytes], scales [group][row].
struct Activations {
  Loc d;
  uint32_t low = 0;  // lines from the high to the low digits
  uint32_t scale_word = 0;
  int rows = 0, groups = 0, digits = 1;
  uint32_t scale_group = 0;  // words from group to group; 0: as many as rows
};

struct Emitter {
  Emitter(const Plan& plan, int core);

  const Plan& p;
  const model::Config& c;
  Builder b;
  const int core, rows;
  const bool by_owner;           // the residual of a row is kept by its owner only (residual.cpp)
  std::vector<int> own_rows;     // rows this core embeds and routes, and whose latents it writes
  std::vector<int> record_rows;  // rows whose record and rotation it holds: its own first
  // Attention that this core handles: a key head of a row, or a group of heads over the latents.
  struct HeadRow {
    int record = 0, head = 0;  // index into record_rows; key head or group
  };
  std::vector<HeadRow> own_heads;
  int head_groups = 1;  // latent attention: groups that the heads of a row are split into

  // Buffers every core has at the same place, because other cores send into them. [rows][columns] FP32.
  Loc qkv, q, value, delta, ffn, hidden, logits, expert_weight, expert_rank, x, team_hidden, join, xn;
  Loc normal_digits, normal_scales;
  // Where `streams`: digits and scales of the compressed queries and of attention's values.
  Loc query_digits, query_scales, value_digits, value_scales;
  uint32_t q_lines = 0;  // of q
  // Local.
  Loc constants, records, rope, minus_iota;

  Vt scalar(Constant k) const { return {constants + k / 16, k % 16}; }
  uint32_t scalar_word(Constant k) const { return constants.line * 16 + k; }

  // Exchange between cores: once `after` is done here, post to the hub; the hub posts to all when every core has; then
  // `unit` of this core may use what the others wrote (`writes`). A core posts for the next exchange only after it has
  // passed this one, so no semaphore holds tokens of two.
  void exchange(isa::Unit unit, std::vector<Access> after, std::vector<Access> writes);

  // d = x * rsqrt(mean(x^2) + eps) * weight.
  void rms_norm(Vt d, Vt x_in, uint64_t weight_line, Constant inverse, int n_rows, int cols);
  Activations reserve(int n_rows, int cols, int digits);
  void quantise_into(const Activations& out, Vt a, int cols);
  Activations quantise(Vt a, int n_rows, int cols, int digits);
  // Sends ACC or SPM rows into columns [first_line, first_line + lines) of a buffer on the cores that read it.
  void send(Cores readers, Loc buffer, uint32_t buffer_row_lines, uint32_t first_line, Loc source, uint32_t lines,
            int n_rows, uint32_t source_stride);
  Cores all_cores() const { return (Cores{1} << p.cores) - 1; }
  // Those with a share of `tiles` tiles; those that handle attention; those that own a row.
  Cores sharers(uint32_t tiles) const;
  Cores head_cores() const;
  Cores row_cores() const;

  // The row of the embedding whose number stands at `token`, in BF16.
  void fetch_embedding(Loc d, Loc token);
  // `lines` lines of every row between DRAM, rows `pitch` lines apart, and local memory, rows `stride` apart.
  void load_rows(Loc d, uint32_t stride, uint64_t line, uint32_t pitch, uint32_t lines, Object object);
  void store_rows(uint64_t line, uint32_t pitch, Loc s, uint32_t stride, uint32_t lines, Object object);

  // --- the residual (residual.cpp) ---
  // Where the residual of own row number `i` lies.
  Vt own_x(size_t i) const;
  // One of the own rows, whole, to where the residual stands: where every core keeps all rows, to all. After the last
  // row end_rows_to_residual().
  void send_row_to_residual(size_t i, Loc row);
  void end_rows_to_residual();
  // Sends columns of what is to be added to the residual into `buffer` of the cores that keep it.
  void send_to_residual(Loc buffer, uint32_t first_line, Loc source, uint32_t lines, uint32_t source_stride);
  // Sends columns of every row, `row_lines` lines of a buffer each, to the row's owner.
  void send_to_owners(Loc buffer, uint32_t row_lines, uint32_t first_line, Loc source, uint32_t lines,
                      uint32_t source_stride);
  // Exchanges, then x += buffer.
  void add_residual(Loc buffer);
  // Before the residual is used normalised: where owners keep it, they send its digits to all cores, and its values
  // into xn `with_values`.
  void share_normal(uint64_t norm, int digits, bool with_values);
  // The owner of row `row` sends it to `readers` as digits [group][row] and scales [row][groups]; then, there, for the
  // matrix unit. No exchange in between.
  void share_digits(Vt values, int columns, int digits, uint32_t row, Cores readers, Loc to_digits, Loc to_scales);
  Activations shared_digits(Loc from_digits, Loc from_scales, int columns, int digits);
  // On a core that uses it, then: where no owner did, all rows into xn.
  void normalise(uint64_t norm);
  // The normalised residual for the matrix unit; at most as many digits as were shared.
  Activations normal(int digits);

  // The weight ring: 16 KiB slots (smaller on small chips) that matmuls fill ahead of use.
  Loc ring_slot(uint32_t index) const {
    return ring_ + (index % static_cast<uint32_t>(p.slots)) * static_cast<uint32_t>(p.slot_lines);
  }
  uint32_t ring_next = 0;
  // Whether the rows' buffers take much of the scratchpad: then those with a short life share lines.
  bool tight() const { return tight_; }
  // Whether not even that makes room: then queries pass through DRAM, compressed ones and values come as digits, and
  // experts gather digits (docs/kernels.md, section 2).
  bool streams() const { return streams_; }
  // With little scratchpad, or rows that fill it, a kernel without weights works in the ring's lines: release to here.
  Builder::Mark without_ring() const { return p.small || tight_ ? below_ring_ : b.mark(); }

 private:
  // Pieces that the attention of a row is split into.
  int attention_heads() const {
    return c.attention == model::Attention::kLatent ? head_groups : static_cast<int>(c.num_key_value_heads);
  }
  int core_of_head(int row, int head, int heads) const;
  void assign_heads(int heads);
  void stream_buffers(uint32_t qkv_lines, uint32_t hidden_lines, uint32_t team_lines);

  bool tight_ = false, streams_ = false, shares_ = false;
  Builder::Mark below_ring_;
  Loc ring_;
};

// acc[rows][tiles*32] = A * W[:, tiles first..last): loads weight pieces ahead, accumulates over k.
class Matmul {
 public:
  Matmul(Emitter& e, const PanelMatrix& w, Share tiles, int m);
  // Of a matrix that lies as far from the line in register `base` as `w` from line `anchor`: which it is, only a run
  // knows.
  Matmul(Emitter& e, const PanelMatrix& w, Share tiles, int m, int base, uint64_t anchor);
  // Starts loading the first pieces; call before waiting for the activations.
  void prefetch();
  // `out(acc, first_tile, tiles)` consumes each finished chunk of columns; acc rows are tiles*2 lines apart.
  using Out = std::function<void(Loc acc, uint32_t first_tile, uint32_t tiles)>;
  void run(const Activations& a, const Out& out);

 private:
  struct Piece {
    uint32_t tile, tiles, group, groups;
    bool first, last;  // of its chunk
    uint32_t chunk_tile, chunk_tiles;
  };
  void load(const Piece& piece, uint32_t index);
  isa::Dram at(uint64_t line);

  Emitter& e_;
  const PanelMatrix& w_;
  Share tiles_;
  int m_;
  int base_register_ = 0;  // 0: none
  uint64_t anchor_ = 0;
  Loc scales_;
  uint32_t chunk_tiles_ = 0;
  std::vector<Piece> pieces_;
  uint32_t loaded_ = 0, base_ = 0;
};

// One file an operator.
void emit_embed(Emitter& e);
void emit_qkv_down(Emitter& e, const LayerWeights& w);
void emit_qkv(Emitter& e, const LayerWeights& w);
void emit_latent_kv_write(Emitter& e, const LayerWeights& w, int layer);
void emit_grouped_kv_write(Emitter& e, const LayerWeights& w, int layer);
void emit_q_up(Emitter& e, const LayerWeights& w);
void emit_q_absorb(Emitter& e, const LayerWeights& w);
void emit_latent_attention(Emitter& e, int layer);
void emit_grouped_attention(Emitter& e, const LayerWeights& w, int layer);
void emit_value_up(Emitter& e, const LayerWeights& w);
void emit_output(Emitter& e, const LayerWeights& w);
void emit_mlp_up(Emitter& e, const LayerWeights& w, uint64_t norm);
void emit_mlp_down(Emitter& e, const LayerWeights& w);
void emit_router(Emitter& e, const LayerWeights& w);
void emit_experts(Emitter& e, const LayerWeights& w);
bool works_on_experts(const Emitter& e);  // whether this core has a part in any
void emit_combine(Emitter& e, const LayerWeights& w);
void emit_lm_head(Emitter& e, uint64_t norm, const PanelMatrix& w);
void emit_keep_hidden(Emitter& e);
void emit_draft_join(Emitter& e, const LayerWeights& w);
void emit_receive(Emitter& e);
void emit_pass_on(Emitter& e);

// SwiGLU of interleaved (gate, up) tile pairs in acc: rows x pairs, each 32 + 32 columns; result dense FP32.
void emit_swiglu(Emitter& e, Loc result, Loc acc, int rows, uint32_t pairs);

}  // namespace hadal::kernels
