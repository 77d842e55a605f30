/**
 * Offers the files of shaders/ as one module, `virtual:shaders`, to esbuild and Vite. Its default
 * export has, by file name without `.wgsl`:
 *
 *   requires   names of all files that this one needs, directly or not; dependencies come first
 *   text       the file without comments; every line keeps its number, which error messages name
 *
 * A shader lists the files that it needs in its first line: `// requires: exp, split-reduction`.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODULE = 'virtual:shaders';
const FOLDER = fileURLToPath(new URL('../shaders', import.meta.url));

/** @throws Error for a required file that does not exist, or files that require each other */
export function readShaders(folder = FOLDER) {
  const names = readdirSync(folder).filter((file) => file.endsWith('.wgsl'));
  const sources = new Map(
    names.map((file) => [file.slice(0, -5), readFileSync(join(folder, file), 'utf8')]),
  );
  return Object.fromEntries(
    [...sources].map(([name, source]) => {
      const requires = [];
      visit(name, [], requires, sources);
      // The last one is the file itself.
      return [name, { requires: requires.slice(0, -1), text: withoutComments(source) }];
    }),
  );
}

/** The names in a shader's first line. */
export function requiredBy(source) {
  const [, names] = /^\/\/ requires: (.+)\n/.exec(source) ?? [];
  return names === undefined ? [] : names.split(', ');
}

/** Appends everything that `name` requires to `ordered`, then `name`; a depth-first search. */
function visit(name, path, ordered, sources) {
  if (ordered.includes(name)) return;
  const chain = [...path, name].join(' → ');
  if (path.includes(name)) {
    throw new Error(`shaders: expected requires without a cycle, got ${chain}`);
  }
  const source = sources.get(name);
  if (source === undefined) {
    throw new Error(`shaders: expected shaders/${name}.wgsl to exist, got none; see ${chain}`);
  }
  for (const required of requiredBy(source)) visit(required, [...path, name], ordered, sources);
  ordered.push(name);
}

function withoutComments(source) {
  return source.replace(/[ \t]*\/\/.*$/gm, '');
}

const FILTER = new RegExp(`^${MODULE}$`);

export const esbuildShaders = {
  name: 'shaders',
  setup(build) {
    build.onResolve({ filter: FILTER }, ({ path }) => ({ path, namespace: 'shaders' }));
    build.onLoad({ filter: FILTER, namespace: 'shaders' }, () => {
      return { contents: JSON.stringify(readShaders()), loader: 'json' };
    });
  },
};

export const viteShaders = {
  name: 'shaders',
  resolveId: (id) => (id === MODULE ? `\0${MODULE}` : undefined),
  load(id) {
    if (id !== `\0${MODULE}`) return undefined;
    for (const file of readdirSync(FOLDER)) this.addWatchFile(join(FOLDER, file));
    return `export default ${JSON.stringify(readShaders())};`;
  },
};
