// `hadal ui` beside a search and a run: points and tokens appear on the page, which keeps what its reader chose.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, open } from './browser.mjs';
import { documents, folder, hadal, root } from './documents.mjs';

let browser;
before(async () => {
  documents();
  browser = await launch();
});
after(() => browser?.close());

/** Starts `hadal ui` and gives its address. */
async function ui(...files) {
  const child = spawn(hadal, ['ui', ...files, '--port', '0'], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = await once(child.stdout, 'data');
  after(() => child.kill('SIGKILL'));  // a test that fails must not leave it behind
  const match = /http:\/\/127\.0\.0\.1:\d+\//.exec(String(text));
  assert.ok(match, String(text));
  return { url: match[0], stop: async () => { child.kill('SIGINT'); const [code] = await once(child, 'exit'); assert.equal(code, 0); } };
}

const figure = (page, key) => page.$eval(`data[data-key="${key}"]`, (e) => Number(e.value)).catch(() => NaN);

test('a search and a run appear as they go on', { timeout: 120000 }, async () => {
  const store = join(folder, 'live.sqlite'), report = join(folder, 'live.json');
  for (const file of [store, `${store}-wal`, `${store}-shm`, report]) rmSync(file, { force: true });
  const server = await ui(store, report);
  const { page, problems, close } = await open(browser, server.url);
  assert.match(await page.textContent('main'), /Nothing to show yet/);

  const run = spawn(hadal, ['run', 'hadal-tiny', '-p', 'It was', '-n', '800', '--temperature', '1', '--seed', '1', '--live', report, '-q'],
    { cwd: root, stdio: 'ignore' });
  const ended = once(run, 'exit');
  await page.waitForSelector('data[data-key="tokens"]', { timeout: 60000 });
  await page.waitForSelector('text=Group by');
  await page.getByLabel('Group by').selectOption('layer');
  await page.evaluate(() => document.activeElement?.blur());  // while a field has the focus, the page waits
  const seen = new Set([await figure(page, 'tokens')]);
  const sample = setInterval(() => { void figure(page, 'tokens').then((n) => seen.add(n)); }, 200);
  await ended;
  const tokens = String(JSON.parse(readFileSync(report, 'utf8')).tokens);
  await page.waitForFunction((n) => document.querySelector('data[data-key="tokens"]')?.value === n, tokens, { timeout: 20000 });
  clearInterval(sample);
  assert.ok(seen.size >= 2, `the page showed ${[...seen]} tokens while the run went on`);
  assert.equal(await page.getByLabel('Group by').inputValue(), 'layer');
  assert.equal(await page.textContent('.live'), 'live');

  const search = spawn(hadal, ['explore', join(folder, 'small.yaml'), '--store', store, '--threads', '1'], { cwd: root, stdio: 'ignore' });
  const found = once(search, 'exit');
  await page.waitForFunction(() => [...document.querySelectorAll('nav a')].some((a) => a.textContent === 'Explore'), null, { timeout: 60000 });
  await page.click('nav a:has-text("Explore")');
  await found;
  await page.waitForFunction(() => {
    const [points, all] = [document.querySelector('data[data-key="points"]'), document.querySelector('.tiles .note')];
    return points && all && Number(points.value) === Number(/of ([\d,]+)/.exec(all.textContent)[1].replace(/,/g, ''));
  }, null, { timeout: 20000 });
  assert.ok(existsSync(store));
  await server.stop();
  await page.waitForSelector('.live.off', { timeout: 10000 });
  assert.equal(await figure(page, 'points') > 0, true);  // what was shown stays
  assert.deepEqual(problems.filter((p) => !/ERR_CONNECTION_REFUSED|Failed to load resource/.test(p)), []);
  await close();
});
