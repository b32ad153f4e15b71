// Published facts of cost, yield, area, power and schedule against the models.
import { chart, tip } from '../chart';
import { Doc } from '../data';
import { card, section, tiles } from '../dom';
import { number, percent, signed } from '../format';
import { table } from '../table';

export function render(root: HTMLElement, d: Doc): void {
  const cases: Doc[] = d.cases;
  const checked = cases.filter((c) => !c.bound);
  const bounds = cases.filter((c) => c.bound);
  const kept = bounds.filter((c) => c.holds);
  root.append(tiles([
    { label: 'Median error', key: 'median_abs_error_pct', value: d.median_abs_error_pct, text: percent(d.median_abs_error_pct) },
    { label: 'Facts checked', key: 'cases', value: checked.length, text: number(checked.length) },
    { label: 'Bounds kept', key: 'bounds', value: kept.length, text: `${kept.length} of ${bounds.length}` },
  ]));
  const sorted = [...checked].sort((a, b) => Math.abs(a.error_pct) - Math.abs(b.error_pct));
  root.append(section('Facts',
    card('Error of the model', chart({
      label: `Bars: error of ${checked.length} facts in percent`,
      height: () => 60 + 24 * checked.length,
      option: (look) => ({
        grid: { left: look.narrow ? 140 : 280, right: 24, top: 8, bottom: 44 },
        tooltip: { formatter: (p: Doc) => tip(p.name, [['model', `${number(sorted[p.dataIndex].predicted)} ${sorted[p.dataIndex].unit}`],
          ['published', `${number(sorted[p.dataIndex].published)} ${sorted[p.dataIndex].unit}`], ['error', signed(p.value)]]) },
        xAxis: { type: 'value', name: '%', nameLocation: 'middle', nameGap: 26 },
        yAxis: { type: 'category', data: sorted.map((c) => c.name), splitLine: { show: false },
          axisLabel: { width: look.narrow ? 130 : 270, overflow: 'truncate', interval: 0, hideOverlap: false } },
        series: [{ type: 'bar', barMaxWidth: 14, data: sorted.map((c) => ({ value: c.error_pct, itemStyle: { color: look.series[c.error_pct < 0 ? 1 : 0] } })) }],
      }),
    })),
    card('Every fact', table([
      { label: 'Fact', value: (c: Doc) => c.name },
      { label: 'Model', value: (c: Doc) => c.predicted, key: (_: Doc, i: number) => `cases.${i}.predicted` },
      { label: 'Published', value: (c: Doc) => c.published, key: (_: Doc, i: number) => `cases.${i}.published` },
      { label: 'Unit', value: (c: Doc) => c.unit },
      { label: 'Error', value: (c: Doc) => c.error_pct, text: (c: Doc) => c.bound ? `${c.bound}: ${c.holds ? 'holds' : 'violated'}` : signed(c.error_pct) },
      { label: 'Confidence', value: (c: Doc) => c.confidence },
      { label: 'Source', value: (c: Doc) => c.source },
      { label: 'Sets', value: (c: Doc) => c.sets },
      { label: 'Reading', value: (c: Doc) => c.reading },
    ], cases, { label: 'Facts' })),
    card('Constants: medians of facts, each fact asked with the others', table([
      { label: 'Constant', value: (c: Doc) => c.name },
      { label: 'As its file has it', value: (c: Doc) => c.value, key: (_: Doc, i: number) => `constants.${i}.value` },
      { label: 'Median', value: (c: Doc) => c.median, key: (_: Doc, i: number) => `constants.${i}.median` },
      { label: 'Facts', value: (c: Doc) => c.facts.map((f: Doc) => `${f.fact}: ${number(f.value)}`).join('; ') },
    ], d.constants, { label: 'Constants' }))));
}
