// The chip of a build: floorplan to scale, what each block does and costs, power.
import { chart, Look, tip } from '../chart';
import { Doc, sum } from '../data';
import { card, figure, h, note, row, section, select, tiles } from '../dom';
import { number, percent, si, usd } from '../format';
import { layout, Placed } from '../floorplan';
import { data, table } from '../table';

export function render(root: HTMLElement, d: Doc, state: Record<string, unknown>): void {
  const body = h('div');
  const draw = (index: number) => {
    state.build = index;
    body.replaceChildren(...build(d.builds[index], index, state));
  };
  const chosen = Math.min((state.build as number) ?? 0, d.builds.length - 1);
  root.append(h('div', { class: 'controls' },
    select('Build', d.builds.map((b: Doc, i: number) => [String(i), b.name]), String(chosen), (v) => draw(Number(v)))), body);
  draw(chosen);
}

function colourOf(name: string, names: string[], look: Look): string {
  const at = names.indexOf(name);
  return at < 0 ? look.line : at < look.series.length ? look.series[at] : look.muted;
}

function build(b: Doc, index: number, state: Record<string, unknown>): HTMLElement[] {
  const key = (name: string) => `builds.${index}.${name}`;
  const placed = layout(b);
  const parts: Doc[] = b.area;
  // Colours go to the largest parts first, so that neighbours differ.
  const names = [...parts].filter((p) => p.name !== 'overhead of the die').sort((x, y) => y.total_mm2 - x.total_mm2).map((p) => p.name);
  const dieUsd = b.unit.die_usd;
  const cost = (p: Doc) => dieUsd * p.total_mm2 / b.die_area_mm2;
  const detail = h('div', { role: 'status' });
  const unplaced = Math.max(0, b.die_area_mm2 - sum(parts.map((p) => p.total_mm2)));

  const show = (name: string) => {
    state.block = name;
    const p = parts.find((q) => q.name === name);
    if (!p) return;
    const i = parts.indexOf(p);
    detail.replaceChildren(h('h3', {}, p.name), h('p', {}, p.does || ''), h('dl', { class: 'facts' },
      h('dt', {}, 'On the die'), h('dd', {}, figure(key(`area.${i}.count`), p.count, number(p.count)), ' x ',
        figure(key(`area.${i}.each_mm2`), p.each_mm2, number(p.each_mm2, 3)), ' mm\u00b2 = ',
        figure(key(`area.${i}.total_mm2`), p.total_mm2, number(p.total_mm2, 3)), ' mm\u00b2'),
      h('dt', {}, 'Of the die'), h('dd', {}, percent(100 * p.total_mm2 / b.die_area_mm2)),
      h('dt', {}, 'Costs'), h('dd', {}, `${usd(cost(p))} of the ${usd(dieUsd)} of a good die, by area`),
      h('dt', {}, 'In a core'), h('dd', {}, p.in_core ? 'yes: a bad one is switched off with its core' : 'no: a bad one costs the die')));
    plan.redraw();
  };

  const width = b.die_width_mm as number, height = b.die_height_mm as number;
  // Dies are taller than wide: laid down where the page is wide, upright where it is not.
  const plan = chart({
    label: `Floorplan of the die, ${number(width, 3)} by ${number(height, 3)} millimetres, ${parts.length} kinds of blocks; the table of blocks has the same`,
    height: (look) => Math.round((look.width - 56) * (look.narrow ? height / width : width / height)) + 64,
    option: (look) => { const upright = look.narrow; return ({
      grid: { left: 44, right: 12, top: 12, bottom: 52 },
      tooltip: { formatter: (p: Doc) => { const q = placed[p.dataIndex]; return tip(q.title, [['area', `${number(q.mm2, 3)} mm\u00b2`]]); } },
      xAxis: { type: 'value', min: 0, max: upright ? width : height, name: 'mm', nameLocation: 'middle', nameGap: 26, splitLine: { show: false }, axisLabel: { showMaxLabel: false, formatter: (v: number) => number(v, 3) } },
      yAxis: { type: 'value', min: 0, max: upright ? height : width, name: '', splitLine: { show: false }, axisLabel: { showMaxLabel: false, formatter: (v: number) => number(v, 3) } },
      series: [{
        type: 'custom', name: 'blocks', clip: true, encode: { x: [0, 2], y: [1, 3] },
        data: placed.map((q) => ({ name: q.name, value: upright ? [q.x, q.y, q.x + q.w, q.y + q.h] : [q.y, q.x, q.y + q.h, q.x + q.w] })),
        renderItem: (params: Doc, api: Doc) => {
          const q: Placed = placed[params.dataIndex];
          const [x0, y0] = api.coord([api.value(0), api.value(1)]), [x1, y1] = api.coord([api.value(2), api.value(3)]);
          const chosen = q.name === state.block;
          return { type: 'rect', shape: { x: Math.min(x0, x1), y: Math.min(y0, y1), width: Math.abs(x1 - x0), height: Math.abs(y1 - y0) },
            style: { fill: q.name === 'core' ? look.surface : colourOf(q.name, names, look),
              stroke: chosen ? look.text : q.name === 'core' ? look.muted : look.surface, lineWidth: chosen ? 2 : q.name === 'core' ? 1 : 0.5,
              opacity: state.block && !chosen && q.name !== 'core' ? 0.55 : 1 } };
        },
      }],
    }); },
    ready: (instance) => instance.on('click', (p: Doc) => show(placed[p.dataIndex].name)),
  });

  const power: [string, number][] = Object.entries(b.power_breakdown_w);
  const powerChart = chart({
    label: `Bars: ${number(b.power_w, 3)} watts by consumer`,
    height: 260,
    option: (look) => ({
      grid: { left: 96, right: 64, top: 8, bottom: 44 },
      tooltip: { formatter: (p: Doc) => tip(p.name, [['power', `${number(p.value, 3)} W`], ['share', percent(100 * p.value / b.power_w)]]) },
      xAxis: { type: 'value', name: 'W', nameLocation: 'middle', nameGap: 26 },
      yAxis: { type: 'category', inverse: true, data: power.map(([n]) => n), splitLine: { show: false } },
      series: [{ type: 'bar', barMaxWidth: 24, itemStyle: { color: look.series[0] }, data: power.map(([, w]) => w),
        label: { show: true, position: 'right', color: look.text, formatter: (p: Doc) => `${number(p.value, 3)} W` } }],
    }),
  });
  const out = [
    tiles([
      { label: 'Die', key: key('die_area_mm2'), value: b.die_area_mm2, text: `${number(b.die_area_mm2, 3)} mm\u00b2`, note: `${number(width, 3)} x ${number(height, 3)} mm${b.edge_bound ? ", set by the memory's edge" : ''}` },
      { label: 'Yield', key: key('die_yield'), value: b.die_yield, text: percent(100 * b.die_yield), note: `${b.spare_cores} spare cores` },
      { label: 'Good die', key: key('unit.die_usd'), value: dieUsd, text: usd(dieUsd) },
      { label: 'Clock', key: key('clock_hz'), value: b.clock_hz, text: si(b.clock_hz, 'Hz'), note: `${si(b.reachable_clock_hz, 'Hz')} reached by the dot unit in three stages` },
      { label: 'Power', key: key('power_w'), value: b.power_w, text: `${number(b.power_w, 3)} W`, note: 'at the assumed activity' },
      { label: 'TPP', key: key('tpp'), value: b.tpp, text: number(Math.round(b.tpp)), note: `${number(b.performance_density, 3)} a mm\u00b2` },
    ]),
    section('Floorplan', card(b.chip,
      note('To scale: sides of the die, and the area of every block from the planner. Where blocks stand is a sketch; gaps are the overhead of the die and what the memory\u2019s edge leaves empty.'),
      plan, legend(names)),
    row(card('Blocks', table<Doc>([
      { label: 'Block', value: (p) => p.name },
      { label: 'Count', value: (p) => p.count, key: (p) => key(`area.${parts.indexOf(p)}.count`) },
      { label: 'Each', unit: 'mm\u00b2', value: (p) => p.each_mm2, text: (p) => number(p.each_mm2, 3), key: (p) => key(`area.${parts.indexOf(p)}.each_mm2`) },
      { label: 'Total', unit: 'mm\u00b2', value: (p) => p.total_mm2, text: (p) => number(p.total_mm2, 3), key: (p) => key(`area.${parts.indexOf(p)}.total_mm2`) },
      { label: 'Of the die', value: (p) => 100 * p.total_mm2 / b.die_area_mm2, text: (p) => percent(100 * p.total_mm2 / b.die_area_mm2) },
      { label: 'Cost', value: cost, text: (p) => usd(cost(p)) },
    ], parts, { label: 'Blocks', sort: [3, true], click: (p) => show(p.name), clickLabel: (p) => `Show ${p.name}` }),
    unplaced > 0.5 ? note(`${number(unplaced, 3)} mm\u00b2 more are empty: the edge that ${b.stacks} stacks of memory need is longer than the content asks for.`) : null),
    h('article', { class: 'card' }, detail))),
    section('Power', card('At the assumed activity', powerChart, data<[string, number]>([
      { label: 'Consumer', value: ([n]) => n },
      { label: 'Power', unit: 'W', value: ([, w]) => w, key: ([n]) => key(`power_breakdown_w.${n}`) },
      { label: 'Share', value: ([, w]) => 100 * w / b.power_w, text: ([, w]) => percent(100 * w / b.power_w) },
    ], power, { label: 'Power' }))),
  ];
  const first = parts.some((p) => p.name === state.block) ? state.block as string : names[0];
  queueMicrotask(() => show(first));
  return out;

  function legend(all: string[]): HTMLElement {
    const holder = h('p', { class: 'note' });
    const paint = () => holder.replaceChildren(...all.map((name, i) =>
      h('span', { style: 'margin-right: 14px; white-space: nowrap; display: inline-block' }, h('span', { class: 'swatch', style: `background: ${i < 8 ? `var(--s${i})` : 'var(--muted)'}` }), name)));
    paint();
    return holder;
  }
}
