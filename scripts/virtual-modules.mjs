/**
 * Modules whose content is built, for esbuild and Vite:
 *
 *   virtual:shaders         the files of shaders/: see shaders.mjs
 *   virtual:wasm/<target>   src/backends/wasm/<target>.wasm, compressed (zlib) and in base64. As part of a
 *                           module, it reaches every program that a bundler makes
 *   virtual:thread          the script src/backends/wasm/handgrad-thread.mjs, minified
 *   virtual:host            the script of handgrad/worker, src/worker/host/host.ts with all that it imports,
 *                           minified, compressed and in base64
 */

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import { build, transform } from 'esbuild';
import { OLDEST_ENGINES } from './engines.mjs';
import { readShaders, shaderFiles } from './shaders.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WASM = fileURLToPath(new URL('../src/backends/wasm', import.meta.url));
const NAME = /^virtual:(shaders|thread|host|wasm\/[\w-]+)$/;

/** The default export of a virtual module, and the files that it is made of. */
async function load(id) {
  const [, name] = NAME.exec(id);
  if (name === 'shaders') return { value: readShaders(), files: shaderFiles() };
  if (name === 'thread') {
    const file = join(WASM, 'handgrad-thread.mjs');
    const { code } = await transform(await readFile(file, 'utf8'), {
      minify: true,
      format: 'esm',
      target: OLDEST_ENGINES,
    });
    return { value: code, files: [file] };
  }
  if (name === 'host') return loadHost();
  const file = join(WASM, `${name.slice('wasm/'.length)}.wasm`);
  return { value: packed(await readFile(file)), files: [file] };
}

/** How esbuild makes the script of handgrad/worker, which needs nothing but itself. */
export const HOST = {
  absWorkingDir: ROOT,
  entryPoints: { 'handgrad-host': 'src/worker/host/host.ts' },
  bundle: true,
  platform: 'neutral',
  mainFields: ['module', 'main'],
  external: ['node:*'],
  target: OLDEST_ENGINES,
  metafile: true,
  logLevel: 'warning',
};

/** Leaves the builds of the core out: the program's side loads them for the worker. */
export const withoutBuilds = {
  name: 'without-builds',
  setup(build) {
    build.onResolve({ filter: /^virtual:wasm/ }, ({ path }) => ({ path, namespace: 'left-out' }));
    build.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({
      contents: 'export default "";',
    }));
  },
};

async function loadHost() {
  const { outputFiles, metafile } = await build({
    ...HOST,
    minify: true,
    format: 'iife',
    // A classic script has no URL of its own.
    define: { 'import.meta.url': 'undefined' },
    plugins: [withoutBuilds, esbuildVirtualModules],
    write: false,
  });
  const files = Object.keys(metafile.inputs).filter((path) => !/^(virtual|left-out):/.test(path));
  return { value: packed(outputFiles[0].contents), files: files.map((path) => join(ROOT, path)) };
}

function packed(bytes) {
  return deflateSync(bytes, { level: 9 }).toString('base64');
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

/** The file of `dist` with a virtual module, which several builds import. */
export function virtualFile(dist, id) {
  return join(dist, 'virtual', `${id.slice('virtual:'.length).replace('/', '-')}.js`);
}

/** Leaves virtual modules in files of their own, and writes these. */
export function virtualFiles(dist) {
  return {
    name: 'virtual-files',
    setup({ onResolve, onEnd }) {
      const ids = new Set();
      onResolve({ filter: NAME }, ({ path: id }) => {
        ids.add(id);
        return { path: `./virtual/${basename(virtualFile(dist, id))}`, external: true };
      });
      onEnd(async () => {
        const names = [...ids].map((id) => basename(virtualFile(dist, id)));
        await mkdir(join(dist, 'virtual'), { recursive: true });
        for (const name of await readdir(join(dist, 'virtual'))) {
          if (!names.includes(name)) await rm(join(dist, 'virtual', name));
        }
        for (const id of ids) {
          const { value } = await load(id);
          await writeFile(virtualFile(dist, id), `export default ${JSON.stringify(value)};\n`);
        }
      });
    },
  };
}

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
