// Elements in one call, and the small parts that every page is made of.

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, unknown>;

/** Creates an element. `on...` are listeners, true attributes are set empty, false and undefined are left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Attributes = {}, ...children: (Child | Child[])[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value as EventListener);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children.flat()) if (child) element.append(child);
  return element;
}

/** A figure of the document at `key`: the text for people, the exact value for scripts. */
export function figure(key: string, value: unknown, text: string): HTMLElement {
  return h('data', { value: value === null || value === undefined ? '' : String(value), 'data-key': key }, text);
}

export interface Tile {
  label: string;
  key: string;
  value: unknown;
  text: string;
  note?: string;
}

export function tiles(list: Tile[]): HTMLElement {
  return h('dl', { class: 'tiles' }, list.map((t) =>
    h('div', {}, h('dt', {}, t.label), h('dd', {}, figure(t.key, t.value, t.text)),
      t.note ? h('dd', { class: 'note' }, t.note) : null)));
}

export function section(title: string, ...children: (Child | Child[])[]): HTMLElement {
  return h('section', {}, h('h2', {}, title), ...children);
}

export function card(title: string, ...children: (Child | Child[])[]): HTMLElement {
  return h('article', { class: 'card' }, h('h3', {}, title), ...children);
}

/** Cards side by side where there is room. */
export const row = (...cards: Child[]): HTMLElement => h('div', { class: 'row' }, cards);

export const note = (text: string): HTMLElement => h('p', { class: 'note' }, text);

let serial = 0;

/** A labelled select; `change` gets the chosen value. */
export function select(
  label: string, options: [string, string][], value: string, change: (value: string) => void,
): HTMLElement {
  const id = `select-${++serial}`;
  const element = h('select', { id, onchange: (e: Event) => change((e.target as HTMLSelectElement).value) },
    options.map(([v, text]) => h('option', { value: v, selected: v === value }, text)));
  return h('span', { class: 'field' }, h('label', { for: id }, label), element);
}

export function checkbox(label: string, checked: boolean, change: (on: boolean) => void): HTMLElement {
  return h('label', { class: 'check' },
    h('input', { type: 'checkbox', checked, onchange: (e: Event) => change((e.target as HTMLInputElement).checked) }),
    label);
}

export function button(text: string, click: () => void, attributes: Attributes = {}): HTMLButtonElement {
  return h('button', { type: 'button', onclick: click, ...attributes }, text);
}
