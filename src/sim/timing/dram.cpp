// Bank state, refresh and bus booking; the address mapping is documented in docs/timing.md.
#include "sim/timing/dram.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace hadal::sim::timing {
namespace {

constexpr uint64_t kLine = 64;
constexpr uint32_t kBucketTicks = 1u << kBucketShift;

// Spreads equal low digits of neighbouring rows over the modulus, so that power-of-two strides do not collide.
uint64_t fold(uint64_t x) { return x ^ (x >> 5) ^ (x >> 11); }

}  // namespace

Dram::Dram(const chip::Chip& chip) {
  const chip::DramSystem& d = chip.dram;
  check(d.channels > 0 && d.banks > 0 && d.channel_bytes_per_s > 0 && d.burst_bytes > 0, "DRAM of {} is not described",
        chip.name);
  const uint64_t row_lines = std::max<uint64_t>(1, d.row_bytes / kLine);
  burst_lines_ =
      static_cast<uint32_t>(std::clamp<uint64_t>(static_cast<uint64_t>(chip.dma.burst_bytes) / kLine, 1, row_lines));
  granules_ = Divider(burst_lines_);
  channels_ = Divider(static_cast<uint64_t>(d.channels));
  banks_ = Divider(static_cast<uint64_t>(d.banks));
  row_granules_ = Divider(std::max<uint64_t>(1, row_lines / burst_lines_));

  const double ticks_per_second = chip.clock_hz * (1 << kTickShift);
  auto ticks = [&](double seconds) { return static_cast<Tick>(std::llround(seconds * ticks_per_second)); };
  rcd_ = ticks(d.t_rcd_s);
  rp_ = ticks(d.t_rp_s);
  cl_ = ticks(d.t_cl_s);
  ras_ = ticks(d.t_ras_s);
  rfc_ = ticks(d.t_rfc_s);
  refi_ = ticks(d.t_refi_s);
  rrd_ = rcd_ / kActivatesPerRcd;
  turnaround_ = rp_ + cl_;  // write recovery and refilling the read pipeline
  const double ticks_per_byte = ticks_per_second / d.channel_bytes_per_s;
  const uint64_t burst = static_cast<uint64_t>(d.burst_bytes);
  for (uint64_t lines = 0; lines <= burst_lines_; ++lines) {
    const uint64_t bytes = (lines * kLine + burst - 1) / burst * burst;
    transfer_.push_back(static_cast<Tick>(std::llround(static_cast<double>(bytes) * ticks_per_byte)));
  }

  channel_.resize(static_cast<size_t>(d.channels));
  bank_.resize(static_cast<size_t>(d.channels) * static_cast<size_t>(d.banks));
  for (size_t c = 0; c < channel_.size(); ++c) {
    channel_[c].bus.resize(kBuckets);
    // Staggered, so that refresh does not stop all channels at once.
    channel_[c].refresh_next = refi_ == 0 ? ~Tick{0} : refi_ * (c + 1) / channel_.size();
  }
}

DramPlace Dram::place(uint64_t line) const {
  const uint64_t granule = granules_.down(line);
  const uint64_t stripe = channels_.down(granule);
  const uint64_t bank_row = row_granules_.down(stripe);
  const uint64_t row = banks_.down(bank_row);
  const uint64_t channel = granule - stripe * channels_.value() + fold(stripe);
  const uint64_t bank = bank_row - row * banks_.value() + fold(row);
  return {static_cast<uint32_t>(channels_.rest(channel)), static_cast<uint32_t>(banks_.rest(bank)), row};
}

// All-bank refresh: closes every row and blocks the bus for tRFC.
void Dram::refresh(Channel& channel, Tick now) {
  const uint64_t missed = (now - channel.refresh_next) / refi_;
  channel.epoch += missed + 1;
  const Tick start = channel.refresh_next + missed * refi_;
  channel.refresh_next = start + refi_;
  channel.refresh_end = start + rfc_;
  const uint64_t bucket = start >> kBucketShift;
  if (channel.first_open > bucket) {
    book(channel, start, rfc_);  // the backlog moves back
  } else {
    channel.first_open = channel.refresh_end >> kBucketShift;
  }
}

// Books `ticks` of the data bus not before `from`, filling holes that earlier requests left; returns the end.
Dram::Tick Dram::book(Channel& channel, Tick from, Tick ticks) {
  uint64_t number = std::max<uint64_t>(from >> kBucketShift, channel.first_open);
  Tick left = ticks;
  for (;;) {
    if (number >= channel.first_open + kBuckets) channel.first_open = number - kBuckets + 1;  // forget the oldest holes
    Bucket& bucket = channel.bus[number & (kBuckets - 1)];
    if (bucket.number != static_cast<uint32_t>(number)) bucket = {static_cast<uint32_t>(number), 0};
    const Tick start = number << kBucketShift;
    Tick room = kBucketTicks - bucket.used;
    if (from > start) room = std::min<Tick>(room, start + kBucketTicks - from);
    const Tick part = std::min(room, left);
    bucket.used += static_cast<uint32_t>(part);
    left -= part;
    if (bucket.used == kBucketTicks && number == channel.first_open) ++channel.first_open;
    if (left == 0) return std::max(from + ticks, start + bucket.used);
    ++number;
  }
}

Cycle Dram::access(Cycle arrive, uint64_t line, uint32_t lines, bool write) {
  const DramPlace at = place(line);
  Channel& channel = channel_[at.channel];
  Bank& bank = bank_[at.channel * banks_.value() + at.bank];
  const Tick arrived = arrive << kTickShift;
  if (arrived >= channel.refresh_next) refresh(channel, arrived);
  const Tick now = std::max(arrived, channel.refresh_end);
  (write ? written_bytes : read_bytes) += lines * kLine;

  if (bank.epoch != channel.epoch) {
    bank.epoch = channel.epoch;
    bank.row = ~uint64_t{0};
    bank.activate_ready = channel.refresh_end;
    for (ClosedRow& closed : bank.closed) closed = {};
  }

  // A request that arrives before the row it needs is closed would have been served while it was open: that is what a
  // first-ready scheduler does with its queue, at no cost but the bus.
  bool joined = false;
  for (const ClosedRow& closed : bank.closed) joined |= closed.row == at.row && now <= closed.closed;
  Tick column = now;
  const bool hit = joined || bank.row == at.row;
  if (hit) {
    ++row_hits;
    if (!joined) column = std::max(now, bank.column_ready);
  } else {
    ++row_misses;
    channel.activate_ready = std::max(channel.activate_ready, now);
    Tick activate = std::max(now, channel.activate_ready);
    channel.activate_ready += rrd_;
    if (bank.row != ~uint64_t{0}) {
      const Tick precharge = std::max(now, bank.precharge_ready);
      for (int i = kRowsRemembered - 1; i > 0; --i) bank.closed[i] = bank.closed[i - 1];
      bank.closed[0] = {bank.row, precharge};
      activate = std::max(activate, precharge + rp_);
    } else {
      activate = std::max(activate, bank.activate_ready);
    }
    bank.row = at.row;
    bank.column_ready = column = activate + rcd_;
    bank.precharge_ready = activate + ras_;
  }

  Tick bus = transfer_[lines];
  if (write) {
    if (channel.batch_left == 0) {
      if (channel.read_since_batch) bus += turnaround_;
      channel.batch_left = kWriteBatch;
      channel.read_since_batch = false;
    }
    --channel.batch_left;
  } else {
    channel.read_since_batch = true;
  }
  const Tick end = book(channel, column + cl_, bus);
  // Reads may be precharged once the last column command is out; writes only after recovery.
  if (!joined) bank.precharge_ready = std::max(bank.precharge_ready, write ? end + rcd_ : end - cl_);
  return (end + (Tick{1} << kTickShift) - 1) >> kTickShift;
}

}  // namespace hadal::sim::timing
