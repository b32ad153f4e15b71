// A run: text and its time token by token, where the time went, roofline, units and memory over time, energy.
import { chart, tip } from '../chart';
import { Doc, sum, unique } from '../data';
import { card, figure, h, note, row, section, select, Tile, tiles } from '../dom';
import { number, percent, si } from '../format';
import { boundColour, inkOn, theme } from '../theme';
import { Column, data, table } from '../table';

interface Operator {
  name: string;
  cycles: number;
  bound_by: string;
  share_pct: number;
  macs: number;
  dram_read_bytes: number;
  dram_written_bytes: number;
  busy_core_cycles: Record<string, number>;
}

const kUnits = ['ld', 'st', 'nx', 'mm', 'vx', 'ctl'];
const kUnitNames: Record<string, string> = {
  ctl: 'CTL control', ld: 'LD load', st: 'ST store', nx: 'NX network', mm: 'MM matrix', vx: 'VX vector',
};

export function render(root: HTMLElement, d: Doc, state: Record<string, unknown>): void {
  const timed = d.cycles !== null && d.cycles !== undefined;
  root.append(tiles(headline(d, timed)));
  root.append(section('Text', text(d)));
  if (!timed) {
    root.append(note('Run without the timing simulator: no cycles, no energy.'));
    return;
  }
  const steps = tokensChart(d);
  if (steps) root.append(steps);
  const phases = [['decode', 'Decode'], ['prefill', 'Prefill']].filter(([key]) => d[key]?.cycles > 0) as [string, string][];
  if (phases.length === 0) return;
  const chosen = (state.phase as string) ?? phases[0][0];
  const body = h('div');
  const draw = (phase: string) => {
    state.phase = phase;
    body.replaceChildren(...timeParts(d[phase], d.machine, `${phase}.`, state));
  };
  root.append(section('Where the time went',
    h('div', { class: 'controls' }, select('Phase', phases, chosen, draw)), body));
  draw(phases.some(([p]) => p === chosen) ? chosen : phases[0][0]);
  if (d.timeline) root.append(section('The last step over time', ...timeline(d)));
}

export function renderLaunch(root: HTMLElement, d: Doc, state: Record<string, unknown>): void {
  const list: Tile[] = Object.entries(d.work ?? {}).map(([key, value]) =>
    ({ label: key.replace(/_/g, ' '), key: `work.${key}`, value, text: number(value as number) }));
  if (d.cycles !== undefined) {
    list.unshift({ label: 'Cycles', key: 'cycles', value: d.cycles, text: number(d.cycles) },
      { label: 'Chip time', key: 'simulated_s', value: d.simulated_s, text: si(d.simulated_s, 's') });
  }
  root.append(tiles(list));
  if (d.operators?.length) root.append(section('Where the time went', ...timeParts(d, d.machine, '', state)));
}

function headline(d: Doc, timed: boolean): Tile[] {
  const list: Tile[] = [];
  const add = (label: string, key: string, value: unknown, shown: string, remark?: string) =>
    list.push({ label, key, value, text: shown, note: remark });
  if (timed) {
    const decode = d.decode?.tokens_per_s_simulated ? 'decode.tokens_per_s_simulated' : 'tokens_per_s_simulated';
    const rate = decode.startsWith('decode') ? d.decode.tokens_per_s_simulated : d.tokens_per_s_simulated;
    add('Chip, decode', decode, rate, `${number(rate)} tokens/s`);
    add('Chip time', 'simulated_s', d.simulated_s, si(d.simulated_s, 's'), `${number(d.cycles)} cycles`);
    add('Energy a token', 'energy_j_per_token', d.energy_j_per_token, si(d.energy_j_per_token, 'J'));
    const phase = d.decode?.cycles > 0 ? 'decode' : 'prefill';
    add('DRAM, of peak', `${phase}.dram_peak_pct`, d[phase].dram_peak_pct, percent(d[phase].dram_peak_pct),
      si(d[phase].dram_bytes_per_s, 'B/s'));
  }
  add('Generated', 'tokens', d.tokens, `${number(d.tokens)} tokens`);
  add('Simulator', 'tokens_per_s_wall', d.tokens_per_s_wall, `${number(d.tokens_per_s_wall, 3)} tokens/s`,
    `${si(d.wall_s, 's')} on the host`);
  if (d.drafts) {
    add('Drafts accepted', 'drafts.accepted', d.drafts.accepted,
      `${number(d.drafts.accepted)} of ${number(d.drafts.checked)}`);
  }
  return list;
}

function text(d: Doc): HTMLElement {
  const tokens: Doc[] = d.tokens_each ?? [];
  const times = tokens.map((t) => t.simulated_s ?? 0);
  const low = Math.min(...times), high = Math.max(...times);
  const words = tokens.length
    ? tokens.map((t) => t.simulated_s === undefined ? t.text
      : h('span', { 'data-step': true, title: `token ${t.id}: ${si(t.simulated_s, 's')}`,
        style: `--heat: ${high > low ? Math.round(100 * (t.simulated_s - low) / (high - low)) : 0}` }, t.text))
    : [d.text];
  const others: Doc[] = (d.sequences ?? []).slice(1);
  return h('article', { class: 'card' },
    h('p', { class: 'tokens' }, h('span', { class: 'prompt' }, d.prompt), ...words),
    times.some((t) => t > 0) ? note(`Underlined by simulated time: ${si(low, 's')} to ${si(high, 's')} a token.`) : null,
    others.length ? h('details', {}, h('summary', {}, `${others.length} more sequences`),
      others.map((s) => h('p', { class: 'tokens' }, h('span', { class: 'prompt' }, `[seed ${s.seed}] `), s.text))) : null);
}

function tokensChart(d: Doc): HTMLElement | null {
  interface Step { phase: string; rows: number; cycles: number; simulated_s: number; energy_j: number;
    dram_read_bytes: number; token: string }
  const tokens: Doc[] = d.tokens_each ?? [];
  const matched = tokens.length > 0 && tokens[tokens.length - 1].simulated_s !== undefined;
  const of = (phase: string): Step[] => (d[phase]?.steps_each ?? []).map((s: Doc, i: number, all: Doc[]) => ({
    ...s, phase,
    token: !matched ? '' : phase === 'decode' ? tokens[i + 1]?.text ?? '' : i === all.length - 1 ? tokens[0].text : '',
  }));
  const steps = [...of('prefill'), ...of('decode')];
  if (steps.length < 2) return null;
  const columns: Column<Step>[] = [
    { label: 'Step', value: (s) => steps.indexOf(s) + 1 },
    { label: 'Phase', value: (s) => s.phase },
    { label: 'Token', value: (s) => s.token, text: (s) => JSON.stringify(s.token) },
    { label: 'Rows', value: (s) => s.rows },
    { label: 'Cycles', value: (s) => s.cycles },
    { label: 'Time', value: (s) => s.simulated_s, text: (s) => si(s.simulated_s, 's') },
    { label: 'Energy', value: (s) => s.energy_j, text: (s) => si(s.energy_j, 'J') },
    { label: 'DRAM read', value: (s) => s.dram_read_bytes, text: (s) => si(s.dram_read_bytes, 'B') },
  ];
  return section('Step by step', card('Simulated time of each step', chart({
    label: `Bars: simulated time of ${steps.length} steps, in microseconds`,
    height: 260,
    option: (look) => ({
      grid: { left: 56, right: 16, top: 44, bottom: 44 },
      legend: { top: 0, left: 0 },
      tooltip: { trigger: 'item', formatter: (p: Doc) => {
        const s = steps[p.value[0] - 1];
        return tip(`step ${p.value[0]}, ${s.phase}`, [['token', JSON.stringify(s.token)], ['time', si(s.simulated_s, 's')],
          ['energy', si(s.energy_j, 'J')], ['DRAM read', si(s.dram_read_bytes, 'B')]]);
      } },
      xAxis: { type: 'value', name: 'step', nameLocation: 'middle', nameGap: 26, min: 0.5, max: steps.length + 0.5,
        minInterval: 1, splitLine: { show: false } },
      yAxis: { type: 'value', name: '\u00b5s', nameLocation: 'end' },
      series: ['prefill', 'decode'].map((phase, k) => ({
        name: phase, type: 'bar', barWidth: Math.max(1, Math.min(24, 0.7 * (look.width - 80) / steps.length)),
        barGap: '-100%', itemStyle: { color: look.series[k === 0 ? 1 : 0] },
        data: steps.flatMap((s, i) => s.phase === phase ? [[i + 1, s.simulated_s * 1e6]] : []),
      })),
    }),
  }), data(columns, steps, { label: 'Steps' })));
}

function timeParts(part: Doc, machine: Doc, prefix: string, state: Record<string, unknown>): HTMLElement[] {
  const operators: Operator[] = part.operators;
  const cycles = sum(operators.map((o) => o.cycles));
  const busy = (o: Operator, unit: string) =>
    o.cycles > 0 ? 100 * (o.busy_core_cycles?.[unit] ?? 0) / (o.cycles * (machine?.cores ?? 1)) : null;
  const columns: Column<Operator>[] = [
    { label: 'Operator', value: (o) => o.name || '(unmarked)' },
    { label: 'Cycles', value: (o) => o.cycles, key: (_, i) => `${prefix}operators.${i}.cycles` },
    { label: 'Share', value: (o) => o.share_pct, text: (o) => percent(o.share_pct), key: (_, i) => `${prefix}operators.${i}.share_pct` },
    { label: 'Bound by', value: (o) => o.bound_by, text: (o) => bound(o.bound_by) },
    { label: 'FLOP', value: (o) => 2 * o.macs, text: (o) => si(2 * o.macs, 'FLOP') },
    { label: 'DRAM', value: bytes, text: (o) => si(bytes(o), 'B') },
    ...['mm', 'vx', 'ld'].map((u) => ({
      label: `${u.toUpperCase()} busy`, value: (o: Operator) => busy(o, u) ?? -1, text: (o: Operator) => percent(busy(o, u)),
    })),
  ];
  const out = [
    treemap(part, state, cycles),
    card('Operators', table(columns, operators, { label: 'Operators', sort: [1, true], limit: 30 })),
    row(roofline(operators, machine), energy(part, prefix)),
    card('Units and memory', utilisation(part, prefix)),
  ];
  return out;
}

const bytes = (o: Operator): number => (o.dram_read_bytes ?? 0) + (o.dram_written_bytes ?? 0);
const bound = (name: string): HTMLElement =>
  h('span', {}, h('span', { class: 'swatch', style: `background: ${boundColour(name)}` }), name);

/** "L3.q_up" belongs to layer 3 and is a q_up. */
function split(name: string): [string, string] {
  const match = /^L(\d+)\.(.*)$/.exec(name);
  return match ? [`layer ${match[1]}`, match[2]] : ['outside layers', name];
}

function treemap(part: Doc, state: Record<string, unknown>, cycles: number): HTMLElement {
  const all: { name: string; cycles: number }[] = part.operators_by_layer?.length ? part.operators_by_layer : part.operators;
  const bounds = new Map<string, string>(part.operators.map((o: Operator) => [o.name, o.bound_by]));
  const by = (state.tree as string) ?? 'operator';
  const nodes = (): Doc[] => {
    const key = (name: string) => split(name)[state.tree === 'layer' ? 0 : 1];
    const rest = (name: string) => split(name)[state.tree === 'layer' ? 1 : 0];
    return unique(all.map((o) => key(o.name))).map((group) => {
      const members = all.filter((o) => key(o.name) === group);
      const colour = state.tree === 'layer' ? undefined : boundColour(bounds.get(group) ?? '');
      return {
        name: group || '(unmarked)', value: sum(members.map((o) => o.cycles)), itemStyle: { color: colour, borderColor: theme().surface },
        children: members.map((o) => {
          const fill = boundColour(bounds.get(split(o.name)[1]) ?? '');
          return { name: rest(o.name), value: o.cycles, itemStyle: { color: fill }, label: { color: inkOn(fill) } };
        }),
      };
    });
  };
  const figureElement = chart({
    label: `Treemap: ${number(cycles)} cycles by operator and layer; the table of operators has the figures`,
    height: (look) => look.narrow ? 320 : 380,
    option: (look) => ({
      tooltip: { formatter: (p: Doc) => tip(p.treePathInfo.map((n: Doc) => n.name).filter(Boolean).join(' / '),
        [['cycles', number(p.value)], ['share', percent(100 * p.value / cycles)]]) },
      series: [{
        type: 'treemap', name: 'all', data: nodes(), roam: false, nodeClick: 'zoomToNode', left: 0, right: 0, top: 0, bottom: 28,
        breadcrumb: { bottom: 0, height: 20, itemStyle: { color: look.surface, borderColor: look.line, textStyle: { color: look.text } },
          emphasis: { itemStyle: { color: look.line, textStyle: { color: look.text } } } },
        label: { show: true, fontSize: 12, overflow: 'truncate' },
        upperLabel: { show: true, height: 20, color: look.text, fontSize: 12 },
        itemStyle: { borderColor: look.surface, borderWidth: 1, gapWidth: 1 },
        levels: [{ itemStyle: { borderWidth: 0, gapWidth: 3 }, upperLabel: { show: false } }, { itemStyle: { gapWidth: 1, borderWidth: 2 } }, {}],
      }],
    }),
  });
  const used = unique([...bounds.values()]);
  return card('Cycles by operator and layer',
    h('div', { class: 'controls' },
      select('Group by', [['operator', 'Operator'], ['layer', 'Layer']], by, (v) => { state.tree = v; figureElement.redraw(); }),
      h('span', { class: 'note' }, 'Colour: bound by ', used.map((b) => h('span', {}, bound(b), ' ')))),
    figureElement);
}

function roofline(operators: Operator[], machine: Doc): HTMLElement {
  const points = operators.filter((o) => o.macs > 0 && o.cycles > 0 && bytes(o) > 0).map((o) => ({
    name: o.name, bound: o.bound_by, share: o.share_pct, intensity: 2 * o.macs / bytes(o),
    flops: 2 * o.macs / o.cycles * machine.clock_hz,
  }));
  const left = operators.filter((o) => o.cycles > 0 && !(o.macs > 0 && bytes(o) > 0)).map((o) => o.name || '(unmarked)');
  if (points.length === 0) return card('Roofline', note('No operator multiplies matrices and moves DRAM data.'));
  const peak = machine.peak_fp8_flops, bandwidth = machine.peak_dram_bytes_per_s;
  const ridge = peak / bandwidth;
  const xs = points.map((p) => p.intensity), ys = points.map((p) => p.flops);
  const low = 10 ** Math.floor(Math.log10(Math.min(...xs) * 0.7)), high = 10 ** Math.ceil(Math.log10(Math.max(ridge * 3, ...xs)));
  const floor = 10 ** Math.floor(Math.log10(Math.min(...ys) * 0.7));
  const columns: Column<typeof points[0]>[] = [
    { label: 'Operator', value: (p) => p.name },
    { label: 'FLOP a byte', value: (p) => p.intensity },
    { label: 'Reached', value: (p) => p.flops, text: (p) => si(p.flops, 'FLOPS') },
    { label: 'Of the roof', value: (p) => 100 * p.flops / Math.min(peak, bandwidth * p.intensity),
      text: (p) => percent(100 * p.flops / Math.min(peak, bandwidth * p.intensity)) },
    { label: 'Bound by', value: (p) => p.bound },
  ];
  return card('Roofline', chart({
    label: `Scatter: floating-point operations a second against operations a DRAM byte for ${points.length} operators, under the roof of ${si(peak, 'FLOPS')} and ${si(bandwidth, 'B/s')}`,
    height: 400,
    option: (look) => ({
      grid: { left: 72, right: 16, top: 36, bottom: 48 },
      tooltip: { formatter: (p: Doc) => p.seriesName === 'roof' ? '' : tip(p.data.name, [
        ['FLOP a byte', number(p.value[0])], ['reached', si(p.value[1], 'FLOPS')], ['share of time', percent(p.data.share)],
        ['bound by', p.data.bound]]) },
      xAxis: { type: 'log', min: low, max: high, name: 'FLOP / DRAM byte', nameLocation: 'middle', nameGap: 28 },
      yAxis: { type: 'log', min: floor, max: 10 ** Math.ceil(Math.log10(peak)), name: 'FLOPS', axisLabel: { formatter: (v: number) => si(v, '') } },
      series: [
        { name: 'roof', type: 'line', symbol: 'none', silent: true, lineStyle: { color: look.text, width: 2 },
          data: [[low, Math.max(floor, bandwidth * low)], [ridge, peak], [high, peak]],
          endLabel: { show: false },
          markLine: { silent: true, symbol: 'none', lineStyle: { color: look.muted, type: 'dashed' },
            label: { color: look.muted, position: 'insideEndTop', formatter: () => `${si(peak, 'FLOPS')} FP8` }, data: [{ yAxis: peak }] } },
        { name: 'operators', type: 'scatter', symbolSize: (_: unknown, p: Doc) => 8 + Math.sqrt(p.data.share) * 4,
          data: points.map((p) => ({ name: p.name, value: [p.intensity, p.flops], share: p.share, bound: p.bound,
            itemStyle: { color: boundColour(p.bound), opacity: 0.85, borderColor: look.surface } })),
          label: { show: true, formatter: '{b}', position: 'right', color: look.text, fontSize: 12 },
          labelLayout: { hideOverlap: true, moveOverlap: 'shiftY' }, labelLine: { show: true, lineStyle: { color: look.muted } } },
      ],
    }),
  }),
  left.length ? note(`Not on it, for want of products or of DRAM traffic: ${left.join(', ')}.`) : null,
  data(columns, points, { label: 'Roofline' }));
}

function energy(part: Doc, prefix: string): HTMLElement {
  const rows = Object.entries(part.energy_by_component_j as Record<string, number>).map(([name, joule]) => ({ name, joule }));
  const total = sum(rows.map((r) => r.joule));
  const sorted = [...rows].sort((a, b) => a.joule - b.joule);
  return card('Energy by component', chart({
    label: `Bars: ${si(total, 'J')} by component`,
    height: 400,
    option: (look) => ({
      grid: { left: 80, right: 72, top: 12, bottom: 48 },
      tooltip: { formatter: (p: Doc) => tip(p.name, [['energy', si(p.value, 'J')], ['share', percent(100 * p.value / total)]]) },
      xAxis: { type: 'value', name: 'J', nameLocation: 'middle', nameGap: 28, axisLabel: { formatter: (v: number) => si(v, '') } },
      yAxis: { type: 'category', data: sorted.map((r) => r.name), splitLine: { show: false } },
      series: [{ type: 'bar', data: sorted.map((r) => r.joule), itemStyle: { color: look.series[0] }, barMaxWidth: 24,
        label: { show: true, position: 'right', color: look.text, formatter: (p: Doc) => percent(100 * p.value / total) } }],
    }),
  }), data<typeof rows[0]>([
    { label: 'Component', value: (r) => r.name },
    { label: 'Energy', value: (r) => r.joule, text: (r) => si(r.joule, 'J'), key: (r) => `${prefix}energy_by_component_j.${r.name}` },
    { label: 'Share', value: (r) => 100 * r.joule / total, text: (r) => percent(100 * r.joule / total) },
  ], rows, { label: 'Energy', sort: [1, true] }));
}

function utilisation(part: Doc, prefix: string): HTMLElement {
  const facts: [string, string, number, string][] = [
    ...kUnits.map((u): [string, string, number, string] =>
      [`${kUnitNames[u]} busy`, `utilisation_pct.${u}`, part.utilisation_pct[u], percent(part.utilisation_pct[u])]),
    ['DRAM read', 'dram_read_bytes', part.dram_read_bytes, si(part.dram_read_bytes, 'B')],
    ['DRAM written', 'dram_written_bytes', part.dram_written_bytes, si(part.dram_written_bytes, 'B')],
    ['DRAM rate', 'dram_bytes_per_s', part.dram_bytes_per_s, si(part.dram_bytes_per_s, 'B/s')],
    ['Open row hits', 'dram_row_hits', part.dram_row_hits,
      `${number(part.dram_row_hits)} (${percent(100 * part.dram_row_hits / Math.max(1, part.dram_row_hits + part.dram_row_misses))})`],
    ['Scratchpad conflicts', 'spm_conflict_cycles', part.spm_conflict_cycles, `${number(part.spm_conflict_cycles)} core cycles`],
    ['Network stalls', 'noc_stall_cycles', part.noc_stall_cycles, `${number(part.noc_stall_cycles)} cycles`],
    ['Instructions', 'instructions', part.instructions, number(part.instructions)],
  ];
  return h('dl', { class: 'facts' }, facts.flatMap(([label, key, value, shown]) =>
    [h('dt', {}, label), h('dd', {}, figure(prefix + key, value, shown))]));
}

function timeline(d: Doc): HTMLElement[] {
  const t = d.timeline;
  const us = (i: number) => (i + 0.5) * t.bin_cycles / t.clock_hz * 1e6;
  const seconds = t.bin_cycles / t.clock_hz;
  const grid = { left: 56, right: 16, top: 48, bottom: 44 };
  const end = t.bins * seconds * 1e6;
  const xAxis = { type: 'value', min: 0, max: end, name: '\u00b5s', nameLocation: 'middle', nameGap: 26,
    axisLabel: { formatter: (v: number) => number(v, 3) } };
  const busy = chart({
    label: `Lines: share of cores whose load, store, network, matrix and vector units are busy, over ${number(end)} microseconds`,
    height: 300,
    option: () => ({
      grid, legend: { top: 0, left: 0 }, xAxis,
      tooltip: { trigger: 'axis', valueFormatter: (v: number) => percent(v) },
      yAxis: { type: 'value', name: '% of cores', min: 0 },
      series: kUnits.filter((u) => u !== 'ctl').map((u) => ({
        name: kUnitNames[u], type: 'line', symbol: 'none', lineStyle: { width: 1.5 },
        data: t.busy_pct[u].map((v: number, i: number) => [us(i), v]),
      })),
    }),
  });
  const traffic = chart({
    label: 'Areas: DRAM bytes read and written a second over the step',
    height: 300,
    option: (look) => ({
      grid: { ...grid, left: 64 }, legend: { top: 0, left: 0 }, xAxis,
      tooltip: { trigger: 'axis', valueFormatter: (v: number) => `${number(v)} GB/s` },
      yAxis: { type: 'value', name: 'GB/s', min: 0 },
      series: [['read', 'dram_read_bytes', 0], ['written', 'dram_written_bytes', 1]].map(([name, key, colour]) => ({
        name, type: 'line', step: 'middle', symbol: 'none', lineStyle: { width: 1 }, areaStyle: { opacity: 0.35 },
        itemStyle: { color: look.series[colour as number] },
        data: t[key as string].map((v: number, i: number) => [us(i), v / seconds / 1e9]),
      })),
    }),
  });
  const total = sum(t.dram_read_bytes) + sum(t.dram_written_bytes);
  const peak = Math.max(...t.dram_read_bytes.map((v: number, i: number) => v + t.dram_written_bytes[i])) / seconds;
  const mean = total / (t.bins * seconds);
  interface Bin { i: number }
  const bins: Bin[] = t.dram_read_bytes.map((_: number, i: number) => ({ i }));
  return [
    card('Units busy', busy, data<Bin>([
      { label: 'From', unit: '\u00b5s', value: (b) => b.i * seconds * 1e6 },
      ...kUnits.map((u) => ({ label: u.toUpperCase(), unit: '%', value: (b: Bin) => t.busy_pct[u][b.i] as number })),
      { label: 'Read', unit: 'B', value: (b) => t.dram_read_bytes[b.i] },
      { label: 'Written', unit: 'B', value: (b) => t.dram_written_bytes[b.i] },
    ], bins, { label: 'Bins of the step', limit: 30 })),
    card('Memory traffic', traffic,
      note(`${si(total, 'B')} in the step: ${si(mean, 'B/s')} on average, ${si(peak, 'B/s')} in the busiest bin of ` +
        `${number(t.bin_cycles)} cycles; ${si(d.machine.peak_dram_bytes_per_s, 'B/s')} is the peak of the memory.`)),
  ];
}
