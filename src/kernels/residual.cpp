// The residual, and how it comes normalised to the matrix units of all cores.
//
// With few rows every core keeps the residual of all of them and repeats the normalisation: that takes no exchange.
// With many, a row is kept by its owner, who adds to it, normalises it once and sends its digits to all: an exchange
// more, but the vector units do a row each instead of all rows each, and results go to one core instead of all.
#include "kernels/emitter.h"

namespace hadal::kernels {
namespace {

using isa::Alu;
using isa::Bc;

uint32_t lines_of(int64_t words) { return static_cast<uint32_t>((words + 15) / 16); }

}  // namespace

Vt Emitter::own_x(size_t i) const {
  const auto row = by_owner ? i : static_cast<size_t>(own_rows[i]);
  return Vt{x + static_cast<uint32_t>(row) * lines_of(c.hidden_size)};
}

void Emitter::send_to_residual(Loc buffer, uint32_t first_line, Loc source, uint32_t lines, uint32_t source_stride) {
  const uint32_t row_lines = lines_of(c.hidden_size);
  if (!by_owner) {
    send(all_cores(), buffer, row_lines, first_line, source, lines, rows, source_stride);
    return;
  }
  for (int r = 0; r < rows; ++r) {
    send(Cores{1} << r % p.cores, buffer, 0, static_cast<uint32_t>(r / p.cores) * row_lines + first_line,
         source + static_cast<uint32_t>(r) * source_stride, lines, 1, 0);
  }
}

void Emitter::add_residual(Loc buffer) {
  const uint32_t stride = lines_of(c.hidden_size);
  const int kept = by_owner ? static_cast<int>(own_rows.size()) : rows;
  exchange(isa::Unit::kVx, {}, {{Space::kSpm, buffer.line, static_cast<uint32_t>(kept) * stride, true}});
  if (kept == 0) return;
  by_columns(static_cast<int>(c.hidden_size), [&](int first, int count) {
    const auto at = static_cast<uint32_t>(first) / 16;
    const Vt sum{x + at, 0, stride};
    b.alu(Alu::kAdd, sum, sum, Vt{buffer + at, 0, stride}, Bc::kNone, kept, count);
  });
}

void Emitter::share_normal(uint64_t norm, int digits, bool with_values) {
  if (!by_owner) return;
  const auto columns = static_cast<int>(c.hidden_size), groups = (columns + 127) / 128;
  const auto lines = lines_of(columns), scale_lines = lines_of(groups), m = static_cast<uint32_t>(rows);
  const auto plane = static_cast<uint32_t>(groups) * m * 2;
  for (size_t i = 0; i < own_rows.size(); ++i) {
    const Builder::Mark mark = b.mark();
    const auto row = static_cast<uint32_t>(own_rows[i]);
    const Vt values{b.spm(lines)};
    rms_norm(values, own_x(i), norm, kInvHidden, 1, columns);
    const Activations a = quantise(values, 1, columns, digits);
    for (uint32_t digit = 0; digit < static_cast<uint32_t>(digits); ++digit) {
      send(all_cores(), normal_digits, m * 2, digit * plane + row * 2, a.d + digit * a.low, 2, groups, 2);
    }
    send(all_cores(), normal_scales, 0, row * scale_lines, Loc{a.scale_word / 16}, scale_lines, 1, 0);
    if (with_values) send(all_cores(), xn, 0, row * lines, values.at, lines, 1, 0);
    b.release(mark);
  }
  std::vector<Access> sent{{Space::kSpm, normal_digits.line, plane * static_cast<uint32_t>(digits), true},
                           {Space::kSpm, normal_scales.line, m * scale_lines, true}};
  if (with_values) sent.push_back({Space::kSpm, xn.line, m * lines, true});
  exchange(isa::Unit::kVx, {}, std::move(sent));
}

void Emitter::normalise(uint64_t norm) {
  if (!by_owner) rms_norm(Vt{xn}, Vt{x}, norm, kInvHidden, rows, static_cast<int>(c.hidden_size));
}

Activations Emitter::normal(int digits) {
  const auto columns = static_cast<int>(c.hidden_size), groups = (columns + 127) / 128;
  if (!by_owner) return quantise(Vt{xn}, rows, columns, digits);
  // Owners send the scales of a row; the matrix unit wants those of a group.
  const uint32_t scale_lines = lines_of(rows);
  const Vt scales{b.spm(static_cast<uint32_t>(groups) * scale_lines)};
  b.prm(isa::Prm::kTranspose, scales, Vt{normal_scales}, rows, groups);
  Activations out;
  out.d = normal_digits;
  out.low = static_cast<uint32_t>(groups * rows * 2);
  out.scale_word = scales.at.line * 16;
  out.rows = rows;
  out.groups = groups;
  out.digits = digits;
  out.scale_group = scale_lines * 16;
  return out;
}

}  // namespace hadal::kernels
