// Simulated serving: percentiles of the latencies.
import { chart } from '../chart';
import { Doc } from '../data';
import { card, h, row, section, Tile, tiles } from '../dom';
import { number, percent } from '../format';
import { table } from '../table';

export function render(root: HTMLElement, d: Doc): void {
  const list: Tile[] = [
    { label: 'Requests', key: 'requests_per_s', value: d.requests_per_s, text: `${number(d.requests_per_s)} /s` },
    { label: 'Goodput', key: 'goodput_per_s', value: d.goodput_per_s, text: `${number(d.goodput_per_s)} /s` },
    { label: 'Meet both objectives', key: 'attained', value: d.attained, text: percent(100 * d.attained) },
    { label: 'Output tokens a chip', key: 'tokens_per_s_per_chip', value: d.tokens_per_s_per_chip, text: `${number(d.tokens_per_s_per_chip)} /s` },
    { label: 'Prefill busy', key: 'prefill_busy', value: d.prefill_busy, text: percent(100 * d.prefill_busy) },
    { label: 'Decode busy', key: 'decode_busy', value: d.decode_busy, text: percent(100 * d.decode_busy), note: `${number(d.mean_batch, 3)} sequences a device` },
  ];
  if (d.capacity_requests_per_s !== undefined) {
    list.push({ label: 'Capacity', key: 'capacity_requests_per_s', value: d.capacity_requests_per_s, text: `${number(d.capacity_requests_per_s)} /s` });
  }
  root.append(tiles(list));
  const rows = ['ttft', 'tpot', 'e2e'].map((key) => ({ key, name: key.toUpperCase(), ...d[`${key}_ms`] }));
  const ranks = ['p50', 'p90', 'p99', 'mean'];
  root.append(section('Latency', row(
    card('Percentiles', table([
      { label: 'Latency', value: (r: Doc) => r.name },
      ...ranks.map((rank) => ({ label: rank.toUpperCase(), unit: 'ms', value: (r: Doc) => r[rank], key: (r: Doc) => `${r.key}_ms.${rank}` })),
    ], rows, { label: 'Latencies' }), h('p', { class: 'note', style: 'white-space: pre-line' }, d.definitions)),
    card('P50, P90, P99', chart({
      label: 'Bars: percentiles of time to first token, time per output token and end to end, logarithmic',
      height: 280,
      option: () => ({
        grid: { left: 72, right: 16, top: 40, bottom: 32 },
        legend: { top: 0, left: 0 },
        tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: (v: number) => `${number(v)} ms` },
        xAxis: { type: 'category', data: rows.map((r) => r.name) },
        yAxis: { type: 'log', name: 'ms', axisLabel: { formatter: (v: number) => number(v) } },
        series: ranks.slice(0, 3).map((rank) => ({ name: rank.toUpperCase(), type: 'bar', barMaxWidth: 32, data: rows.map((r) => r[rank]) })),
      }),
    })))));
}
