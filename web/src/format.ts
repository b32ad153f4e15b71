// Numbers as people read them: grouped, three or four digits, units with their prefix.

const plain = new Map<number, Intl.NumberFormat>();

/** `digits` significant digits, grouped; powers of ten where it would be too long. */
export function number(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '-';
  if (!Number.isFinite(value)) return value > 0 ? 'infinite' : '-infinite';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return value.toExponential(digits - 1);
  if (Number.isInteger(value)) return value.toLocaleString('en-US');
  if (size >= 10 ** digits) return Math.round(value).toLocaleString('en-US');
  let format = plain.get(digits);
  if (!format) plain.set(digits, (format = new Intl.NumberFormat('en-US', { maximumSignificantDigits: digits })));
  return format.format(value);
}

const kPrefixes: [number, string][] = [
  [1e15, 'P'], [1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k'], [1, ''], [1e-3, 'm'], [1e-6, '\u00b5'], [1e-9, 'n'],
  [1e-12, 'p'],
];

/** 1.89 PFLOPS, 76.4 us, 0 J. */
export function si(value: number | null | undefined, unit: string, digits = 3): string {
  if (value === null || value === undefined) return '-';
  if (value === 0) return `0 ${unit}`;
  const [scale, prefix] = kPrefixes.find(([s]) => Math.abs(value) >= s * 0.9995) ?? kPrefixes[kPrefixes.length - 1];
  return `${number(value / scale, digits)} ${prefix}${unit}`;
}

export const percent = (value: number | null | undefined, digits = 3): string =>
  value === null || value === undefined ? '-' : `${number(value, digits)} %`;
export const signed = (value: number, digits = 3): string =>
  `${value > 0 ? '+' : ''}${number(value, digits)} %`;
export const usd = (value: number | null | undefined): string =>
  value === null || value === undefined ? '-'
    : Math.abs(value) >= 1e6 ? `${number(value / 1e6, 3)} MUSD`
    : Math.abs(value) >= 1e4 ? `${number(value / 1e3, 3)} kUSD` : `${number(value, 3)} USD`;

/** A value with the unit that documents name; bytes and seconds take prefixes. */
export function withUnit(value: number, unit: string): string {
  if (unit === 'USD') return usd(value);
  if (['B', 'B/s', 's', 'J', 'FLOPS'].includes(unit)) return si(value, unit);
  return unit ? `${number(value)} ${unit}` : number(value);
}
