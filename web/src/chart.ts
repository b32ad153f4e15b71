// One chart: created when its element has a size, drawn anew when the theme or the width changes.
import { BarChart, CustomChart, LineChart, ParallelChart, ScatterChart, TreemapChart } from 'echarts/charts';
import {
  AriaComponent, BrushComponent, GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent,
  ParallelComponent, TooltipComponent,
} from 'echarts/components';
import * as echarts from 'echarts/core';
import { LabelLayout } from 'echarts/features';
import { CanvasRenderer, SVGRenderer } from 'echarts/renderers';
import { h } from './dom';
import { Theme, theme, watch } from './theme';

echarts.use([
  AriaComponent, BarChart, BrushComponent, CanvasRenderer, CustomChart, GridComponent, LabelLayout, LegendComponent, LineChart,
  MarkAreaComponent, MarkLineComponent, ParallelChart, ParallelComponent, ScatterChart, SVGRenderer, TooltipComponent,
  TreemapChart,
]);

export type Chart = echarts.ECharts;
/* eslint-disable-next-line @typescript-eslint/no-explicit-any -- the library's own option type rejects custom series */
export type Option = any;
export interface Look extends Theme {
  narrow: boolean;
  width: number;
}

export interface ChartOptions {
  /** What the chart shows, for those who cannot see it. */
  label: string;
  height: number | ((look: Look) => number);
  option: (look: Look) => Option;
  /** Canvas for many points; SVG otherwise: sharp on paper. */
  canvas?: boolean;
  /** Called once, after the first drawing. */
  ready?: (chart: Chart) => void;
  /** Called after every drawing anew: what the option does not hold (brushes) has to be put back. */
  redrawn?: (chart: Chart) => void;
}

export interface ChartElement extends HTMLElement {
  redraw: () => void;
}

function base(look: Look): Option {
  const axis = {
    axisLine: { lineStyle: { color: look.line } },
    axisTick: { lineStyle: { color: look.line } },
    axisLabel: { color: look.muted, fontSize: 12, hideOverlap: true },
    nameTextStyle: { color: look.muted, fontSize: 12 },
    splitLine: { lineStyle: { color: look.line, opacity: 0.6 } },
  };
  return {
    color: look.series,
    textStyle: { color: look.text, fontFamily: 'system-ui, sans-serif', fontSize: 12 },
    animation: false,
    axis,
    tooltip: {
      backgroundColor: look.surface, borderColor: look.line, textStyle: { color: look.text, fontSize: 12 },
      confine: true,
    },
    legend: { textStyle: { color: look.text, fontSize: 12 }, inactiveColor: look.muted, itemWidth: 16, itemHeight: 10,
      type: 'scroll', pageIconColor: look.text, pageIconInactiveColor: look.line, pageTextStyle: { color: look.muted } },
  };
}

/** Merges what all charts share into an option: axes, tooltips, legends. */
function dressed(option: Option, look: Look): Option {
  const common = base(look);
  const dressAxis = (axis: Option): Option => Array.isArray(axis) ? axis.map(dressAxis) : {
    ...common.axis, ...axis,
    axisLabel: { ...common.axis.axisLabel, ...axis.axisLabel },
    nameTextStyle: { ...common.axis.nameTextStyle, ...axis.nameTextStyle },
    splitLine: { ...common.axis.splitLine, ...axis.splitLine },
  };
  const out: Option = { color: common.color, textStyle: common.textStyle, animation: false, ...option };
  // Some series bring an animation of their own, and labels fade in with it.
  out.series = option.series.map((series: Option) => ({ animation: false, ...series }));
  if (option.xAxis) out.xAxis = dressAxis(option.xAxis);
  if (option.yAxis) out.yAxis = dressAxis(option.yAxis);
  out.tooltip = { ...common.tooltip, ...option.tooltip };
  if (option.legend) out.legend = { ...common.legend, ...option.legend };
  return out;
}

export function chart(options: ChartOptions): ChartElement {
  const element = h('div', { class: 'chart', role: 'img', 'aria-label': options.label }) as unknown as ChartElement;
  let instance: Chart | undefined;
  let drawnWidth = 0;
  const look = (): Look => {
    const width = element.clientWidth || 800;
    return { ...theme(), width, narrow: width < 480 };
  };
  const draw = () => {
    if (element.clientWidth === 0) return;
    const now = look();
    const height = typeof options.height === 'number' ? options.height : options.height(now);
    const sized = element.style.height !== `${height}px` || drawnWidth !== now.width;
    element.style.height = `${height}px`;
    drawnWidth = now.width;
    const first = !instance;
    instance ??= echarts.init(element, undefined, { renderer: options.canvas ? 'canvas' : 'svg' });
    // Resizing draws everything that is there, so it is left out where nothing changed.
    if (!first && sized) instance.resize();
    instance.setOption(dressed(options.option(now), now), { notMerge: true });
    if (first) options.ready?.(instance);
    options.redrawn?.(instance);
  };
  element.redraw = draw;
  let width = 0;
  const observer = new ResizeObserver(() => {
    if (element.clientWidth === width || element.clientWidth === 0) return;
    width = element.clientWidth;
    draw();
  });
  observer.observe(element);
  const unwatch = watch(() => { if (element.isConnected) draw(); });
  element.addEventListener('hadal-dispose', () => {
    observer.disconnect();
    unwatch();
    instance?.dispose();
  });
  return element;
}

/** Ends the charts below `root` before it is emptied. */
export function disposeCharts(root: HTMLElement): void {
  root.querySelectorAll('.chart').forEach((e) => e.dispatchEvent(new Event('hadal-dispose')));
}

/** For tests: the option a chart was drawn with. */
export function optionOf(element: HTMLElement): Option {
  return echarts.getInstanceByDom(element)?.getOption();
}

/** For tests: between values of the axes and pixels of the element. */
export const pixelOf = (element: HTMLElement, value: number[]): number[] | undefined =>
  echarts.getInstanceByDom(element)?.convertToPixel('grid', value);
export const valueOf = (element: HTMLElement, pixel: number[]): number[] | undefined =>
  echarts.getInstanceByDom(element)?.convertFromPixel('grid', pixel);

/** Text of a tooltip; what comes from documents is never markup. */
export function tip(title: string, lines: [string, string][]): string {
  const safe = (text: string) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  return `<b>${safe(title)}</b>` + lines.map(([k, v]) => `<br>${safe(k)} <b>${safe(v)}</b>`).join('');
}
