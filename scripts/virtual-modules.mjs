/**
 * Modules whose content is built, for esbuild and Vite:
 *
 *   virtual:shaders         the files of shaders/: see shaders.mjs
 *   virtual:wasm/<target>   src/backends/wasm/<target>.wasm, compressed (zlib) and in base64. As part of a
 *                           module, it reaches every program that a bundler makes
 *   virtual:worker          the script src/backends/wasm/worker.mjs, minified
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import { transform } from 'esbuild';
import { readShaders, shaderFiles } from './shaders.mjs';

const WASM = fileURLToPath(new URL('../src/backends/wasm', import.meta.url));
const NAME = /^virtual:(shaders|worker|wasm\/[\w-]+)$/;

/** The default export of a virtual module, and the files that it is made of. */
async function load(id) {
  const [, name] = NAME.exec(id);
  if (name === 'shaders') return { value: readShaders(), files: shaderFiles() };
  if (name === 'worker') {
    const file = join(WASM, 'worker.mjs');
    const { code } = await transform(await readFile(file, 'utf8'), { minify: true, format: 'esm' });
    return { value: code, files: [file] };
  }
  const file = join(WASM, `${name.slice('wasm/'.length)}.wasm`);
  const bytes = deflateSync(await readFile(file), { level: 9 });
  return { value: bytes.toString('base64'), files: [file] };
}

export const esbuildVirtualModules = {
  name: 'virtual-modules',
  setup(build) {
    build.onResolve({ filter: NAME }, ({ path }) => ({ path, namespace: 'virtual' }));
    build.onLoad({ filter: NAME, namespace: 'virtual' }, async ({ path }) => {
      const { value, files } = await load(path);
      return { contents: JSON.stringify(value), loader: 'json', watchFiles: files };
    });
  },
};

export const viteVirtualModules = {
  name: 'virtual-modules',
  resolveId: (id) => (NAME.test(id) ? `\0${id}` : undefined),
  async load(id) {
    if (!id.startsWith('\0virtual:') || !NAME.test(id.slice(1))) return undefined;
    const { value, files } = await load(id.slice(1));
    for (const file of files) this.addWatchFile(file);
    return `export default ${JSON.stringify(value)};`;
  },
};
