// An exploration: every point as a scatter, filters by brush or by number, parallel coordinates, one point in full.
import { chart, Chart, ChartElement, Look } from '../chart';
import { Doc } from '../data';
import { button, card, checkbox, figure, h, note, section, select, Tile, tiles } from '../dom';
import { number, withUnit } from '../format';
import { Column, table } from '../table';
import { Dimension, inFilters, matrixOf, Points } from '../points';

const kLater = 120;  // ms
const kMostLines = 400;  // of the parallel coordinates: more are a block of colour

interface State {
  x?: string;
  y?: string;
  filters?: Map<string, [number, number]>;
  picked?: number;
  frontOnly?: boolean;
}

export function render(root: HTMLElement, d: Doc, state: State): void {
  const points = matrixOf(d);
  const list: Tile[] = [
    { label: 'Points', key: 'points', value: d.points, text: number(d.points), note: d.points_in_space ? `of ${number(d.points_in_space)} in the space` : undefined },
    { label: 'Possible', key: 'points_possible', value: d.points_possible, text: number(d.points_possible) },
    { label: 'On the front', key: 'points_front', value: d.points_front, text: number(d.points_front), note: 'beaten by no other in cost, tokens/J, NRE and date together' },
  ];
  // One point asked for alone knows nothing of the others.
  if (d.points === undefined) list.length = 0;
  if (d.points_per_s) list.push({ label: 'Speed', key: 'points_per_s', value: d.points_per_s, text: `${number(d.points_per_s, 3)} points/s` });
  if (list.length) root.append(tiles(list));
  if (d.point?.refused) root.append(note(`This point cannot be: ${d.point.refused}.`));
  if (points.count === 0) {
    root.append(note('No possible point yet.'));
    return;
  }
  state.filters ??= new Map();
  const view = new View(points, d, state);
  root.append(...view.elements());
  view.update();
  const refused = Object.entries((d.refused ?? {}) as Record<string, number>);
  if (refused.length) {
    root.append(section('Refused', card('Why other points cannot be', table<[string, number]>([
      { label: 'Reason', value: ([reason]) => reason },
      { label: 'Points', value: ([, n]) => n, key: ([reason]) => `refused.${reason}` },
    ], refused, { label: 'Refused points', sort: [1, true] }))));
  }
}

class View {
  private readonly scatter: ChartElement;
  private readonly lines: ChartElement;
  private readonly status = h('p', { class: 'note', role: 'status' });
  private readonly detail = h('div');
  private readonly front = h('div');
  private readonly filterBox = h('div', { class: 'filters' });
  private readonly x: Dimension[];
  private instance?: Chart;
  private mask: Uint8Array;
  private brushing = false;
  private drawn = false;
  private pending?: ReturnType<typeof setTimeout>;

  constructor(private readonly points: Points, private readonly d: Doc, private readonly state: State) {
    this.x = points.dimensions.filter((c) => c.kind === 'figure');
    state.x = this.x.some((c) => c.name === state.x) ? state.x : this.x[0].name;
    state.y = this.x.some((c) => c.name === state.y) ? state.y : (this.x[1] ?? this.x[0]).name;
    this.mask = new Uint8Array(points.count).fill(1);
    this.scatter = this.makeScatter();
    this.lines = this.makeLines();
  }

  elements(): HTMLElement[] {
    const axes: [string, string][] = this.x.map((c) => [c.name, c.unit ? `${c.label} [${c.unit}]` : c.label]);
    return [
      section('Front', h('div', { class: 'split' }, card('All possible points', h('div', { class: 'controls' },
        select('Across', axes, this.state.x as string, (v) => { this.state.x = v; this.redraw(); }),
        select('Up', axes, this.state.y as string, (v) => { this.state.y = v; this.redraw(); }),
        checkbox('Front only', this.state.frontOnly ?? false, (on) => { this.state.frontOnly = on; this.update(); }),
        button('Clear filters', () => { this.state.filters?.clear(); this.drawFilters(); this.update(); })),
      this.status, this.scatter,
      note('Drag a rectangle to filter, click a point to choose it. The front is drawn larger.')),
      card('The chosen point', this.detail))),
      ...(this.differ() ? this.comparisons() : []),
      section('Points of the front', card('Front within the filters', this.front)),
    ];
  }

  /** Without a difference there is nothing to filter by and nothing to compare. */
  private differ(): boolean {
    return this.points.dimensions.some((c) => !c.constant);
  }

  private comparisons(): HTMLElement[] {
    return [
      section('Filters', card('By figure and by choice', this.filterBox)),
      section('Parallel coordinates', card('What good chips have in common',
        h('div', { class: 'scroll wide whole', tabindex: 0, role: 'region', 'aria-label': 'Parallel coordinates' }, this.lines),
        note(`At most ${kMostLines} lines: the front first, then the others evenly. Drag along an axis to filter by it.`))),
    ];
  }

  /** Everything that follows from the filters. */
  update(): void {
    this.mask = inFilters(this.points, this.state.filters as Map<string, [number, number]>, this.state.frontOnly ?? false);
    let left = 0;
    for (const on of this.mask) left += on;
    this.status.replaceChildren(figure('filtered', left, number(left)), ` of ${number(this.points.count)} points within the filters`);
    if (this.filterBox.childElementCount === 0) this.drawFilters();
    this.state.picked ??= this.bestPoint();
    this.refresh(true);
    // The scatter answers at once; what lies below it follows when nothing more is asked.
    clearTimeout(this.pending);
    this.pending = setTimeout(() => {
      if (this.differ()) this.lines.redraw();
      this.drawFront();
    }, this.drawn ? kLater : 0);
    this.drawn = true;
    this.pick(this.state.picked);
  }

  private redraw(): void {
    this.scatter.redraw();
  }

  /** The parts of the scatter that change with filters, or with the chosen point alone: not the cloud of all points. */
  private refresh(filters: boolean): void {
    if (!this.instance) return this.redraw();
    this.instance.setOption({ series: filters ? this.changing() : [this.changing()[2]] }, { lazyUpdate: false });
  }

  /** Pairs of the present axes for the points that `use` takes. */
  private pairs(use: (i: number) => boolean): Float64Array {
    const x = this.dimension(this.state.x as string).values, y = this.dimension(this.state.y as string).values;
    const out = new Float64Array(2 * this.points.count);
    let n = 0;
    for (let i = 0; i < this.points.count; ++i) {
      if (!use(i)) continue;
      out[n++] = x[i];
      out[n++] = y[i];
    }
    return out.subarray(0, n);
  }

  private changing(): Doc[] {
    const { mask, points: { front }, state: { picked } } = this;
    const x = this.dimension(this.state.x as string).values, y = this.dimension(this.state.y as string).values;
    return [
      { id: 'within', data: this.pairs((i) => mask[i] === 1 && front[i] === 0) },
      { id: 'front', data: this.pairs((i) => mask[i] === 1 && front[i] === 1) },
      { id: 'chosen', data: picked === undefined ? [] : [[x[picked], y[picked]]] },
    ];
  }

  /** The best of the front by the first figure: what one looks at first. */
  private bestPoint(): number {
    const column = this.x[0], sign = column.better === 'more' ? -1 : 1;
    let best = 0;
    for (let i = 1; i < this.points.count; ++i) {
      if (this.points.front[i] >= this.points.front[best] && sign * column.values[i] < sign * column.values[best]) best = i;
    }
    return best;
  }

  private dimension(name: string): Dimension {
    return this.points.dimensions.find((c) => c.name === name) as Dimension;
  }

  private makeScatter(): ChartElement {
    return chart({
      label: `Scatter of ${number(this.points.count)} points; filters and tables below show the same`,
      height: (look) => look.narrow ? 340 : 460,
      canvas: true,
      option: (look) => {
        const x = this.dimension(this.state.x as string), y = this.dimension(this.state.y as string);
        const axis = (c: Dimension) => ({ type: c.log ? 'log' : 'value', scale: true, min: c.low, max: c.high,
          name: (c.unit ? `${c.label} [${c.unit}]` : c.label) + (c.better ? `, ${c.better} is better` : ''),
          axisLabel: { formatter: (v: number) => axisText(v, c) } });
        // The cloud of all points has a canvas of its own, which filters leave alone.
        const cloud = (id: string, name: string, data: Float64Array, colour: string, size: number, opacity: number, z: number) => ({
          type: 'scatter', id, name, large: true, largeThreshold: 2000, symbolSize: size, z, zlevel: z === 1 ? 0 : 1, data,
          dimensions: ['x', 'y'], silent: true, itemStyle: { color: colour, opacity } });
        const [within, front, chosen] = this.changing();
        const size = this.points.count > 20000 ? 3 : this.points.count > 2000 ? 4 : 6;
        return {
          grid: { left: 72, right: 20, top: 48, bottom: 48 },
          legend: { top: 0, left: 0, data: ['all points', 'within the filters', 'front'], selectedMode: false },
          tooltip: { show: false },
          xAxis: { ...axis(x), nameLocation: 'middle', nameGap: 28 },
          yAxis: { ...axis(y), nameLocation: 'end', nameTextStyle: { align: 'left', padding: [0, 0, 0, -60] } },
          brush: { xAxisIndex: 0, throttleType: 'debounce', throttleDelay: 0, brushStyle: { color: 'rgba(90,140,190,.18)', borderColor: look.text } },
          series: [
            cloud('all', 'all points', this.pairs(() => true), look.line, size, 0.9, 1),
            cloud('within', 'within the filters', within.data, look.series[5], size, this.points.count > 20000 ? 0.55 : 0.8, 2),
            cloud('front', 'front', front.data, look.series[1], 9, 1, 3),
            { type: 'scatter', id: 'chosen', name: 'chosen', symbolSize: 16, silent: true, z: 4, zlevel: 2,
              itemStyle: { color: 'transparent', borderColor: look.text, borderWidth: 2 }, data: chosen.data },
          ],
        };
      },
      ready: (instance) => {
        this.instance = instance;
        instance.on('brushEnd', (event: unknown) => this.brushed(event as Doc));
        instance.getZr().on('click', (event) => { if (!this.brushing) this.nearest(event.offsetX, event.offsetY); this.brushing = false; });
      },
      redrawn: (instance) => instance.dispatchAction({ type: 'takeGlobalCursor', key: 'brush', brushOption: { brushType: 'rect', brushMode: 'single' } }),
    });
  }

  private brushed(event: Doc): void {
    const range = event.areas?.[0]?.coordRange;
    if (!range) return;
    const [[x0, x1], [y0, y1]] = range;
    this.brushing = true;
    setTimeout(() => { this.brushing = false; }, 0);
    this.state.filters?.set(this.state.x as string, [x0, x1]);
    this.state.filters?.set(this.state.y as string, [y0, y1]);
    this.drawFilters();
    this.update();
  }

  /** Chooses the point nearest to a place of the chart, within a finger's width. */
  private nearest(px: number, py: number): void {
    const instance = this.instance as Chart;
    const x = this.dimension(this.state.x as string), y = this.dimension(this.state.y as string);
    const scale = (c: Dimension, v: number) => c.log ? Math.log10(v) : v;
    // Axes are linear (or logarithmic): two places give the map from values to pixels.
    const origin = instance.convertToPixel('grid', [x.low, y.low]), corner = instance.convertToPixel('grid', [x.high, y.high]);
    const kx = (corner[0] - origin[0]) / (scale(x, x.high) - scale(x, x.low)), ky = (corner[1] - origin[1]) / (scale(y, y.high) - scale(y, y.low));
    let best = -1, distance = 24 * 24;
    for (let i = 0; i < this.points.count; ++i) {
      if (this.mask[i] === 0) continue;
      const dx = origin[0] + (scale(x, x.values[i]) - scale(x, x.low)) * kx - px;
      const dy = origin[1] + (scale(y, y.values[i]) - scale(y, y.low)) * ky - py;
      // The front is drawn above the others, and larger.
      const d2 = (dx * dx + dy * dy) * (this.points.front[i] ? 0.25 : 1);
      if (d2 < distance) { distance = d2; best = i; }
    }
    if (best >= 0) { this.pick(best); this.refresh(false); }
  }

  private makeLines(): ChartElement {
    const dimensions = this.points.dimensions.filter((c) => !c.constant && (c.kind === 'axis' || c.better || ['die_mm2', 'power_w', 'decode_tokens_per_s'].includes(c.name)));
    return chart({
      label: `Parallel coordinates of ${dimensions.length} figures and choices`,
      height: 420,
      canvas: true,
      option: (look) => {
        const chosen = this.sample();
        return {
          tooltip: { show: false },
          parallel: { left: 44, right: 70, top: 44, bottom: 24, parallelAxisDefault: parallelAxis(look) },
          parallelAxis: dimensions.map((c, dim) => ({
            dim, name: c.label, type: c.names ? 'category' : c.log ? 'log' : 'value', data: c.names,
            ...(c.names ? {} : { min: c.low, max: c.high, axisLabel: { formatter: (v: number) => axisText(v, c) } }),
          })),
          series: [
            { type: 'parallel', name: 'others', lineStyle: { color: look.series[5], width: 1, opacity: 0.25 }, data: chosen.filter((i) => !this.points.front[i]).map((i) => dimensions.map((c) => c.values[i])) },
            { type: 'parallel', name: 'front', lineStyle: { color: look.series[1], width: 1.5, opacity: 0.8 }, data: chosen.filter((i) => this.points.front[i]).map((i) => dimensions.map((c) => c.values[i])) },
          ],
        };
      },
      ready: (instance) => instance.on('axisareaselected', (event: unknown) => {
        const e = event as Doc;
        const index = Number(/\d+$/.exec(String(e.parallelAxisId ?? ''))?.[0] ?? e.parallelAxisIndex);
        const dimension = dimensions[index];
        const interval = e.intervals?.[0];
        if (!dimension || !interval || dimension.names) return;
        this.state.filters?.set(dimension.name, [interval[0], interval[1]]);
        this.drawFilters();
        // The axis keeps its selection while it is dragged; all else follows at once.
        requestAnimationFrame(() => this.update());
      }),
    });
  }

  private sample(): number[] {
    const inside: number[] = [], front: number[] = [];
    for (let i = 0; i < this.points.count; ++i) {
      if (this.mask[i]) (this.points.front[i] ? front : inside).push(i);
    }
    const room = Math.max(0, kMostLines - front.length);
    const step = Math.max(1, Math.ceil(inside.length / Math.max(1, room)));
    return [...front.slice(0, kMostLines), ...(room ? inside.filter((_, i) => i % step === 0) : [])];
  }

  private drawFilters(): void {
    const filters = this.state.filters as Map<string, [number, number]>;
    this.filterBox.replaceChildren(...this.points.dimensions.filter((c) => !c.constant).map((c) => {
      const [low, high] = filters.get(c.name) ?? [NaN, NaN];
      if (c.names) {
        const options: [string, string][] = [['', 'all'], ...c.names.map((n, i): [string, string] => [String(i), n])];
        return h('div', { class: 'range' }, select(c.label, options, low === high && !Number.isNaN(low) ? String(low) : '', (v) => {
          if (v === '') filters.delete(c.name);
          else filters.set(c.name, [Number(v), Number(v)]);
          this.update();
        }));
      }
      const input = (which: 0 | 1, value: number) => h('input', {
        type: 'number', step: 'any', value: Number.isNaN(value) || !Number.isFinite(value) ? undefined : Number(value.toPrecision(6)),
        placeholder: short(which ? c.most : c.least), 'aria-label': `${c.label}, ${which ? 'at most' : 'at least'}`,
        onchange: (e: Event) => {
          const text = (e.target as HTMLInputElement).value;
          const now = filters.get(c.name) ?? [-Infinity, Infinity];
          now[which] = text === '' ? (which ? Infinity : -Infinity) : Number(text);
          if (now[0] === -Infinity && now[1] === Infinity) filters.delete(c.name);
          else filters.set(c.name, now);
          this.update();
        },
      });
      return h('div', { class: 'range' }, h('span', {}, c.unit ? `${c.label} [${c.unit}]` : c.label), input(0, low), h('span', { class: 'note' }, 'to'), input(1, high));
    }));
  }

  private pick(index: number): void {
    this.state.picked = index;
    const id = this.points.ids[index];
    const quoted = (text: string) => (/^[\w./-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`);
    const space = String(this.d.space ?? '');
    const command = `hadal explore ${quoted(String(this.d.argument ?? this.d.scenario))}${space ? ` --space ${quoted(space)}` : ''} --point ${id}`;
    const copy = button('Copy', () => { void navigator.clipboard?.writeText(command).then(() => { copy.textContent = 'Copied'; }); });
    this.detail.replaceChildren(
      h('p', {}, `Point ${id}${this.points.front[index] ? ', on the front' : ''}`),
      h('div', { class: 'command' }, h('code', { 'data-command': true }, command), copy),
      h('dl', { class: 'facts' }, this.points.dimensions.flatMap((c) => {
        const value = c.values[index];
        return [h('dt', {}, c.label), h('dd', {}, c.names ? c.names[value] : figure(`point.${id}.${c.name}`, value, withUnit(value, c.unit)))];
      })));
  }

  private drawFront(): void {
    const rows: number[] = [];
    for (let i = 0; i < this.points.count; ++i) if (this.mask[i] && this.points.front[i]) rows.push(i);
    const columns: Column<number>[] = [
      { label: 'Point', value: (i) => this.points.ids[i], text: (i) => String(this.points.ids[i]) },
      ...this.points.dimensions.filter((c) => !c.constant || !this.differ()).map((c): Column<number> => ({
        label: c.label, unit: c.names || ['USD', 'B', 'B/s'].includes(c.unit) ? undefined : c.unit,
        value: (i) => c.names ? c.names[c.values[i]] : c.values[i],
        text: c.names ? undefined : (i) => ['USD', 'B', 'B/s'].includes(c.unit) ? withUnit(c.values[i], c.unit) : number(c.values[i]),
        key: (i) => `point.${this.points.ids[i]}.${c.name}`,
      })),
    ];
    this.front.replaceChildren(table(columns, rows, { label: 'Points of the front', sort: [1, false], limit: 20,
      click: (i) => { this.pick(i); this.refresh(false); this.detail.scrollIntoView({ block: 'nearest' }); },
      clickLabel: (i) => `Choose point ${this.points.ids[i]}` }));
  }
}

/** As an input of numbers takes it. */
function short(value: number): string {
  return Math.abs(value) >= 1e6 ? value.toExponential(3).replace(/\.?0+e\+?/, 'e') : String(Number(value.toPrecision(4)));
}

function parallelAxis(look: Look): Doc {
  return {
    nameLocation: 'end', nameGap: 16, nameTextStyle: { color: look.text, fontSize: 12, overflow: 'truncate', width: 80 },
    axisLine: { lineStyle: { color: look.muted } }, axisTick: { lineStyle: { color: look.muted } },
    axisLabel: { color: look.muted, fontSize: 12, width: 74, overflow: 'truncate', hideOverlap: true }, splitLine: { show: false },
    areaSelectStyle: { color: look.series[0], opacity: 0.25, borderColor: look.text },
  };
}

function axisText(value: number, c: Dimension): string {
  return ['USD', 'B', 'B/s'].includes(c.unit) ? withUnit(value, c.unit).replace(' ', '\u00a0') : number(value, 3);
}

