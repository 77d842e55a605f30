/**
 * The files of shaders/, by name without `.wgsl`:
 *
 *   requires   names of all files that this one needs, directly or not; dependencies come first
 *   text       the file without comments; every line keeps its number, which error messages name
 *
 * A shader lists the files that it needs in its first line: `// requires: exp, split-reduction`.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../shaders', import.meta.url));

/** The paths of all shaders. */
export function shaderFiles(folder = FOLDER) {
  const names = readdirSync(folder).filter((file) => file.endsWith('.wgsl'));
  return names.map((file) => join(folder, file));
}

/** @throws Error for a required file that does not exist, or files that require each other */
export function readShaders(folder = FOLDER) {
  const sources = new Map(
    shaderFiles(folder).map((path) => [basename(path, '.wgsl'), readFileSync(path, 'utf8')]),
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
