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

}  // namespace

Vt Emitter::own_x(size_t i) const {
  const auto row = by_owner ? i : static_cast<size_t>(own_rows[i]);
  return Vt{x + static_cast<uint32_t>(row) * lines_of(c.hidden_size)};
}

void Emitter::send_row_to_residual(size_t i, Loc row) {
  if (by_owner) return;  // it stands where it belongs
  const uint32_t lines = lines_of(c.hidden_size);
  send(all_cores(), x, 0, static_cast<uint32_t>(own_rows[i]) * lines, row, lines, 1, 0);
}

void Emitter::end_rows_to_residual() {
  if (by_owner) return;
  exchange(isa::Unit::kVx, {}, {{Space::kSpm, x.line, static_cast<uint32_t>(rows) * lines_of(c.hidden_size), true}});
}

void Emitter::send_to_residual(Loc buffer, uint32_t first_line, Loc source, uint32_t lines, uint32_t source_stride) {
  const uint32_t row_lines = lines_of(c.hidden_size);
  if (!by_owner) {
    send(all_cores(), buffer, row_lines, first_line, source, lines, rows, source_stride);
    return;
  }
  send_to_owners(buffer, row_lines, first_line, source, lines, source_stride);
}

void Emitter::send_to_owners(Loc buffer, uint32_t row_lines, uint32_t first_line, Loc source, uint32_t lines,
                             uint32_t source_stride) {
  for (int r = 0; r < rows; ++r) {
    send(Cores{1} << r % p.cores, buffer, 0, static_cast<uint32_t>(r / p.cores) * row_lines + first_line,
         source + static_cast<uint32_t>(r) * source_stride, lines, 1, 0);
  }
}

void Emitter::share_digits(Vt values, int columns, int digits, uint32_t row, Cores readers, Loc to_digits,
                           Loc to_scales) {
  const int groups = (columns + 127) / 128;
  const auto m = static_cast<uint32_t>(rows), plane = static_cast<uint32_t>(groups) * m * 2;
  const uint32_t scale_lines = lines_of(groups);
  const Activations a = reserve(1, columns, digits);
  // Whole lines of scales are sent.
  if (streams_ && groups % 16 != 0) b.fill(Vt{Loc{a.scale_word / 16}}, 0.0f, 1, static_cast<int>(scale_lines) * 16);
  quantise_into(a, values, columns);
  for (uint32_t digit = 0; digit < static_cast<uint32_t>(digits); ++digit) {
    send(readers, to_digits, m * 2, digit * plane + row * 2, a.d + digit * a.low, 2, groups, 2);
  }
  send(readers, to_scales, 0, row * scale_lines, Loc{a.scale_word / 16}, scale_lines, 1, 0);
}

// Owners send the scales of a row; the matrix unit wants those of a group.
Activations Emitter::shared_digits(Loc from_digits, Loc from_scales, int columns, int digits) {
  const int groups = (columns + 127) / 128;
  const uint32_t scale_lines = lines_of(rows);
  const Vt scales{b.spm(static_cast<uint32_t>(groups) * scale_lines)};
  b.prm(isa::Prm::kTranspose, scales, Vt{from_scales}, rows, groups);
  Activations out;
  out.d = from_digits;
  out.low = static_cast<uint32_t>(groups * rows * 2);
  out.scale_word = scales.at.line * 16;
  out.rows = rows;
  out.groups = groups;
  out.digits = digits;
  out.scale_group = scale_lines * 16;
  return out;
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
  with_values = with_values && !streams_;
  const auto columns = static_cast<int>(c.hidden_size), groups = (columns + 127) / 128;
  const auto lines = lines_of(columns), scale_lines = lines_of(groups), m = static_cast<uint32_t>(rows);
  const auto plane = static_cast<uint32_t>(groups) * m * 2;
  for (size_t i = 0; i < own_rows.size(); ++i) {
    const Builder::Mark mark = b.mark();
    const auto row = static_cast<uint32_t>(own_rows[i]);
    const Vt values{b.spm(lines)};
    rms_norm(values, own_x(i), norm, kInvHidden, 1, columns);
    share_digits(values, columns, digits, row, all_cores(), normal_digits, normal_scales);
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
  const auto columns = static_cast<int>(c.hidden_size);
  if (!by_owner) return quantise(Vt{xn}, rows, columns, digits);
  return shared_digits(normal_digits, normal_scales, columns, digits);
}

}  // namespace hadal::kernels
