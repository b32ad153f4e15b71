// Chromium of the system, and pages in it that fail on any error of the console and on any request.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const kPlaces = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export async function launch() {
  const executablePath = kPlaces.find((p) => p && existsSync(p));
  if (!executablePath) throw new Error('no Chromium: apt-get install chromium, or set CHROMIUM');
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
}

export const kSizes = { desktop: { width: 1280, height: 900 }, phone: { width: 360, height: 740 } };

/** Opens a file or address. `problems` collects what went wrong: errors, warnings, requests beyond the page itself. */
export async function open(browser, url, { size = 'desktop', dark = false } = {}) {
  const context = await browser.newContext({ viewport: kSizes[size], colorScheme: dark ? 'dark' : 'light',
    deviceScaleFactor: 1, hasTouch: size === 'phone', reducedMotion: 'reduce' });
  const page = await context.newPage();
  const problems = [];
  page.on('console', (m) => { if (['error', 'warning'].includes(m.type())) problems.push(`${m.type()}: ${m.text()}`); });
  page.on('pageerror', (e) => problems.push(`exception: ${e.stack ?? e.message}`));
  page.on('request', (r) => {
    if (!r.url().startsWith('data:') && !r.url().startsWith('blob:') && new URL(r.url()).pathname !== new URL(url).pathname &&
        !new URL(r.url()).pathname.endsWith('/data')) problems.push(`request: ${r.url()}`);
  });
  await page.goto(url);
  await page.waitForSelector('main h1, main p');
  return { page, problems, close: () => context.close() };
}

/** Titles and addresses of the pages in the navigation. */
export const links = (page) => page.$$eval('nav a', (all) => all.map((a) => ({ href: a.getAttribute('href'), title: a.textContent })));

/** Goes to a page of the report and waits until its charts stand. */
export async function visit(page, href) {
  await page.evaluate((h) => { location.hash = h; }, href);
  await page.waitForFunction((h) => document.querySelector('nav a[aria-current]')?.getAttribute('href') === h, href);
  await page.waitForFunction(() => [...document.querySelectorAll('.chart')].every((c) => c.querySelector('svg, canvas')));
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}
