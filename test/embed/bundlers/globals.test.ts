/* Bundles that are classic scripts, whose variables become properties of the window. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { closeBrowsers, open } from '../browsers.js';
import { install } from '../project.js';

afterAll(closeBrowsers);

it('define no name that a page already has', async () => {
  const project = await install('esbuild');
  await project.run('npm', 'run', 'cjs');
  const bundle = await readFile(join(project.folder, 'dist/cjs/main.js'), 'utf8');
  const names = [...bundle.matchAll(/^(?:var|let|const|class|function|async function) ([\w$]+)/gm)];
  expect(names.length).toBeGreaterThan(100);
  const page = await (await open('chromium')).newPage();
  const taken = await page.evaluate(
    (all) => all.filter((name) => name in window),
    names.map(([, name]) => name),
  );
  await page.close();
  await project.remove();
  expect(taken).toEqual([]);
});
