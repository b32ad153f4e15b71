// The documents that the tests show: each made by its command, from this repository's own data.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const hadal = join(root, 'build', 'hadal');
export const folder = join(root, 'build', 'web', 'test');
export const screens = join(root, 'build', 'web', 'screens');
mkdirSync(folder, { recursive: true });
mkdirSync(screens, { recursive: true });

export const run = (...args) => execFileSync(hadal, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });

// deepseek-day with two values of each choice: seconds instead of minutes.
function smallScenario() {
  const text = readFileSync(join(root, 'scenarios', 'deepseek-day.yaml'), 'utf8');
  const at = text.indexOf('\nexplore:');
  const kept = { cores: 2, rows: 2, columns: 1, stacks: 2, spare_cores: 1, links: 2 };
  const space = text.slice(at).replace(/^( {2}(\w+): )\[([^\]]*)\]/gm, (line, head, key, values) =>
    `${head}[${values.split(',').slice(0, kept[key] ?? 1).join(',')}]`);
  const file = join(folder, 'small.yaml');
  writeFileSync(file, text.slice(0, at) + space);
  return file;
}

const kCommands = {
  'run.json': (out) => ['run', 'hadal-tiny', '-p', 'Once upon a time', '-n', '12', '--temperature', '0.7', '--seed', '1', '--json', out],
  'batch.json': (out) => ['run', 'hadal-tiny', '-p', 'It was', '-n', '3', '--batch', '2', '--temperature', '0.7', '--json', out],
  'untimed.json': (out) => ['run', 'hadal-tiny', '-p', 'It was', '-n', '2', '--no-timing', '--json', out],
  'one.json': (out) => ['run', 'hadal-tiny', '-p', 'It was', '-n', '1', '--json', out],
  'work.json': (out) => ['exec', 'web/test/double.hasm', '--json', out],
  'launch.json': (out) => ['exec', 'web/test/double.hasm', '--timing', '--json', out],
  'eval.json': (out) => ['eval', 'hadal-tiny', '--text', 'models/hadal-tiny/heldout.txt', '--max-tokens', '60', '--reference', '--json', out],
  'verify.json': (out) => ['verify', '--random', '3', '--seed', '1', '--kernels', '--json', out],
  'lockstep.json': (out) => ['verify', '--random', '2', '--json', out],
  'prefill.json': (out) => ['predict', '-m', 'DeepSeek-V3', '-c', 'hadal-1', '-p', 'prefill', '-b', '4', '-l', '4096', '--ep', '32', '--json', out],
  'predict.json': (out) => ['predict', '-m', 'DeepSeek-V3', '-c', 'h800', '-b', '128', '-l', '4096', '--ep', '128', '--overlap', '2', '--json', out],
  'serving.json': (out) => ['predict', '-m', 'DeepSeek-V3', '-c', 'h800', '--ep', '64', '--prefill-ep', '32', '--overlap', '2', '-l', '4000', '--rate', '50', '--requests', '400', '--json', out],
  'validate.json': (out) => ['validate', '--json', out],
  'step.json': (out) => ['validate', '--simulator', 'hadal-tiny', '--json', out],
  'plan.json': (out) => ['plan', 'deepseek-day', '--json', out],
  'cases.json': (out) => ['plan', '--cases', '--json', out],
  'points.sqlite': (out) => ['explore', smallScenario(), '--store', out],
  'point.json': (out) => ['explore', 'deepseek-day', '--point', '3', '--json', out],
  'front.json': (out) => ['explore', smallScenario(), '--store', join(folder, 'points.sqlite'), '--json', out],
};

/** Paths of all documents; made anew where the program is newer. */
export function documents() {
  const built = statSync(hadal).mtimeMs;
  return Object.entries(kCommands).map(([name, command]) => {
    const out = join(folder, name);
    if (!existsSync(out) || statSync(out).mtimeMs < built) {
      for (const ending of ['', '-wal', '-shm']) rmSync(out + ending, { force: true });
      run(...command(out));
    }
    return out;
  });
}

/** The report of some documents, and what is embedded in it. */
export function report(name, files, title = 'Hadal') {
  const out = join(folder, name);
  run('report', ...files, '-o', out, '--title', title);
  const html = readFileSync(out, 'utf8');
  const [, text] = /<script id="hadal-data" type="application\/json">(.*?)<\/script>/s.exec(html);
  return { url: `file://${out}`, file: out, bytes: statSync(out).size, data: JSON.parse(text) };
}

/** Bytes of numbers as a column of an exploration. */
export const column = (array, encoding, values) =>
  ({ encoding, ...(values ? { values } : {}), data: Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64') });

export function decode(c) {
  const bytes = Buffer.from(c.data, 'base64');
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const raw = { u8: Uint8Array, u16: Uint16Array, f32: Float32Array, f64: Float64Array }[c.encoding];
  const array = [...new raw(buffer)];
  return c.values ? array.map((i) => c.values[i]) : array;
}
