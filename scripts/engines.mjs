import { readFile } from 'node:fs/promises';

const { browserslist } = JSON.parse(
  await readFile(new URL('../package.json', import.meta.url), 'utf8'),
);

/** The oldest supported engines, the package's `browserslist`, as esbuild's targets: `chrome91`. */
export const OLDEST_ENGINES = browserslist.map((query) => query.replace(' >= ', ''));
