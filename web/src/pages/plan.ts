// A plan: fleets side by side, cost of a chip, programme, break-even, export rules with their arithmetic.
import { chart, ChartElement, Look, Option, tip } from '../chart';
import { Doc, sum, unique } from '../data';
import { card, h, note, row, section, select, tiles } from '../dom';
import { number, percent, signed, usd } from '../format';
import { Column, table } from '../table';

export function render(root: HTMLElement, d: Doc, state: Record<string, unknown>): void {
  const options: Doc[] = d.options;
  const cheapest = options.map((o, i) => ({ o, i })).filter(({ o }) => o.feasible).sort((a, b) => a.o.usd_per_day - b.o.usd_per_day)[0];
  if (cheapest) {
    root.append(tiles([
      { label: 'Cheapest fleet', key: `options.${cheapest.i}.usd_per_day`, value: cheapest.o.usd_per_day, text: `${usd(cheapest.o.usd_per_day)} a day`, note: cheapest.o.name },
      { label: 'Output', key: `options.${cheapest.i}.usd_per_mtoken_out`, value: cheapest.o.usd_per_mtoken_out, text: `${number(cheapest.o.usd_per_mtoken_out, 3)} USD/Mtoken` },
      { label: 'Input', key: `options.${cheapest.i}.usd_per_mtoken_in`, value: cheapest.o.usd_per_mtoken_in, text: `${number(cheapest.o.usd_per_mtoken_in, 3)} USD/Mtoken` },
      { label: 'Chips', key: `options.${cheapest.i}.chips`, value: cheapest.o.chips, text: number(Math.round(cheapest.o.chips)) },
    ]));
  }
  root.append(section('Fleets', ...fleets(options)));
  if (d.published?.length) root.append(section('Against what was published', card(options[0].name, table([
    { label: 'Figure', value: (c: Doc) => c.name },
    { label: 'Model', value: (c: Doc) => c.predicted, key: (_: Doc, i: number) => `published.${i}.predicted` },
    { label: 'Published', value: (c: Doc) => c.published, key: (_: Doc, i: number) => `published.${i}.published` },
    { label: 'Error', value: (c: Doc) => c.error_pct, text: (c: Doc) => signed(c.error_pct), key: (_: Doc, i: number) => `published.${i}.error_pct` },
  ], d.published, { label: 'Published' }))));
  if (d.builds.length) {
    root.append(section('Does building pay?', ...breakEven(d, state)));
    const body = h('div');
    const draw = (index: number) => {
      state.build = index;
      body.replaceChildren(...build(d.builds[index], index));
    };
    const chosen = Math.min((state.build as number) ?? 0, d.builds.length - 1);
    root.append(section('What it takes to build', h('div', { class: 'controls' },
      select('Build', d.builds.map((b: Doc, i: number) => [String(i), b.name]), String(chosen), (v) => draw(Number(v)))), body));
    draw(chosen);
  }
  root.append(section('Export rules', ...rules(d, state)));
  root.append(section('Inputs', ...inputs(d)));
}

function fleets(options: Doc[]): HTMLElement[] {
  const shown = options.map((o, index) => ({ ...o, index })).filter((o) => o.feasible);
  const columns: Column<Doc>[] = [
    { label: 'Fleet', value: (o) => o.name },
    { label: 'Chips', value: (o) => o.chips, text: (o) => number(Math.round(o.chips)), key: (o) => `options.${o.index}.chips` },
    { label: 'In', unit: 'USD/Mtoken', value: (o) => o.usd_per_mtoken_in, text: (o) => number(o.usd_per_mtoken_in, 3), key: (o) => `options.${o.index}.usd_per_mtoken_in` },
    { label: 'Out', unit: 'USD/Mtoken', value: (o) => o.usd_per_mtoken_out, text: (o) => number(o.usd_per_mtoken_out, 3), key: (o) => `options.${o.index}.usd_per_mtoken_out` },
    { label: 'A day', value: (o) => o.usd_per_day, text: (o) => usd(o.usd_per_day), key: (o) => `options.${o.index}.usd_per_day` },
    { label: 'P10 to P90', value: (o) => o.usd_per_day_range.p50, text: (o) => `${usd(o.usd_per_day_range.p10)} to ${usd(o.usd_per_day_range.p90)}` },
    { label: 'Cheaper than the first', value: (o) => o.probability_cheaper_than_first, text: (o) => o.index === 0 ? '-' : percent(100 * o.probability_cheaper_than_first) },
    { label: 'Tokens/J', value: (o) => o.tokens_per_j, text: (o) => number(o.tokens_per_j, 3), key: (o) => `options.${o.index}.tokens_per_j` },
    { label: 'Volume rate from', value: (o) => unique(o.assignments.map((a: Doc) => a.basis)).join(', ') },
  ];
  const refused = options.filter((o) => !o.feasible);
  return [
    card('Cost of a day', note('Bars: with the figures as they stand. Whiskers: 10th to 90th percentile over the ranges of all inputs.'), chart({
      label: `Bars with whiskers: cost of a day of ${shown.length} fleets`,
      height: (look) => 100 + (look.narrow ? 46 : 40) * shown.length,
      option: (look) => ({
        grid: { left: look.narrow ? 8 : 270, right: 20, top: 36, bottom: 44 },
        legend: { top: 0, left: 0 },
        tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, formatter: (p: Doc) => {
          const o = shown[p[0].dataIndex];
          return tip(o.name, [['a day', usd(o.usd_per_day)], ['prefill', usd(o.usd_per_day_prefill)], ['decode', usd(o.usd_per_day_decode)],
            ['P10 to P90', `${usd(o.usd_per_day_range.p10)} to ${usd(o.usd_per_day_range.p90)}`]]);
        } },
        xAxis: { type: 'value', name: 'kUSD a day', nameLocation: 'middle', nameGap: 26, axisLabel: { formatter: (v: number) => number(v / 1e3) } },
        yAxis: { type: 'category', inverse: true, data: shown.map((o) => o.name), splitLine: { show: false },
          axisLabel: look.narrow
            ? { inside: true, verticalAlign: 'bottom', padding: [0, 0, 9, 0], color: look.text, margin: 0, interval: 0, hideOverlap: false, width: look.width - 40, overflow: 'truncate' }
            : { width: 260, overflow: 'break', lineHeight: 14, interval: 0, hideOverlap: false }, z: 10 },
        series: [
          { name: 'prefill', type: 'bar', stack: 'day', barMaxWidth: 14, itemStyle: { color: look.series[0] }, data: shown.map((o) => o.usd_per_day_prefill) },
          { name: 'decode', type: 'bar', stack: 'day', barMaxWidth: 14, itemStyle: { color: look.series[4] }, data: shown.map((o) => o.usd_per_day_decode) },
          { name: 'P10 to P90', type: 'custom', itemStyle: { color: look.text }, z: 5, tooltip: { show: false },
            encode: { x: [1, 2, 3], y: 0 },
            data: shown.map((o, i) => [i, o.usd_per_day_range.p10, o.usd_per_day_range.p50, o.usd_per_day_range.p90]),
            renderItem: whisker(look) },
        ],
      }),
    }), table(columns, shown, { label: 'Fleets' }),
    ...refused.map((o) => note(`${o.name}: ${o.reason}`))),
  ];
}

/** A horizontal line from value 1 to 3 with ends and a tick at 2, at category 0. */
function whisker(look: Look): (params: Doc, api: Doc) => Option {
  return (_params, api) => {
    const [from, middle, to] = [1, 2, 3].map((k) => api.coord([api.value(k), api.value(0)]));
    const y = from[1];
    const style = { stroke: look.text, lineWidth: 1.5, fill: 'none' };
    const line = (x1: number, y1: number, x2: number, y2: number) => ({ type: 'line', shape: { x1, y1, x2, y2 }, style });
    return { type: 'group', children: [line(from[0], y, to[0], y), line(from[0], y - 4, from[0], y + 4),
      line(to[0], y - 4, to[0], y + 4), line(middle[0], y - 4, middle[0], y + 4)] };
  };
}

function breakEven(d: Doc, state: Record<string, unknown>): HTMLElement[] {
  const lines: Doc[] = d.options.flatMap((o: Doc, oi: number) => o.break_even.map((b: Doc, bi: number) => ({ ...b, option: o.name, oi, bi })));
  if (lines.length === 0) return [note('No fleet of built chips alone is compared with one that could be had instead.')];
  const builds = unique(lines.map((l) => l.option as string));
  state.even = builds.includes(state.even as string) ? state.even : builds[0];
  const shown = () => lines.filter((l) => l.option === state.even);
  const picture: ChartElement = chart({
    label: `Lines: cumulated money of built chips against ${lines.length / builds.length} other fleets over months`,
    height: 340,
    option: (look) => ({
      grid: { left: 64, right: 20, top: look.narrow ? 134 : 56, bottom: 48 },
      legend: { top: 0, left: 0, type: 'plain', orient: look.narrow ? 'vertical' : 'horizontal' },
      tooltip: { trigger: 'item', formatter: (p: Doc) => tip(`against ${p.seriesName}`, [['month', number(p.value[0], 3)], ['money', usd(p.value[1] * 1e6)]]) },
      xAxis: { type: 'value', name: 'months from the start', nameLocation: 'middle', nameGap: 28 },
      yAxis: { type: 'value', name: 'MUSD' },
      series: shown().map((l, i) => ({
        name: l.against, type: 'line', symbolSize: 7, lineStyle: { width: 2, type: ['solid', 'dashed', 'dotted'][i % 3] },
        symbol: ['circle', 'diamond', 'triangle', 'rect'][i % 4],
        data: l.curve.map((c: Doc) => [c.months, c.usd / 1e6]),
        ...(i === 0 ? { markLine: { silent: true, symbol: 'none', lineStyle: { color: look.text, width: 1 }, label: { show: false }, data: [{ yAxis: 0 }] } } : {}),
      })),
    }),
  });
  return [
    card('Money spent and earned back', note('From the start of the programme until the chips are written off: the cost of design until volume, then the chips, then what running them saves against the other fleet.'),
      h('div', { class: 'controls' }, select('Build', builds.map((n) => [n, n]), state.even as string, (v) => { state.even = v; picture.redraw(); })),
      picture,
      table<Doc>([
        { label: 'Build', value: (l) => l.option },
        { label: 'Against', value: (l) => l.against },
        { label: 'Capital', value: (l) => l.capital_usd, text: (l) => usd(l.capital_usd), key: (l) => `options.${l.oi}.break_even.${l.bi}.capital_usd` },
        { label: 'Saved a month', value: (l) => l.saving_usd_per_month, text: (l) => usd(l.saving_usd_per_month), key: (l) => `options.${l.oi}.break_even.${l.bi}.saving_usd_per_month` },
        { label: 'Money back', value: (l) => l.date ?? '9', text: (l) => l.date ? l.date + (l.within_life ? '' : ", after the chips' life") : 'never' },
        { label: 'Load it takes', value: (l) => l.load_scale ?? Infinity, text: (l) => l.load_scale ? `${number(l.load_scale, 3)} such days` : 'no load makes it pay' },
      ], lines, { label: 'Break-even' })),
  ];
}

const kParts: [string, string][] = [
  ['logic_usd', 'Dies'], ['memory_usd', 'Memory'], ['interposer_usd', 'Interposer'], ['test_usd', 'Test'],
  ['other_usd', 'Other parts'], ['yield_loss_usd', 'Lost with bad units'],
];

function build(b: Doc, index: number): HTMLElement[] {
  const key = (name: string) => `builds.${index}.${name}`;
  let reached = 0;
  const steps = kParts.map(([part, label]) => {
    const from = reached;
    reached += b.unit[part];
    return { part, label, from, usd: b.unit[part] as number };
  });
  const waterfall = chart({
    label: `Waterfall: ${usd(b.unit.total_usd)} a unit from its parts`,
    height: 340,
    option: (look) => ({
      grid: { left: look.narrow ? 96 : 130, right: 76, top: 12, bottom: 44 },
      tooltip: { trigger: 'item', formatter: (p: Doc) => p.seriesName === 'from' ? '' : tip(p.name, [['', usd(p.value)], ['share', percent(100 * p.value / b.unit.total_usd)]]) },
      xAxis: { type: 'value', name: 'USD a unit', nameLocation: 'middle', nameGap: 26, axisLabel: { formatter: (v: number) => number(v) } },
      yAxis: { type: 'category', inverse: true, data: [...steps.map((s) => s.label), 'Unit'], splitLine: { show: false },
        axisLabel: { interval: 0, hideOverlap: false, width: look.narrow ? 88 : 122, overflow: 'break' } },
      series: [
        { name: 'from', type: 'bar', stack: 'unit', silent: true, itemStyle: { color: 'transparent' }, data: [...steps.map((s) => s.from), 0] },
        { name: 'cost', type: 'bar', stack: 'unit', barMaxWidth: 26,
          data: [...steps.map((s) => ({ value: s.usd, itemStyle: { color: look.series[s.part === 'yield_loss_usd' ? 1 : 0] } })),
            { value: b.unit.total_usd, itemStyle: { color: look.muted } }],
          label: { show: true, position: 'right', color: look.text, formatter: (p: Doc) => usd(p.value) } },
      ],
    }),
  });
  const stages: Doc[] = b.stages;
  const gantt = chart({
    label: `Gantt: ${stages.length} stages from median start to median end, with 10th to 90th percentile of the end`,
    height: () => 70 + 30 * stages.length,
    option: (look) => ({
      grid: { left: look.narrow ? 112 : 180, right: 20, top: 8, bottom: 48 },
      tooltip: { formatter: (p: Doc) => {
        const s = stages[p.dataIndex];
        const range = (q: Doc) => `${number(q.p50, 3)} (${number(q.p10, 3)} to ${number(q.p90, 3)})`;
        return tip(s.name, [['starts, month', range(s.start_months)], ['ends, month', range(s.end_months)],
          ['cost', `${usd(s.cost_usd.p50)} (${usd(s.cost_usd.p10)} to ${usd(s.cost_usd.p90)})`],
          ['reached', percent(100 * s.probability_reached)], ['passed', percent(100 * s.probability_passed)], ['gate', s.gate]]);
      } },
      xAxis: { type: 'value', min: 0, name: 'months from the start', nameLocation: 'middle', nameGap: 28 },
      yAxis: { type: 'category', inverse: true, data: stages.map((s) => s.name), splitLine: { show: false },
        axisLabel: { interval: 0, hideOverlap: false, width: look.narrow ? 104 : 172, overflow: 'truncate' } },
      series: [{
        type: 'custom', name: 'stages', encode: { x: [1, 2, 3, 4, 5, 6], y: 0 },
        data: stages.map((s, i) => [i, s.start_months.p10, s.start_months.p50, s.start_months.p90, s.end_months.p10, s.end_months.p50, s.end_months.p90]),
        renderItem: (_params: Doc, api: Doc) => {
          const at = (k: number) => api.coord([api.value(k), api.value(0)]);
          const [s10, s50, s90, e10, e50, e90] = [1, 2, 3, 4, 5, 6].map(at);
          const y = s50[1], half = 8;
          const line = (x1: number, x2: number) => ({ type: 'group', children: [
            { type: 'line', shape: { x1, y1: y, x2, y2: y }, style: { stroke: look.text, lineWidth: 1.5 } },
            ...[x1, x2].map((x) => ({ type: 'line', shape: { x1: x, y1: y - 4, x2: x, y2: y + 4 }, style: { stroke: look.text, lineWidth: 1.5 } }))] });
          return { type: 'group', children: [
            { type: 'rect', shape: { x: s50[0], y: y - half, width: Math.max(2, e50[0] - s50[0]), height: 2 * half, r: 2 },
              style: { fill: look.series[0], opacity: 0.75 } },
            ...(s90[0] > s10[0] ? [line(s10[0], s90[0])] : []), line(e10[0], e90[0])] };
        },
      }],
    }),
  });
  const influence = (title: string, list: Doc[]) => card(title, chart({
    label: `Bars: ${title}`, height: () => 70 + 26 * list.length,
    option: (look) => ({
      grid: { left: look.narrow ? 140 : 190, right: 24, top: 8, bottom: 44 },
      tooltip: { formatter: (p: Doc) => tip(p.name, [['share of rank variance', percent(p.value)], ['more of it means', list[p.dataIndex].sign > 0 ? 'more' : 'less']]) },
      xAxis: { type: 'value', name: '% of rank variance', nameLocation: 'middle', nameGap: 26 },
      yAxis: { type: 'category', inverse: true, data: list.map((i) => i.input), splitLine: { show: false }, axisLabel: { interval: 0, hideOverlap: false, width: look.narrow ? 130 : 180, overflow: 'truncate' } },
      series: [{ type: 'bar', barMaxWidth: 14, itemStyle: { color: look.series[0] }, data: list.map((i) => 100 * i.share_of_rank_variance) }],
    }),
  }));
  return [
    tiles([
      { label: 'Unit', key: key('unit.total_usd'), value: b.unit.total_usd, text: usd(b.unit.total_usd), note: `${usd(b.unit_usd.p10)} to ${usd(b.unit_usd.p90)}` },
      { label: 'Tape-out', key: key('tapeout_date_p50'), value: b.tapeout_date_p50, text: b.tapeout_date_p50 || '-' },
      { label: 'In volume', key: key('volume_date_p50'), value: b.volume_date_p50, text: b.volume_date_p50 || '-', note: `${b.volume_date_p10} to ${b.volume_date_p90}` },
      { label: 'NRE', key: key('nre_usd.p50'), value: b.nre_usd.p50, text: usd(b.nre_usd.p50), note: `${usd(b.nre_usd.p10)} to ${usd(b.nre_usd.p90)}` },
      { label: 'Reaches volume', key: key('probability_of_volume'), value: b.probability_of_volume, text: percent(100 * b.probability_of_volume) },
      { label: 'Process', key: key('process_available'), value: b.process_available, text: b.process, note: `${b.process_available} for the buyer; memory ${b.memory}: ${b.memory_available}` },
    ]),
    row(card('Cost of a unit', waterfall),
      card('Stages', note('Bars: median start to median end. Whiskers: 10th to 90th percentile of each.'), gantt)),
    card('Stages in figures', table<Doc>([
      { label: 'Stage', value: (s) => s.name },
      { label: 'Starts', unit: 'month', value: (s) => s.start_months.p50, text: (s) => number(s.start_months.p50, 3) },
      { label: 'Ends', unit: 'month', value: (s) => s.end_months.p50, text: (s) => number(s.end_months.p50, 3), key: (_, i) => key(`stages.${i}.end_months.p50`) },
      { label: 'Cost', value: (s) => s.cost_usd.p50, text: (s) => usd(s.cost_usd.p50), key: (_, i) => key(`stages.${i}.cost_usd.p50`) },
      { label: 'Reached', value: (s) => s.probability_reached, text: (s) => percent(100 * s.probability_reached) },
      { label: 'Passed', value: (s) => s.probability_passed, text: (s) => percent(100 * s.probability_passed) },
      { label: 'Gate', value: (s) => s.gate },
    ], stages, { label: 'Stages' })),
    row(...[['What decides the date', b.date_influences], ['What decides the NRE', b.nre_influences]]
      .filter(([, list]) => (list as Doc[] | undefined)?.length).map(([title, list]) => influence(title as string, list as Doc[]))),
  ];
}

function rules(d: Doc, state: Record<string, unknown>): HTMLElement[] {
  const byChip = new Map<string, Doc[]>();
  for (const o of d.options) for (const s of o.export_status) byChip.set(s.chip, s.rules);
  const chips = [...byChip.keys()];
  const body = h('div');
  const draw = (chip: string) => {
    state.rules = chip;
    body.replaceChildren(table<Doc>([
      { label: 'Rule', value: (r) => r.rule },
      { label: 'Applies', value: (r) => r.in_force ? (r.applies ? 'yes' : 'no') : 'not in force',
        text: (r) => h('span', { class: r.applies ? 'pill yes' : 'pill' }, r.in_force ? (r.applies ? 'applies' : 'does not apply') : 'not in force') },
      { label: 'Arithmetic', value: (r) => r.arithmetic.join('; '), text: (r) => h('span', { class: 'mono' }, r.arithmetic.join('; ') || '-') },
      { label: 'Effect', value: (r) => r.effect },
      { label: 'From', value: (r) => r.effective },
      { label: 'Source', value: (r) => r.source, text: (r) => source(d, r.source) },
    ], byChip.get(chip) ?? [], { label: `Rules for ${chip}` }));
  };
  const chosen = chips.includes(state.rules as string) ? state.rules as string
    : d.builds[0] && chips.includes(d.builds[0].name) ? d.builds[0].name : chips[0];
  draw(chosen);
  return [card(`On ${d.date}`, h('div', { class: 'controls' }, select('Chip', chips.map((c) => [c, c]), chosen, draw)), body, note(d.notice))];
}

function source(d: Doc, name: string): Node {
  const known = d.sources?.[name];
  if (!known) return document.createTextNode(name);
  const safe = /^https?:/.test(known.url);
  return safe ? h('a', { href: known.url, title: known.title, rel: 'noreferrer' }, name) : h('span', { title: known.title }, name);
}

function inputs(d: Doc): HTMLElement[] {
  const all: Doc[] = d.inputs;
  const list = h('div');
  const draw = (word: string) => {
    const wanted = word.toLowerCase();
    const shown = all.filter((f) => !wanted || [f.name, f.source, f.note, f.where].some((t: string) => t.toLowerCase().includes(wanted)));
    list.replaceChildren(table<Doc>([
      { label: 'Input', value: (f) => f.name },
      { label: 'Value', value: (f) => f.value },
      { label: 'Range', value: (f) => f.low === f.high ? '' : `${f.low} to ${f.high}` },
      { label: 'Confidence', value: (f) => f.confidence },
      { label: 'Source', value: (f) => f.source, text: (f) => source(d, f.source) },
      { label: 'Note', value: (f) => f.note },
      { label: 'Where', value: (f) => f.where, text: (f) => h('span', { class: 'mono' }, f.where) },
    ], shown, { label: 'Inputs', limit: 20 }));
  };
  draw('');
  const id = 'inputs-search';
  const count = (level: string) => sum(all.map((f) => f.confidence === level ? 1 : 0));
  return [card(`${number(all.length)} figures`, note(`Confidence: ${count('H')} H (primary source), ${count('M')} M (one good source, or arithmetic on one), ${count('L')} L (assumed).`),
    h('div', { class: 'controls' }, h('span', { class: 'field' }, h('label', { for: id }, 'Search'),
      h('input', { id, type: 'search', oninput: (e: Event) => draw((e.target as HTMLInputElement).value) }))), list)];
}
