// RTL: lines in lockstep, cycles against the timing simulator.
import { chart, tip } from '../chart';
import { Doc } from '../data';
import { card, h, note, section, Tile, tiles } from '../dom';
import { number, percent, signed } from '../format';
import { Column, table } from '../table';
import { inkOn } from '../theme';

interface Kernel {
  name: string;
  cycles_rtl: number;
  cycles_sim: number;
  error_pct: number;
}

export function render(root: HTMLElement, d: Doc): void {
  const list: Tile[] = [
    { label: 'Lines compared', key: 'lines_compared', value: d.lines_compared, text: number(d.lines_compared) },
    { label: 'Differences', key: 'differences', value: d.differences, text: number(d.differences) },
  ];
  if (d.tokens_equal !== undefined) {
    list.push({ label: 'Tokens', key: 'tokens_equal', value: d.tokens_equal, text: d.tokens_equal ? 'equal' : 'differ' });
  }
  if (d.random) {
    list.push({ label: 'Random programs', key: 'random.programs', value: d.random.programs, text: number(d.random.programs),
      note: `from seed ${d.random.first_seed}` },
    { label: 'Crosses covered', key: 'random.crosses_hit', value: d.random.crosses_hit,
      text: `${number(d.random.crosses_hit)} of ${number(d.random.crosses)}` });
  }
  if (d.kernels.length) {
    list.push({ label: 'Cycle error, mean', key: 'cycle_error_mean_pct', value: d.cycle_error_mean_pct, text: percent(d.cycle_error_mean_pct) },
      { label: 'Cycle error, largest', key: 'cycle_error_max_pct', value: d.cycle_error_max_pct, text: percent(d.cycle_error_max_pct) });
  }
  root.append(tiles(list));
  const lines: string[] = d.differences_each ?? [];
  if (lines.length) root.append(section('Differences', card('Lines that differ', ...lines.map((l) => h('p', { class: 'mono' }, l)))));
  const kernels: Kernel[] = d.kernels;
  if (kernels.length === 0) return;
  const columns: Column<Kernel>[] = [
    { label: 'Program', value: (k) => k.name },
    { label: 'RTL', unit: 'cycles', value: (k) => k.cycles_rtl, key: (_, i) => `kernels.${i}.cycles_rtl` },
    { label: 'Simulator', unit: 'cycles', value: (k) => k.cycles_sim, key: (_, i) => `kernels.${i}.cycles_sim` },
    { label: 'Error', value: (k) => k.error_pct, text: (k) => signed(k.error_pct), key: (_, i) => `kernels.${i}.error_pct` },
  ];
  // One program far off must not flatten all others: the axis ends where most do, and labels say how far the bar goes.
  const sizes = kernels.map((k) => Math.abs(k.error_pct)).sort((a, b) => a - b);
  const most = Math.max(5, Math.ceil(1.3 * sizes[Math.floor(0.9 * (sizes.length - 1))] / 5) * 5);
  const sorted = [...kernels].sort((a, b) => Math.abs(a.error_pct) - Math.abs(b.error_pct));
  root.append(section('Cycles',
    card('Error of the timing simulator', note('Simulator / RTL - 1.'), chart({
      label: `Bars: cycle error of ${kernels.length} programs in percent`,
      height: () => 60 + 22 * kernels.length,
      option: (look) => ({
        grid: { left: look.narrow ? 120 : 200, right: 24, top: 8, bottom: 44 },
        tooltip: { formatter: (p: Doc) => tip(p.name, [['RTL', `${number(sorted[p.dataIndex].cycles_rtl)} cycles`],
          ['simulator', `${number(sorted[p.dataIndex].cycles_sim)} cycles`], ['error', signed(sorted[p.dataIndex].error_pct)]]) },
        xAxis: { type: 'value', min: -most, max: most, name: '% of the RTL\u2019s cycles', nameLocation: 'middle', nameGap: 26 },
        yAxis: { type: 'category', data: sorted.map((k) => k.name), splitLine: { show: false },
          axisLabel: { width: look.narrow ? 112 : 190, overflow: 'truncate', interval: 0, hideOverlap: false } },
        series: [{ type: 'bar', barMaxWidth: 14, data: sorted.map((k) => ({ value: Math.max(-most, Math.min(most, k.error_pct)),
          itemStyle: { color: look.series[k.error_pct < 0 ? 1 : 0] },
          label: { show: true, position: Math.abs(k.error_pct) > 0.8 * most ? 'inside' : k.error_pct < 0 ? 'left' : 'right', color: Math.abs(k.error_pct) > 0.8 * most ? inkOn(look.series[k.error_pct < 0 ? 1 : 0]) : look.muted,
            formatter: signed(k.error_pct) + (Math.abs(k.error_pct) > most ? ', beyond the axis' : '') } })) }],
      }),
    })),
    card('Programs and steps', table(columns, kernels, { label: 'Cycles of the RTL and of the simulator' }))));
}
