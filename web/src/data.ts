// What the page was given: documents of commands, as docs/report.md describes them.

/* eslint-disable-next-line @typescript-eslint/no-explicit-any -- documents are checked by the program that embeds them */
export type Doc = any;
export interface Input {
  name: string;
  document: Doc;
}
export interface PageData {
  title: string;
  inputs: Input[];
  /** Where newer data are to be had, in `hadal ui`. */
  live?: string;
}

export function embedded(): PageData {
  const text = document.getElementById('hadal-data')?.textContent ?? 'null';
  return (JSON.parse(text) as PageData | null) ?? { title: 'Hadal', inputs: [] };
}

interface Encoded {
  encoding: 'u8' | 'u16' | 'f32' | 'f64';
  values?: number[];
  data: string;
}

/** A column of an exploration as numbers. */
export function decode(column: Encoded): Float64Array {
  const text = atob(column.data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; ++i) bytes[i] = text.charCodeAt(i);
  const buffer = bytes.buffer;
  switch (column.encoding) {
    case 'u8':
    case 'u16': {
      const index = column.encoding === 'u8' ? bytes : new Uint16Array(buffer);
      const values = column.values ?? [];
      const out = new Float64Array(index.length);
      for (let i = 0; i < index.length; ++i) out[i] = values[index[i]];
      return out;
    }
    case 'f32':
      return Float64Array.from(new Float32Array(buffer));
    default:
      return new Float64Array(buffer);
  }
}

export const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
export const unique = <T>(values: T[]): T[] => [...new Set(values)];
