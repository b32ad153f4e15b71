// Points of an exploration as columns: figures from the store, choices from the number of the point.
import { decode, Doc } from './data';

export interface Dimension {
  name: string;
  label: string;
  unit: string;
  kind: 'figure' | 'axis';
  better: '' | 'less' | 'more';
  values: Float64Array;
  /** Of an axis whose values are words: `values` index them. */
  names?: string[];
  least: number;
  most: number;
  /** Round ends of an axis around them. */
  low: number;
  high: number;
  /** Spans more than two powers of ten and is positive. */
  log: boolean;
  constant: boolean;
}

export interface Points {
  count: number;
  ids: Float64Array;
  front: Uint8Array;
  dimensions: Dimension[];
}

function bounds(values: Float64Array): [number, number] {
  let low = Infinity, high = -Infinity;
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}

/** Round numbers around a range, a tenth of its size or finer. */
function ends(least: number, most: number, log: boolean): { low: number; high: number } {
  if (log) {
    const [a, b] = [10 ** Math.floor(Math.log10(least)), 10 ** Math.floor(Math.log10(most))];
    return { low: Math.floor(least / a) * a, high: Math.ceil(most / b) * b };
  }
  const size = most - least || Math.abs(most) || 1;
  const power = 10 ** Math.floor(Math.log10(size / 5));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => size / s <= 8) ?? power;
  return { low: Math.floor(least / step + 1e-9) * step, high: Math.ceil(most / step - 1e-9) * step };
}

/** The columns of a document of kind explore; one without a store's columns has its front alone. */
export function matrixOf(d: Doc): Points {
  const columns = d.columns ?? fromRows(d);
  const ids = d.columns ? decode(columns.id) : columns.id;
  const read = (name: string): Float64Array | undefined =>
    d.columns ? (columns[name] ? decode(columns[name]) : undefined) : columns[name];
  const dimensions: Dimension[] = [];
  const add = (kind: 'figure' | 'axis', about: Doc, values: Float64Array, names?: string[]) => {
    const [least, most] = bounds(values);
    const log = kind === 'figure' && least > 0 && most / least > 100;
    dimensions.push({ name: about.name, label: about.label, unit: (about.unit ?? '').replace('mm2', 'mm\u00b2'), kind, better: about.better ?? '', values, names, least, most, ...ends(least, most, log), log, constant: !(most > least) });
  };
  for (const about of d.figures ?? []) {
    const values = read(about.name);
    if (values) add('figure', about, values);
  }
  // The number of a point counts through the axes, the first one fastest.
  let stride = 1;
  for (const axis of d.axes ?? []) {
    const size = axis.values.length, words = typeof axis.values[0] === 'string';
    const values = new Float64Array(ids.length);
    for (let i = 0; i < ids.length; ++i) {
      const at = Math.floor(ids[i] / stride) % size;
      values[i] = words ? at : axis.values[at];
    }
    add('axis', axis, values, words ? axis.values : undefined);
    stride *= size;
  }
  return { count: ids.length, ids, front: Uint8Array.from(read('front') ?? new Float64Array(ids.length).fill(1)), dimensions };
}

/** What the JSON of a search calls differently from its store. */
const kSame: Record<string, string> = { die_area_mm2: 'die_mm2', die_yield: 'yield' };

function fromRows(d: Doc): Record<string, Float64Array> {
  const rows: Doc[] = d.front ?? (d.point ? [d.point] : []);
  const out: Record<string, Float64Array> = { id: new Float64Array(0) };
  if (rows.length === 0) return out;
  for (const key of Object.keys(rows[0])) {
    if (typeof rows[0][key] === 'number') out[kSame[key] ?? key] = Float64Array.from(rows.map((r) => r[key]));
  }
  return out;
}

/** 1 for each point within all ranges. */
export function inFilters(points: Points, filters: Map<string, [number, number]>, frontOnly: boolean): Uint8Array {
  const mask = frontOnly ? points.front.slice() : new Uint8Array(points.count).fill(1);
  for (const [name, [low, high]] of filters) {
    const values = points.dimensions.find((c) => c.name === name)?.values;
    if (!values) continue;
    for (let i = 0; i < points.count; ++i) if (!(values[i] >= low && values[i] <= high)) mask[i] = 0;
  }
  return mask;
}
