// A predicted step: time by operator and what bounds it.
import { chart, tip } from '../chart';
import { Doc, sum, unique } from '../data';
import { card, h, section, Tile, tiles } from '../dom';
import { number, percent, si } from '../format';
import { boundColour } from '../theme';
import { Column, table } from '../table';

interface Operator {
  name: string;
  latency_us: number;
  count: number;
  bound_by: string;
}

export function render(root: HTMLElement, d: Doc): void {
  const list: Tile[] = [
    { label: 'Tokens a second and chip', key: 'tokens_per_s_per_chip', value: d.tokens_per_s_per_chip, text: number(d.tokens_per_s_per_chip),
      note: d.tokens_per_s_per_chip_range ? `${number(d.tokens_per_s_per_chip_range[0])} to ${number(d.tokens_per_s_per_chip_range[1])} over assumed figures` : undefined },
    { label: 'Step', key: 'latency_us', value: d.latency_us, text: si(d.latency_us * 1e-6, 's') },
  ];
  if (d.tpot_ms !== undefined) list.push({ label: 'Time an output token', key: 'tpot_ms', value: d.tpot_ms, text: `${number(d.tpot_ms)} ms` });
  list.push(
    { label: 'Compute', key: 'compute_us', value: d.compute_us, text: si(d.compute_us * 1e-6, 's'), note: 'before overlap' },
    { label: 'Exchanges', key: 'exchange_us', value: d.exchange_us, text: si(d.exchange_us * 1e-6, 's'), note: 'before overlap' },
    { label: 'Fullest device', key: 'expert_factor', value: d.expert_factor, text: `${number(d.expert_factor, 3)} x`, note: 'of the mean of expert rows' },
    { label: 'Memory', key: 'weight_bytes', value: d.weight_bytes, text: `${si(d.weight_bytes, 'B')} weights`,
      note: `${si(d.cache_bytes, 'B')} cache of ${si(d.memory_bytes, 'B')}${d.fits ? '' : ': does not fit'}` });
  root.append(tiles(list));
  const operators: Operator[] = d.operators;
  const total = sum(operators.map((o) => o.latency_us));
  const sorted = [...operators].sort((a, b) => a.latency_us - b.latency_us);
  const columns: Column<Operator>[] = [
    { label: 'Operator', value: (o) => o.name },
    { label: 'Times', value: (o) => o.count, key: (_, i) => `operators.${i}.count` },
    { label: 'Each', unit: '\u00b5s', value: (o) => o.latency_us / o.count },
    { label: 'In the step', unit: '\u00b5s', value: (o) => o.latency_us, key: (_, i) => `operators.${i}.latency_us` },
    { label: 'Share', value: (o) => 100 * o.latency_us / total, text: (o) => percent(100 * o.latency_us / total) },
    { label: 'Bound by', value: (o) => o.bound_by, text: (o) => h('span', {}, h('span', { class: 'swatch', style: `background: ${boundColour(o.bound_by)}` }), o.bound_by) },
  ];
  const bounds = unique(operators.map((o) => o.bound_by));
  root.append(section('Where the time goes',
    card('Time by operator', chart({
      label: `Bars: ${number(total)} microseconds a step by operator`,
      height: () => 92 + 24 * operators.length,
      option: (look) => ({
        grid: { left: 120, right: 56, top: 36, bottom: 44 },
        legend: { top: 0, left: 0, data: bounds },
        tooltip: { formatter: (p: Doc) => tip(p.name, [['a step', si(p.value * 1e-6, 's')], ['bound by', p.seriesName]]) },
        xAxis: { type: 'value', name: '\u00b5s a step', nameLocation: 'middle', nameGap: 26, axisLabel: { formatter: (v: number) => number(v) } },
        yAxis: { type: 'category', data: sorted.map((o) => o.name), splitLine: { show: false }, axisLabel: { interval: 0, hideOverlap: false, width: 112, overflow: 'truncate' } },
        series: bounds.map((b) => ({ name: b, type: 'bar', stack: 'one', barMaxWidth: 16, itemStyle: { color: boundColour(b) },
          data: sorted.map((o) => o.bound_by === b ? o.latency_us : null),
          label: { show: true, position: 'right', color: look.text, formatter: (p: Doc) => p.value ? percent(100 * p.value / total, 2) : '' } })),
      }),
    })),
    card('Operators', table(columns, operators, { label: 'Operators', sort: [3, true] }))));
}
