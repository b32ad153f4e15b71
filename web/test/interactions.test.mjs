// What a reader does with the pages: filter, brush, click through, sort, change themes, print, use the keyboard alone.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, links, open, visit } from './browser.mjs';
import { decode, documents, folder, report, run } from './documents.mjs';

let browser, all;
before(async () => {
  all = report('all.html', documents());
  browser = await launch();
});
after(() => browser?.close());

const document = (kind) => all.data.inputs.find((i) => i.document.kind === kind).document;
const explored = () => all.data.inputs.find((i) => i.document.columns).document;
const hrefOf = async (page, id) => (await links(page)).find((p) => p.href.startsWith(`#${id}-`)).href;
const frames = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
const shownCount = async (page) => Number(await page.$eval('data[data-key="filtered"]', (e) => e.value));

async function at(id, options) {
  const opened = await open(browser, all.url, options);
  await visit(opened.page, await hrefOf(opened.page, id));
  return opened;
}

test('truth: filters by chip, kind and unit, and sorts', async () => {
  const { page, problems, close } = await at('truth');
  const rows = document('validate').rows;
  const choose = async (label, value) => { await page.getByLabel(label, { exact: true }).selectOption(value); };
  await choose('Unit', '');
  assert.equal(await shownCount(page), rows.length);
  for (const chip of [...new Set(rows.map((r) => r.chip))]) {
    await choose('Chip', chip);
    assert.equal(await shownCount(page), rows.filter((r) => r.chip === chip).length, chip);
  }
  await choose('Kind', 'decode');
  await choose('Chip', 'h800');
  await choose('Rows', 'test');
  const expected = rows.filter((r) => r.chip === 'h800' && r.operator === 'decode' && r.mark === 'test');
  assert.equal(await shownCount(page), expected.length);
  assert.ok(expected.length > 1);
  const head = page.getByRole('region', { name: 'Measurements' }).getByRole('button', { name: 'Error' });
  await head.click();
  const errors = await page.$$eval('[aria-label="Measurements"] data[data-key$=".error_pct"]', (all) => all.map((e) => Number(e.value)));
  assert.deepEqual(errors, expected.map((r) => r.error_pct).sort((a, b) => b - a));
  await head.click();
  assert.equal(await page.$eval('[aria-label="Measurements"] th[aria-sort]', (e) => e.getAttribute('aria-sort')), 'ascending');
  assert.deepEqual(problems, []);
  await close();
});

test('chip: a click on a block of the floorplan and a row of the table say what it does and costs', async () => {
  const { page, problems, close } = await at('chip');
  const build = document('plan').builds[0];
  const place = async (name) => page.$eval('.chart[aria-label^="Floorplan"]', (e, wanted) => {
    e.scrollIntoView({ block: 'center' });
    const blocks = window.hadal.optionOf(e).series[0].data;
    const [x0, y0, x1, y1] = blocks.find((b) => b.name === wanted).value;
    const [x, y] = window.hadal.pixelOf(e, [(x0 + x1) / 2, (y0 + y1) / 2]);
    const box = e.getBoundingClientRect();
    return [box.left + x, box.top + y];
  }, name);
  for (const name of ['link lane', 'scratchpad', 'memory PHY and controller']) {
    // The page may still be settling under the pointer: a reader would click again, too.
    for (let tries = 0; tries < 3; ++tries) {
      await page.mouse.click(...await place(name));
      const chosen = page.waitForFunction((n) => document.querySelector('[role="status"] h3')?.textContent === n, name, { timeout: 1500 });
      if (await chosen.then(() => true, () => false)) break;
    }
    const part = build.area.find((p) => p.name === name);
    assert.equal(await page.$eval('[role="status"] h3', (e) => e.textContent), name);
    assert.ok((await page.$eval('[role="status"]', (e) => e.textContent)).includes(part.does));
    const i = build.area.indexOf(part);
    assert.equal(await page.$eval(`[role="status"] data[data-key="builds.0.area.${i}.total_mm2"]`, (e) => Number(e.value)), part.total_mm2);
  }
  await page.getByRole('button', { name: 'Show vector unit' }).click();
  assert.equal(await page.$eval('[role="status"] h3', (e) => e.textContent), 'vector unit');
  if (document('plan').builds.length > 1) {
    await page.getByLabel('Build').selectOption('1');
    assert.equal(await page.$eval('data[data-key="builds.1.die_area_mm2"]', (e) => Number(e.value)), document('plan').builds[1].die_area_mm2);
  }
  assert.deepEqual(problems, []);
  await close();
});

test('plan: builds, rules with their arithmetic, search of inputs', async () => {
  const { page, problems, close } = await at('plan');
  const plan = document('plan');
  const status = plan.options.flatMap((o) => o.export_status).find((s) => s.chip === plan.builds[0].name);
  const rules = page.getByRole('region', { name: `Rules for ${status.chip}` });
  const text = await rules.textContent();
  for (const rule of status.rules) {
    assert.ok(text.includes(rule.rule), rule.rule);
    for (const line of rule.arithmetic) assert.ok(text.includes(line), line);
  }
  await page.getByLabel('Search').fill('wafer_price');
  const found = await page.$$eval('[aria-label="Inputs"] tbody tr', (all) => all.map((r) => r.textContent));
  assert.equal(found.length, Math.min(20, plan.inputs.filter((f) => [f.name, f.source, f.note, f.where].some((t) => t.toLowerCase().includes('wafer_price'))).length));
  assert.deepEqual(problems, []);
  await close();
});

test('explore: brush, number, choice, front; a click gives the command that yields the same point', async () => {
  const { page, problems, close } = await at('explore');
  const d = explored();
  const cost = decode(d.columns.usd_per_mtoken), front = decode(d.columns.front), ids = decode(d.columns.id);
  const efficiency = decode(d.columns.tokens_per_j);
  assert.equal(await shownCount(page), ids.length);

  // Drag over the middle of the cloud.
  const box = await page.$eval('.chart[aria-label^="Scatter of"]', (e) => {
    e.scrollIntoView({ block: 'center' });
    const { left, top } = e.getBoundingClientRect();
    const grid = window.hadal.valueOf;
    const corners = [[200, 120], [520, 330]];
    return { from: corners.map(([x, y]) => [left + x, top + y]), values: corners.map((c) => grid(e, c)) };
  });
  await page.mouse.move(...box.from[0]);
  await page.mouse.down();
  await page.mouse.move(...box.from[1], { steps: 5 });
  await page.mouse.up();
  await frames(page);
  const [x0, y1] = box.values[0], [x1, y0] = box.values[1];
  const inside = (i, slack) => cost[i] >= x0 - slack * (x1 - x0) && cost[i] <= x1 + slack * (x1 - x0) && efficiency[i] >= y0 - slack * (y1 - y0) && efficiency[i] <= y1 + slack * (y1 - y0);
  const count = (slack) => ids.filter((_, i) => inside(i, slack)).length;
  const brushed = await shownCount(page);
  assert.ok(count(-0.01) <= brushed && brushed <= count(0.01), `${brushed} points brushed, ${count(0)} expected`);
  assert.ok(brushed > 0 && brushed < ids.length, `${brushed} of ${ids.length}`);

  await page.getByRole('button', { name: 'Clear filters' }).click();
  assert.equal(await shownCount(page), ids.length);
  const middle = [...cost].sort((a, b) => a - b)[Math.floor(cost.length / 2)];
  const limit = Number(middle.toPrecision(6));
  const most = page.getByLabel('Cost, at most', { exact: true });
  await most.fill(String(limit));
  await most.press('Enter');
  await page.keyboard.press('Tab');
  assert.equal(await shownCount(page), cost.filter((v) => v <= limit).length);
  await page.getByLabel('Front only').check();
  assert.equal(await shownCount(page), cost.filter((v, i) => v <= limit && front[i] === 1).length);
  await page.getByLabel('Front only').uncheck();
  await page.getByRole('button', { name: 'Clear filters' }).click();

  const best = ids.findIndex((_, i) => front[i] === 1 && efficiency[i] === Math.max(...efficiency));
  const pixel = await page.$eval('.chart[aria-label^="Scatter of"]', (e, value) => {
    e.scrollIntoView({ block: 'center' });
    const { left, top } = e.getBoundingClientRect();
    const [x, y] = window.hadal.pixelOf(e, value);
    return [left + x, top + y];
  }, [cost[best], efficiency[best]]);
  await page.mouse.click(...pixel);
  await frames(page);
  const command = await page.$eval('[data-command]', (e) => e.textContent);
  const match = /^hadal explore (\S+) --point (\d+)$/.exec(command);
  assert.ok(match, command);
  const id = Number(match[2]);
  const { point } = JSON.parse(run('explore', match[1], '--point', String(id), '--json', '-'));
  assert.equal(efficiency[ids.indexOf(id)], efficiency[best]);
  const shown = await page.$$eval(`dl data[data-key^="point.${id}."]`, (all) => all.map((e) => [e.dataset.key.split('.')[2], Number(e.value)]));
  assert.ok(shown.length > 10);
  const same = { die_mm2: 'die_area_mm2', yield: 'die_yield' };
  for (const [key, value] of shown) {
    const expected = point[same[key] ?? key];
    assert.ok(Math.abs(value - expected) <= 1e-6 * Math.abs(expected), `${key}: ${value} on the page, ${expected} from ${command}`);
  }
  assert.deepEqual(problems, []);
  await close();
});

test('explore: a drag along an axis of the parallel coordinates filters by it', async () => {
  const { page, problems, close } = await at('explore');
  const d = explored();
  const cost = decode(d.columns.usd_per_mtoken);
  await page.waitForTimeout(300);
  // The first axis is the cost; it runs from the bottom (24 pixels up) to the top (44 down), at the left end.
  const box = await page.$eval('.chart[aria-label^="Parallel"]', (e) => {
    e.scrollIntoView({ block: 'center' });
    const { left, top, height } = e.getBoundingClientRect();
    return { x: left + 44, low: top + height - 24, high: top + 44, range: window.hadal.optionOf(e).parallelAxis[0] };
  });
  const { min, max } = box.range;
  await page.mouse.move(box.x, box.low - 2);
  await page.mouse.down();
  await page.mouse.move(box.x, (box.low + box.high) / 2, { steps: 8 });
  await page.mouse.up();
  const expected = cost.filter((v) => v <= (min + max) / 2).length;
  await page.waitForFunction((all) => Number(document.querySelector('data[data-key="filtered"]').value) < all, cost.length, { timeout: 5000 });
  const shown = await shownCount(page);
  const near = (share) => cost.filter((v) => v <= min + (max - min) * share).length;
  assert.ok(near(0.47) <= shown && shown <= near(0.53), `${shown} points, ${expected} expected`);
  assert.notEqual(await page.getByLabel('Cost, at most', { exact: true }).inputValue(), '');
  assert.deepEqual(problems, []);
  await close();
});

test('keyboard: from the skip link over the pages to a block, without a mouse', async () => {
  const { page, close } = await at('chip');
  await page.reload();
  await page.waitForSelector('.chart svg');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'SELECT');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), (await links(page))[0].title);
  for (let i = 0; i < 80; ++i) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement.getAttribute('aria-label') === 'Show system')) break;
  }
  await page.keyboard.press('Enter');
  assert.equal(await page.$eval('[role="status"] h3', (e) => e.textContent), 'system');
  await close();
});

test('themes: the switch changes page and charts and outlives a reload; paper is light', async () => {
  const { page, problems, close } = await at('run');
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByLabel('Theme').selectOption('dark');
  await frames(page);
  assert.notEqual(await ground(), light);
  const colour = () => page.$eval('.chart svg text', (e) => e.getAttribute('fill'));
  const dark = await colour();
  await page.reload();
  await page.waitForSelector('.chart svg text');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  assert.equal(await colour(), dark);
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  await frames(page);
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
  assert.notEqual(await colour(), dark);
  const wide = await page.$$eval('.chart svg', (all) => all.map((e) => e.getBoundingClientRect().width).filter((w) => w > 680));
  assert.deepEqual(wide, [], 'charts wider than paper');
  await page.evaluate(() => dispatchEvent(new Event('afterprint')));
  const pdf = await page.pdf({ format: 'A4' });
  assert.ok(pdf.length > 20000, `a PDF of ${pdf.length} bytes`);
  writeFileSync(join(folder, 'run.pdf'), pdf);
  assert.deepEqual(problems, []);
  await close();
});

test('text of documents is never markup', async () => {
  const bad = '</script><script>window.broken = 1</script><img src=x onerror="window.broken = 1">\u2028"\'&lt;';
  const d = JSON.parse(readFileSync(documents()[0], 'utf8'));
  Object.assign(d, { prompt: bad, model: bad });
  d.tokens_each.forEach((t) => { t.text = bad; });
  for (const part of [d, d.prefill, d.decode]) {
    part.operators.forEach((o) => { o.name = bad; });
    part.operators_by_layer.forEach((o) => { o.name = `L0.${bad}`; });
  }
  const file = join(folder, 'bad.json');
  writeFileSync(file, JSON.stringify(d));
  copyFileSync(documents()[0], join(folder, 'other.json'));
  const { url } = report('bad.html', [file, join(folder, 'other.json')], bad);
  const { page, problems, close } = await open(browser, url);
  await visit(page, (await links(page))[0].href);
  await page.hover('.chart svg');
  assert.equal(await page.evaluate(() => window.broken), undefined);
  assert.ok((await page.$eval('.tokens', (e) => e.textContent)).includes(bad));
  assert.equal((await links(page)).length, 2);
  assert.deepEqual(problems, []);
  await close();
});
