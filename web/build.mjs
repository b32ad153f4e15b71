// Bundles src/ into one HTML file, build/web/report.html of the project: no other file, no network.
import { build } from 'esbuild';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, '..', 'build', 'web');

const bundle = async (entry) => {
  const result = await build({
    entryPoints: [join(here, 'src', entry)],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2020',
    charset: 'ascii',
    legalComments: 'none',
    write: false,
  });
  return result.outputFiles[0].text;
};

const [script, style] = await Promise.all([bundle('main.ts'), bundle('style.css')]);
const page = readFileSync(join(here, 'src', 'index.html'), 'utf8')
  .replace('/* STYLE */', () => style.trim())
  .replace('/* SCRIPT */', () => script.trim());
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'report.html'), page);
console.log(`build/web/report.html: ${(page.length / 1024).toFixed(0)} KiB`);
