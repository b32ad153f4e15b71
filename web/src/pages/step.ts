// The predictor against the timing simulator, operator by operator.
import { chart } from '../chart';
import { Doc } from '../data';
import { card, section, tiles } from '../dom';
import { number, percent, signed } from '../format';
import { table } from '../table';

export function render(root: HTMLElement, d: Doc): void {
  root.append(tiles([
    { label: 'Whole step', key: 'step_error_pct', value: d.step_error_pct, text: signed(d.step_error_pct) },
    { label: 'Median over operators', key: 'operator_median_abs_pct', value: d.operator_median_abs_pct, text: percent(d.operator_median_abs_pct) },
    { label: 'Simulated', key: 'cycles_simulated', value: d.cycles_simulated, text: `${number(d.cycles_simulated)} cycles` },
    { label: 'Predicted', key: 'cycles_predicted', value: d.cycles_predicted, text: `${number(Math.round(d.cycles_predicted))} cycles` },
  ]));
  const rows: Doc[] = d.operators;
  root.append(section('Operators',
    card('Cycles', chart({
      label: `Bars: simulated and predicted cycles of ${rows.length} operators`,
      height: () => 90 + 30 * rows.length,
      option: (look) => ({
        grid: { left: 100, right: 20, top: 36, bottom: 44 },
        legend: { top: 0, left: 0 },
        tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: (v: number) => `${number(Math.round(v))} cycles` },
        xAxis: { type: 'value', name: 'cycles', nameLocation: 'middle', nameGap: 26 },
        yAxis: { type: 'category', inverse: true, data: rows.map((r) => r.name), splitLine: { show: false }, axisLabel: { interval: 0, hideOverlap: false } },
        series: [['simulated', 'cycles_simulated', 0], ['predicted', 'cycles_predicted', 1]].map(([name, key, colour]) =>
          ({ name, type: 'bar', barMaxWidth: 10, itemStyle: { color: look.series[colour as number] }, data: rows.map((r) => r[key as string]) })),
      }),
    })),
    card('Figures', table([
      { label: 'Operator', value: (r: Doc) => r.name },
      { label: 'Simulated', unit: 'cycles', value: (r: Doc) => r.cycles_simulated, key: (_: Doc, i: number) => `operators.${i}.cycles_simulated` },
      { label: 'Predicted', unit: 'cycles', value: (r: Doc) => r.cycles_predicted, text: (r: Doc) => number(Math.round(r.cycles_predicted)), key: (_: Doc, i: number) => `operators.${i}.cycles_predicted` },
      { label: 'Error', value: (r: Doc) => r.error_pct, text: (r: Doc) => signed(r.error_pct), key: (_: Doc, i: number) => `operators.${i}.error_pct` },
    ], rows, { label: 'Operators' }))));
}
