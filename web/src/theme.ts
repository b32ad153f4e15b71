// Light, dark or as the system has it; colours that charts share with the style sheet.

export type Choice = 'auto' | 'light' | 'dark';
export interface Theme {
  dark: boolean;
  text: string;
  muted: string;
  line: string;
  surface: string;
  /** Distinct for every kind of colour vision, after Okabe and Ito; in order of use. */
  series: string[];
}

const kLight: Theme = {
  dark: false, text: '#1d2730', muted: '#56636e', line: '#d5dce2', surface: '#ffffff',
  series: ['#0b6bb0', '#d55e00', '#00896a', '#b0509a', '#c99000', '#3fa7dc', '#7a6a58', '#4b4fa8'],
};
const kDark: Theme = {
  dark: true, text: '#e6ebef', muted: '#9fadb8', line: '#34424d', surface: '#172129',
  series: ['#5aaeea', '#f2843a', '#3cc39c', '#dd8cc8', '#edb93c', '#8fd3f7', '#b8a795', '#9a9df0'],
};

const kKey = 'hadal-theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const watchers = new Set<() => void>();
let printing = false;

function stored(): Choice {
  try {
    const value = localStorage.getItem(kKey);
    return value === 'light' || value === 'dark' ? value : 'auto';
  } catch {
    return 'auto';
  }
}

let choice = stored();

export const chosen = (): Choice => choice;
export function theme(): Theme {
  const dark = !printing && (choice === 'dark' || (choice === 'auto' && system.matches));
  return dark ? kDark : kLight;
}

function apply(): void {
  const root = document.documentElement;
  root.dataset.theme = theme().dark ? 'dark' : 'light';
  theme().series.forEach((colour, i) => root.style.setProperty(`--s${i}`, colour));
  for (const watcher of watchers) watcher();
}

export function choose(value: Choice): void {
  choice = value;
  try {
    if (value === 'auto') localStorage.removeItem(kKey);
    else localStorage.setItem(kKey, value);
  } catch {
    // A file opened from disk may have no storage; the choice then lasts as long as the page.
  }
  apply();
}

/** Calls back on every change until the returned function is called. */
export function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

export function start(): void {
  system.addEventListener('change', apply);
  // Paper is light, and charts are drawn anew as wide as it is.
  const print = (on: boolean) => {
    printing = on;
    document.documentElement.classList.toggle('printing', on);
    apply();
  };
  addEventListener('beforeprint', () => print(true));
  addEventListener('afterprint', () => print(false));
  apply();
}

/** Dark or light text, whichever can be read on a colour. */
export function inkOn(colour: string): string {
  const [r, g, b] = [1, 3, 5].map((at) => (parseInt(colour.slice(at, at + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.2 ? '#10181f' : '#ffffff';
}

/** What bounds an operator has one colour on every page. */
const kBounds = ['dram', 'matrix', 'vector', 'noc', 'sync', 'control', 'start', 'exchange'];
const kSame: Record<string, string> = { memory: 'dram', compute: 'matrix', bandwidth: 'dram', network: 'noc' };
export function boundColour(bound: string): string {
  const at = kBounds.indexOf(kSame[bound] ?? bound);
  return theme().series[(at < 0 ? 6 : at) % theme().series.length];
}
