// Exchanges between devices: all-to-all of experts in both styles, collectives, and the transfer of a cache.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "predict/operators.h"

namespace hadal::predict {
namespace {

using graph::ExchangeKind;
using graph::ExchangeTask;

// Expected number of `boxes` that hold at least one of `balls` thrown at random.
double occupied(double boxes, double balls) { return boxes * (1 - std::pow(1 - 1 / boxes, balls)); }

// Expected nodes a token goes to: `choices` experts inside `limit` of `groups` groups, spread evenly over `nodes`.
double nodes_of_token(const ExchangeTask& t, double nodes) {
  const auto groups = static_cast<double>(t.groups), limit = static_cast<double>(t.group_limit);
  const auto choices = static_cast<double>(t.choices);
  if (limit >= groups || groups < nodes) return occupied(nodes, choices);
  double missed = 1;  // probability that none of the chosen groups is on a given node
  for (double i = 0; i < limit; ++i) missed *= std::max(0.0, (groups - groups / nodes - i) / (groups - i));
  return std::min(nodes * (1 - missed), occupied(nodes, choices));
}

}  // namespace

double bulk_copies(const ExchangeTask& t, double places) { return nodes_of_token(t, places); }

namespace {

Estimate all_to_all(const Device& d, const ExchangeTask& t) {
  const Constants& c = d.constants;
  const auto devices = static_cast<double>(t.devices);
  const double domain = d.domain == 0 ? devices : std::min(devices, static_cast<double>(d.domain));
  const double nodes = std::ceil(devices / domain), peers = devices - domain;
  double local = 0, remote = 0;  // bytes of the busier direction
  if (t.bulk) {
    remote = nodes > 1 ? t.tokens * nodes_of_token(t, nodes) * (nodes - 1) / nodes * t.token_bytes : 0;
    local = t.tokens * occupied(devices, static_cast<double>(t.choices)) * (domain - 1) / domain * t.token_bytes;
  } else {
    const double bytes = t.tokens * static_cast<double>(t.choices) * t.token_bytes;
    local = bytes * (domain - 1) / devices;
    remote = bytes * peers / devices;
  }
  const double copied = std::max(local, t.tokens * occupied(devices, static_cast<double>(t.choices)) * t.token_bytes);
  const double copy = t.bulk && t.cores > 0 ? copied * t.hot / (t.cores * c.copy_bytes_per_cycle * d.hz) : 0;
  const double up = local * t.hot / (d.up_bytes_per_s * (t.bulk ? c.link_bulk : c.link_small));
  const double out = remote * t.hot / (d.out_bytes_per_s * (t.bulk ? c.nic_bulk : c.nic_small));
  const double latency = d.links.scale_up.latency_s + (peers > 0 ? d.links.scale_out.latency_s : 0);
  const double start = (t.bulk ? c.bulk_start_us : c.exchange_start_us) * 1e-6 + latency + peers * c.peer_us * 1e-6;
  const double data = std::max({up, out, copy});
  return {start + data, data > start ? Bound::kLink : Bound::kStart, 2 * (local + remote)};
}

// A ring inside the scale-up domain, and over the slower links beyond it.
Estimate collective(const Device& d, const ExchangeTask& t) {
  const auto devices = static_cast<double>(t.devices);
  const double passes = t.kind == ExchangeKind::kAllReduce ? 2 : 1;
  const double bytes = t.tokens * t.token_bytes * (devices - 1) / devices * passes;
  const bool inside = d.domain == 0 || t.devices <= d.domain;
  const double rate = inside ? d.up_bytes_per_s * d.constants.link_bulk : d.out_bytes_per_s * d.constants.nic_bulk;
  const double hop = inside ? d.links.scale_up.latency_s : d.links.scale_out.latency_s;
  const double start = d.chip.kernel_start_s + passes * std::ceil(std::log2(devices)) * hop;
  const double data = bytes / rate;
  return {start + data, data > start ? Bound::kLink : Bound::kStart, 2 * bytes};
}

}  // namespace

Estimate estimate(const Device& d, const ExchangeTask& t) {
  if (t.devices <= 1 && t.kind != ExchangeKind::kTransfer) return {};
  if (!d.has_links) {
    input_error("chip description", "has no links; a plan with several devices needs links.scale_up and scale_out");
  }
  if (t.kind == ExchangeKind::kDispatch || t.kind == ExchangeKind::kCombine) return all_to_all(d, t);
  if (t.kind == ExchangeKind::kTransfer) {
    const double data = t.tokens * t.token_bytes / (d.out_bytes_per_s * d.constants.nic_bulk);
    return {d.links.scale_out.latency_s + data, Bound::kLink, t.tokens * t.token_bytes};
  }
  return collective(d, t);
}

}  // namespace hadal::predict
