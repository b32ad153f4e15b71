// Every page of every kind of document, in a real browser: it renders without a complaint, at desktop and phone size,
// light and dark; figures on screen are the document's; nothing serious for accessibility. Leaves screenshots.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, links, open, visit } from './browser.mjs';
import { documents, report, screens } from './documents.mjs';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser, all;
before(async () => {
  all = report('all.html', documents());
  browser = await launch();
});
after(() => browser?.close());

/** Value at "options.0.chips". */
const at = (document, key) => key.split('.').reduce((value, part) => value?.[part], document);

// Keys that name no place in the document: counts the page makes itself (all but bounds checked in interactions.test.mjs).
const isOwn = (key) => key === 'filtered' || key === 'cases' || key === 'bounds' || key.startsWith('point.');

for (const size of ['desktop', 'phone']) {
  for (const dark of [false, true]) {
    test(`every page renders at ${size} size, ${dark ? 'dark' : 'light'}`, async () => {
      const { page, problems, close } = await open(browser, all.url, { size, dark });
      const pages = await links(page);
      assert.ok(pages.length >= all.data.inputs.length, `${pages.length} pages of ${all.data.inputs.length} documents`);
      for (const { href, title } of pages) {
        await visit(page, href);
        assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), dark ? 'dark' : 'light');
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wide <= 0, `${title} is ${wide} pixels wider than a ${size}`);
        const empty = await page.$$eval('.chart', (charts) => charts.filter((c) => !c.querySelector('canvas, svg *')).length);
        assert.equal(empty, 0, `${title} has charts without content`);
        await page.screenshot({ path: join(screens, `${href.slice(1)}-${size}-${dark ? 'dark' : 'light'}.png`), fullPage: true });
      }
      assert.deepEqual(problems, []);
      await close();
    });
  }
}

test('figures on screen are the documents\'', async () => {
  const { page, close } = await open(browser, all.url);
  let compared = 0;
  const pages = await links(page);
  // Pages follow their documents in order; a plan has two.
  const owners = all.data.inputs.flatMap(({ document: d }) => Array(d.kind === 'plan' && d.builds.length ? 2 : 1).fill(d));
  assert.equal(owners.length, pages.length);
  for (const [index, { href, title }] of pages.entries()) {
    await visit(page, href);
    await page.$$eval('details', (all) => all.forEach((d) => { d.open = true; }));
    const shown = await page.$$eval('data[data-key]', (all) => all.map((e) => ({ key: e.dataset.key, value: e.getAttribute('value'), text: e.textContent })));
    assert.ok(shown.length > 0, `${title} shows no figure`);
    for (const { key, value, text } of shown) {
      if (isOwn(key)) continue;
      const expected = at(owners[index], key);
      assert.notEqual(expected, undefined, `${title}: ${key} is not in the document`);
      assert.equal(value, expected === null ? '' : String(expected), `${title}: ${key}`);
      if (typeof expected === 'number') assertReads(text, expected, `${title}: ${key}`);
      ++compared;
    }
  }
  console.log(`${compared} figures compared on ${pages.length} pages`);
  assert.ok(compared > 500);
  await close();
});

/** Whether "1.89 PFLOPS" or "-12.3 %" says `value` to its last digit, in some unit that pages use. */
function assertReads(text, value, where) {
  const match = /([-+]?[\d,]*\.?\d+(?:e[-+]?\d+)?)\s*(\S*)/.exec(text);
  assert.ok(match, `${where}: no number in '${text}'`);
  const number = Number(match[1].replace(/,/g, ''));
  const digits = match[1].replace(/^[-+]/, '').replace(/e.*/, '').replace(/[,.]/g, '').replace(/^0+/, '').length;
  const scales = [1, 100, 1e-6, 1e-3, ...[-12, -9, -6, -3, 3, 6, 9, 12, 15].map((e) => 10 ** -e)];
  const close = scales.some((s) => Math.abs(value * s - number) <= 0.51 * 10 ** (1 - Math.max(1, digits)) * Math.max(Math.abs(number), 1e-12) || Math.round(value * s) === number);
  assert.ok(close, `${where}: '${text}' for ${value}`);
}

test('charts hold the documents\' figures', async () => {
  const { page, close } = await open(browser, all.url);
  const pages = await links(page);
  const find = (id) => pages.find((p) => p.href.startsWith(`#${id}-`)).href;
  const document = (kind) => all.data.inputs.find((i) => i.document.kind === kind).document;
  const series = (label, pick) => page.$eval(`.chart[aria-label^="${label}"]`, (e, code) => {
    const option = window.hadal.optionOf(e);
    return new Function('o', `return ${code}`)(option);
  }, pick);

  const run = document('run');
  await visit(page, find('run'));
  const tree = await series('Treemap', 'o.series[0].data.map(n => [n.name, n.value])');
  for (const op of run.decode.operators.filter((o) => o.cycles > 0)) {
    assert.equal(tree.find(([name]) => name === op.name)?.[1], op.cycles, op.name);
  }
  const steps = await series('Bars: simulated time', 'o.series.flatMap(s => s.data.map(d => d[1]))');
  const expected = ['prefill', 'decode'].flatMap((p) => run[p].steps_each.map((s) => s.simulated_s * 1e6));
  assert.deepEqual(steps, expected);
  const roof = await series('Scatter: floating-point', 'o.series[1].data.map(d => [d.name, ...d.value])');
  for (const [name, intensity, flops] of roof) {
    const op = run.decode.operators.find((o) => o.name === name);
    assert.equal(intensity, 2 * op.macs / (op.dram_read_bytes + op.dram_written_bytes));
    assert.equal(flops, 2 * op.macs / op.cycles * run.machine.clock_hz);
    assert.ok(flops <= Math.min(run.machine.peak_fp8_flops, intensity * run.machine.peak_dram_bytes_per_s), `${name} is above the roof`);
  }

  const plan = document('plan');
  await visit(page, find('plan'));
  const days = await series('Bars with whiskers', '[0, 1].map(k => o.series[k].data)');
  const feasible = plan.options.filter((o) => o.feasible);
  assert.deepEqual(days[0].map((v, i) => v + days[1][i]), feasible.map((o) => o.usd_per_day_prefill + o.usd_per_day_decode));
  const fall = await series('Waterfall', 'o.series[1].data.map(d => d.value)');
  const unit = plan.builds[0].unit;
  assert.ok(Math.abs(fall.slice(0, -1).reduce((a, b) => a + b) - unit.total_usd) < 1e-6 * unit.total_usd, 'parts of a unit add up');
  assert.equal(fall.at(-1), unit.total_usd);
  const gantt = await series('Gantt', 'o.series[0].data');
  assert.deepEqual(gantt.map((g) => [g[2], g[5]]), plan.builds[0].stages.map((s) => [s.start_months.p50, s.end_months.p50]));

  await visit(page, find('chip'));
  const blocks = await series('Floorplan', 'o.series[0].data');
  const build = plan.builds[0];
  for (const part of build.area.filter((p) => !p.name.startsWith('overhead'))) {
    const area = blocks.filter((b) => b.name === part.name).reduce((sum, { value: [x0, y0, x1, y1] }) => sum + (x1 - x0) * (y1 - y0), 0);
    assert.ok(Math.abs(area / part.total_mm2 - 1) < 1e-6, `${part.name}: ${area} mm2 drawn, ${part.total_mm2} planned`);
  }
  for (const { name, value: [x0, y0, x1, y1] } of blocks) {
    assert.ok(x0 > -1e-6 && y0 > -1e-6 && x1 < build.die_height_mm + 1e-6 && y1 < build.die_width_mm + 1e-6, `${name} lies outside the die`);
  }

  const truth = document('validate');
  await visit(page, find('truth'));
  await page.getByLabel('Unit').selectOption('');
  const points = await series('Scatter: predicted', 'o.series.filter(s => s.type === "scatter").flatMap(s => s.data.map(d => d.value))');
  assert.equal(points.length, truth.rows.length);
  const sorted = (list) => [...list].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  assert.deepEqual(sorted(points), sorted(truth.rows.map((r) => [r.measured, r.predicted])));
  await close();
});

test('no serious finding of axe on any page', async () => {
  for (const dark of [false, true]) {
    const { page, close } = await open(browser, all.url, { dark });
    for (const { href, title } of await links(page)) {
      await visit(page, href);
      await page.$$eval('details', (all) => all.forEach((d) => { d.open = true; }));
      // The page's own policy forbids injected scripts; the evaluation of the test does not go through it.
      await page.evaluate(`${axeSource}; undefined`);
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      const serious = violations.filter((v) => ['serious', 'critical'].includes(v.impact));
      assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 160)}`), [], `${title}, ${dark ? 'dark' : 'light'}`);
    }
    await close();
  }
});
