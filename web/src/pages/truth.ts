// Predicted against measured: scatter with error bands, filters, groups.
import { chart, tip } from '../chart';
import { Doc, unique } from '../data';
import { card, figure, h, note, row, section, select, tiles } from '../dom';
import { number, percent, signed } from '../format';
import { Column, table } from '../table';

interface Row {
  id: string;
  group: string;
  chip: string;
  model: string;
  operator: string;
  unit: string;
  mark: string;
  predicted: number;
  measured: number;
  error_pct: number;
  source: string;
  config: Record<string, string>;
}
interface Group {
  name: string;
  n: number;
  median_abs_pct: number;
  p90_abs_pct: number;
  bias_pct: number;
}

const kBands = [10, 25, 50];  // percent

/** The value below which a share of the sorted values lies, by nearest rank. */
export function quantile(sorted: number[], share: number): number {
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] : NaN;
}

export function render(root: HTMLElement, d: Doc, state: Record<string, unknown>): void {
  const rows: Row[] = d.rows, groups: Group[] = d.groups;
  const headline = (name: string, label: string) => {
    const i = groups.findIndex((g) => g.name === name);
    return i < 0 ? [] : [{ label, key: `groups.${i}.median_abs_pct`, value: groups[i].median_abs_pct,
      text: percent(groups[i].median_abs_pct), note: `median of ${number(groups[i].n)}; 90 % within ${percent(groups[i].p90_abs_pct)}` }];
  };
  root.append(tiles([...headline('all kernels', 'Kernels'), ...headline('all exchanges', 'Exchanges'),
    ...headline('cross-chip', 'Cross-chip'), ...headline('all systems', 'Whole systems')]));

  const filters: ['chip' | 'operator' | 'unit' | 'mark', string][] =
    [['chip', 'Chip'], ['operator', 'Kind'], ['unit', 'Unit'], ['mark', 'Rows']];
  const chosen = (state.chosen ??= { chip: '', operator: '', unit: 'us', mark: '' }) as Record<string, string>;
  const filtered = () => rows.filter((r) => filters.every(([key]) => !chosen[key] || r[key] === chosen[key]));

  const summary = h('p', { class: 'note', role: 'status' });
  const list = h('div');
  const scatter = chart({
    label: 'Scatter: predicted against measured, both logarithmic, with bands of 10, 25 and 50 percent error',
    height: (look) => Math.min(620, Math.max(340, look.width * 0.62)),
    canvas: true,
    option: (look) => {
      const shown = filtered();
      const values = shown.flatMap((r) => [r.predicted, r.measured]).filter((v) => v > 0);
      const low = 10 ** Math.floor(Math.log10(Math.min(1, ...values))), high = 10 ** Math.ceil(Math.log10(Math.max(10, ...values)));
      const unit = chosen.unit || 'unit of the row';
      const line = (percentage: number, sign: number) => ({
        type: 'line', name: `${sign > 0 ? '+' : '-'}${percentage} %`, silent: true, symbol: 'none', z: 1,
        lineStyle: { color: look.muted, width: 1, type: percentage === 0 ? 'solid' : percentage === 10 ? 'dashed' : 'dotted' },
        data: [[low, low * (1 + sign * percentage / 100)], [high, high * (1 + sign * percentage / 100)]],
      });
      return {
        grid: { left: 64, right: 20, top: 64, bottom: 48 },
        legend: { top: 0, left: 0, data: unique(shown.map((r) => r.chip)) },
        tooltip: { formatter: (p: Doc) => {
          const r: Row = p.data.row;
          return tip(r.id, [['', r.group], ['measured', `${number(r.measured)} ${r.unit}`],
            ['predicted', `${number(r.predicted)} ${r.unit}`], ['error', signed(r.error_pct)]]);
        } },
        xAxis: { type: 'log', min: low, max: high, name: `measured [${unit}]`, nameLocation: 'middle', nameGap: 28,
          axisLabel: { formatter: (v: number) => number(v) } },
        yAxis: { type: 'log', min: low, max: high, name: `predicted [${unit}]`, nameLocation: 'end',
          nameTextStyle: { align: 'left' }, axisLabel: { formatter: (v: number) => number(v) } },
        series: [
          line(0, 1), ...kBands.flatMap((b) => [line(b, 1), line(b, -1)]),
          ...unique(shown.map((r) => r.chip)).map((name) => {
            const at = unique(rows.map((r) => r.chip)).indexOf(name);
            return { type: 'scatter', name, symbol: ['circle', 'diamond', 'triangle', 'rect'][at % 4],
              symbolSize: shown.length > 500 ? 5 : 8, itemStyle: { color: look.series[at % look.series.length], opacity: 0.65 },
              data: shown.filter((r) => r.chip === name).map((r) => ({ value: [r.measured, r.predicted], row: r })) };
          }),
        ],
      };
    },
  });
  const columns: Column<Row>[] = [
    { label: 'Row', value: (r) => r.id },
    { label: 'Chip', value: (r) => r.chip },
    { label: 'Kind', value: (r) => r.operator },
    { label: 'Group', value: (r) => r.group },
    { label: 'Configuration', value: (r) => Object.entries(r.config).map(([k, v]) => `${k} ${v}`).join(', ') },
    { label: 'Measured', value: (r) => r.measured, key: (r) => `rows.${rows.indexOf(r)}.measured` },
    { label: 'Predicted', value: (r) => r.predicted, key: (r) => `rows.${rows.indexOf(r)}.predicted` },
    { label: 'Unit', value: (r) => r.unit },
    { label: 'Error', value: (r) => r.error_pct, text: (r) => signed(r.error_pct), key: (r) => `rows.${rows.indexOf(r)}.error_pct` },
    { label: 'Fitted on', value: (r) => r.mark === 'fit' ? 'yes' : 'no' },
  ];
  const update = () => {
    const shown = filtered();
    const sizes = shown.map((r) => Math.abs(r.error_pct)).sort((a, b) => a - b);
    const within = (limit: number) => shown.filter((r) => Math.abs(r.error_pct) <= limit).length;
    summary.replaceChildren(figure('filtered', shown.length, number(shown.length)), ' rows: median error ',
      percent(quantile(sizes, 0.5)), ', 90 % within ', percent(quantile(sizes, 0.9)), '; ',
      kBands.map((b) => `${percent(100 * within(b) / Math.max(1, shown.length))} within ${b} %`).join(', '), '.');
    list.replaceChildren(table(columns, shown, { label: 'Measurements', limit: 25 }));
    scatter.redraw();
  };
  const controls = h('div', { class: 'controls' }, filters.map(([key, label]) =>
    select(label, [['', 'all'], ...unique(rows.map((r) => r[key])).map((v): [string, string] =>
      [v, key === 'mark' ? (v === 'fit' ? 'fitted on' : 'not fitted on') : v])],
    chosen[key], (v) => { chosen[key] = v; update(); })));
  root.append(section('Every row', card('Predicted against measured', controls, summary, scatter,
    note('Bands: 10, 25 and 50 % error. Below the solid line the model is too low.')),
  card('Rows', list)));
  update();

  const groupColumns: Column<Group>[] = [
    { label: 'Rows not fitted on', value: (g) => g.name },
    { label: 'n', value: (g) => g.n, key: (_, i) => `groups.${i}.n` },
    { label: 'Median', value: (g) => g.median_abs_pct, text: (g) => percent(g.median_abs_pct), key: (_, i) => `groups.${i}.median_abs_pct` },
    { label: 'P90', value: (g) => g.p90_abs_pct, text: (g) => percent(g.p90_abs_pct), key: (_, i) => `groups.${i}.p90_abs_pct` },
    { label: 'Bias', value: (g) => g.bias_pct, text: (g) => signed(g.bias_pct), key: (_, i) => `groups.${i}.bias_pct` },
  ];
  root.append(section('Groups', row(card('Errors by group', table(groupColumns, groups, { label: 'Groups', limit: 60, whole: true })),
    card('Median and 90th percentile', chart({
      label: `Bars: median and 90th percentile error of ${groups.length} groups`,
      height: () => 80 + 26 * groups.length,
      option: (look) => ({
        grid: { left: look.narrow ? 150 : 250, right: 20, top: 36, bottom: 44 },
        legend: { top: 0, left: 0 },
        tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: (v: number) => percent(v) },
        xAxis: { type: 'value', name: '% error', nameLocation: 'middle', nameGap: 26 },
        yAxis: { type: 'category', inverse: true, data: groups.map((g) => g.name), splitLine: { show: false },
          axisLabel: { width: look.narrow ? 142 : 240, overflow: 'truncate', interval: 0, hideOverlap: false } },
        series: [
          { name: 'median', type: 'bar', barGap: '-70%', z: 3, barMaxWidth: 9, itemStyle: { color: look.series[0] }, data: groups.map((g) => g.median_abs_pct) },
          { name: '90 % within', type: 'bar', barMaxWidth: 9, itemStyle: { color: look.series[0], opacity: 0.3 }, data: groups.map((g) => g.p90_abs_pct) },
        ],
      }),
    })))));
}
