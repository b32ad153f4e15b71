// The frame: which pages there are, which one is shown, themes, live data.
import { disposeCharts, optionOf, pixelOf, valueOf } from './chart';
import { embedded, Input, PageData } from './data';
import { h, select } from './dom';
import { pagesOf, Page } from './pages';
import * as theme from './theme';

const header = document.getElementById('header') as HTMLElement;
const main = document.getElementById('main') as HTMLElement;
const kPollMs = 1000;

let data: PageData = embedded();
let pages: Page[] = [];
let shown = '';
/** What pages remember while newer data replace what they show: filters, choices. */
const states = new Map<string, Record<string, unknown>>();

function collect(inputs: Input[]): Page[] {
  const all = inputs.flatMap((input) => pagesOf(input));
  const titles = new Map<string, number>();
  for (const page of all) titles.set(page.title, (titles.get(page.title) ?? 0) + 1);
  return all.map((page, index) => ({
    ...page, id: `${page.id}-${index + 1}`,
    title: (titles.get(page.title) ?? 0) > 1 ? `${page.title}: ${page.input}` : page.title,
  }));
}

function drawHeader(live: string | null): void {
  header.replaceChildren(
    h('div', { class: 'bar' }, h('span', { class: 'brand' }, data.title),
      live === null ? null : h('span', { class: live ? 'live' : 'live off', role: 'status' }, live || 'no longer live'),
      select('Theme', [['auto', 'System'], ['light', 'Light'], ['dark', 'Dark']], theme.chosen(),
        (v) => theme.choose(v as theme.Choice))),
    h('nav', { 'aria-label': 'Pages' }, h('ul', {}, pages.map((page) =>
      h('li', {}, h('a', { href: `#${page.id}`, 'aria-current': page.id === shown ? 'page' : undefined }, page.title))))));
}

function drawPage(focus: boolean): void {
  const page = pages.find((p) => p.id === shown);
  disposeCharts(main);
  main.replaceChildren();
  if (!page) {
    main.append(h('p', {}, 'Nothing to show yet.'));
    return;
  }
  document.title = `${page.title} - ${data.title}`;
  let state = states.get(page.id);
  if (!state) states.set(page.id, (state = {}));
  main.append(h('h1', {}, page.heading), h('p', { class: 'sub' }, page.about));
  page.render(main, state);
  if (focus) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

function route(focus: boolean): void {
  const wanted = location.hash.slice(1);
  shown = pages.some((p) => p.id === wanted) ? wanted : pages[0]?.id ?? '';
  drawHeader(data.live ? 'live' : null);
  drawPage(focus);
}

/** Asks for newer data as long as the server answers. */
async function follow(url: string): Promise<void> {
  let version = '';
  for (;;) {
    // Nobody's typing is cut off: newer data wait until the field is left.
    const typing = main.contains(document.activeElement) && document.activeElement?.matches('input, select');
    if (typing) {
      await new Promise((done) => setTimeout(done, kPollMs));
      continue;
    }
    try {
      const answer = await fetch(`${url}?version=${encodeURIComponent(version)}`, { cache: 'no-store' });
      if (answer.status === 200) {
        version = answer.headers.get('X-Version') ?? '';
        data = { ...(await answer.json() as PageData), live: url };
        pages = collect(data.inputs);
        const top = scrollY;
        route(false);
        scrollTo(0, top);
      } else {
        drawHeader('live');
      }
    } catch {
      drawHeader('');
    }
    await new Promise((done) => setTimeout(done, kPollMs));
  }
}

theme.start();
pages = collect(data.inputs);
addEventListener('hashchange', () => route(true));
route(false);
if (data.live) void follow(data.live);

// What tests look at.
Object.assign(window, { hadal: { optionOf, pixelOf, valueOf } });
