// The pictures of README.md and docs/report.md, from this repository's own data: `make pictures`.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, links, visit } from './test/browser.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const work = join(root, 'build', 'web', 'pictures'), out = join(root, 'docs', 'images');
rmSync(work, { recursive: true, force: true });  // a store of other data would be refused
mkdirSync(work, { recursive: true });
mkdirSync(out, { recursive: true });
const hadal = (...args) => execFileSync(join(root, 'build', 'hadal'), args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
const file = (name) => join(work, name);

hadal('run', 'hadal-tiny', '-p', 'Once upon a time', '-n', '64', '--temperature', '0.7', '--top-p', '0.95', '--seed', '1', '--json', file('run.json'));
hadal('plan', 'deepseek-day', '--json', file('plan.json'));
hadal('validate', '--json', file('validate.json'));
hadal('explore', 'deepseek-day', '--store', file('day.sqlite'));
hadal('report', file('run.json'), file('plan.json'), file('validate.json'), file('day.sqlite'), '-o', file('report.html'));

// Page, what of it, name of the picture.
const kPictures = [
  ['run', ['section:has(h2:text-is("Where the time went")) .card:has(h3:text-is("Cycles by operator and layer"))'], 'run-time.png'],
  ['run', ['section:has(h2:text-is("The last step over time")) .card:has(h3:text-is("Units busy"))'], 'run-units.png'],
  ['chip', ['.card:has(h3:text-is("hadal-1"))'], 'chip.png'],
  ['truth', ['.card:has(h3:text-is("Predicted against measured"))'], 'truth.png'],
  ['plan', ['.card:has(h3:text-is("Stages"))'], 'plan-stages.png'],
  ['explore', ['.split'], 'explore.png'],
];
const browser = await launch();
const page = await (await browser.newContext({ viewport: { width: 1100, height: 900 }, deviceScaleFactor: 1.25, colorScheme: 'light' })).newPage();
await page.goto(`file://${file('report.html')}`);
const pages = await links(page);
for (const [id, [selector], name] of kPictures) {
  await visit(page, pages.find((p) => p.href.startsWith(`#${id}-`)).href);
  await page.addStyleTag({ content: 'header { position: static !important; }' });
  await page.locator(selector).first().screenshot({ path: join(out, name) });
  const size = statSync(join(out, name)).size;
  console.log(`docs/images/${name}: ${Math.round(size / 1000)} kB`);
  if (size > 300e3) throw new Error(`${name} is larger than 300 kB`);
}
await browser.close();
