/**
 * Bundles src/ into dist/, which runs without other packages:
 *
 *   index.js, data.js, ops.js    the library, for Node and browsers, with the chunks they share
 *   modules/                     the same as a module for each source file, for the bundlers of pages
 *   virtual/                     the builds of the core, the shaders and the scripts of workers, as modules
 *   worker.js, handgrad-host.js  the library in a worker: the program's side, and the script of the worker
 *   inline.js                    both in one file, with short names, for CDNs
 *   handgrad-thread.mjs          the script of a worker thread, for pages that allow no other
 *   cli.js                       the command line, for Node
 *   THIRD-PARTY-LICENSES.txt     licences of the bundled packages
 */

import { existsSync } from 'node:fs';
import { chmod, copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { OLDEST_ENGINES } from './engines.mjs';
import { buildModules } from './modules.mjs';
import {
  esbuildVirtualModules,
  HOST,
  virtualFile,
  virtualFiles,
  withoutBuilds,
} from './virtual-modules.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

/** AssemblyScript's standard library is compiled into the .wasm files. */
const ASSEMBLYSCRIPT = 'node_modules/assemblyscript';

/** Bundled CommonJS packages call `require`, which ES modules do not define. */
const CLI_BANNER = `#!/usr/bin/env node
import { createRequire as createRequireForBundle } from 'node:module';
const require = createRequireForBundle(import.meta.url);`;

const COMMON = {
  absWorkingDir: root,
  outdir: dist,
  bundle: true,
  format: 'esm',
  metafile: true,
  plugins: [esbuildVirtualModules],
  logLevel: 'warning',
};

/** For single files. Lines stay short: engines print the one that throws an error. */
const SHORT = { minifyIdentifiers: true, minifySyntax: true };

/** For Node and browsers. */
const NEUTRAL = {
  platform: 'neutral',
  mainFields: ['module', 'main'],
  external: ['node:*'],
  target: OLDEST_ENGINES,
};

const outputs = {
  ...(await buildLibrary()),
  ...(await buildInline()),
  ...(await buildHost()),
  ...(await buildCli()),
};
const files = Object.keys(outputs).map((path) => path.replace(/^dist\//, ''));
files.push(await copyWorker(), await writeLicenses(outputs));
await removeStale(files);

async function buildLibrary() {
  const { metafile } = await esbuild.build({
    ...COMMON,
    entryPoints: {
      index: 'src/index.ts',
      data: 'src/data/index.ts',
      worker: 'src/worker/index.ts',
      ops: 'src/ops/index.ts',
    },
    ...NEUTRAL,
    plugins: [virtualFiles(dist)],
    splitting: true,
    // Readable, since Node prints the line that throws an error, and stack traces name functions. The
    // bundlers of pages minify. The source map has the sources for debuggers.
    sourcemap: true,
    // Chunks lie directly in dist/, since one of them loads handgrad-thread.mjs from its own folder.
    chunkNames: '[name]-[hash]',
  });
  checkBrowserReady(metafile.outputs);
  const sources = Object.keys(metafile.inputs).filter((path) => path.startsWith('src/'));
  const options = { ...COMMON, ...NEUTRAL };
  const modules = await buildModules(options, sources, (id) => virtualFile(dist, id));
  return { ...metafile.outputs, ...modules };
}

/** Without splitting, modules that are imported on demand are part of the file. */
async function buildInline() {
  const { metafile } = await esbuild.build({
    ...COMMON,
    ...NEUTRAL,
    ...SHORT,
    entryPoints: { inline: 'src/inline.ts' },
  });
  checkBrowserReady(metafile.outputs);
  return metafile.outputs;
}

/** One file, so that programs with a strict policy can copy it. */
async function buildHost() {
  const { metafile } = await esbuild.build({
    ...COMMON,
    ...HOST,
    ...SHORT,
    format: 'esm',
    plugins: [withoutBuilds, esbuildVirtualModules],
  });
  checkBrowserReady(metafile.outputs);
  return metafile.outputs;
}

/** A static import of a Node module would prevent a page from loading; import() does not. */
function checkBrowserReady(outputs) {
  for (const [file, { imports }] of Object.entries(outputs)) {
    const wrong = imports.find(
      ({ path, external, kind }) =>
        external && path.startsWith('node:') && kind !== 'dynamic-import',
    );
    if (wrong === undefined) continue;
    throw new Error(
      `build: expected ${file} to load in browsers, got a static import of ${wrong.path}; ` +
        'use await import() instead',
    );
  }
}

async function buildCli() {
  if (!existsSync(join(root, 'src/cli/main.ts'))) return {};
  const { metafile } = await esbuild.build({
    ...COMMON,
    entryPoints: { cli: 'src/cli/main.ts' },
    platform: 'node',
    target: 'node20',
    banner: { js: CLI_BANNER },
  });
  await chmod(join(dist, 'cli.js'), 0o755);
  return metafile.outputs;
}

async function copyWorker() {
  const name = 'handgrad-thread.mjs';
  await copyFile(join(root, 'src/backends/wasm', name), join(dist, name));
  return name;
}

async function writeLicenses(outputs) {
  const folders = new Set([ASSEMBLYSCRIPT]);
  for (const { inputs } of Object.values(outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
      const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
      if (folder !== undefined && bytesInOutput > 0) folders.add(folder);
    }
  }
  const licenses = await Promise.all([...folders].sort().map(licenseOf));
  const intro = 'handgrad contains code from the following packages.\n';
  const name = 'THIRD-PARTY-LICENSES.txt';
  await writeFile(join(dist, name), [intro, ...licenses].join(`\n${'-'.repeat(80)}\n\n`));
  return name;
}

/** Name, version, and the text of all licence and notice files of a package. */
async function licenseOf(folder) {
  const read = (file) => readFile(join(root, folder, file), 'utf8');
  const { name, version, license } = JSON.parse(await read('package.json'));
  const entries = (await readdir(join(root, folder))).sort();
  if (!entries.some((entry) => /^(licen[cs]e|copying)/i.test(entry))) {
    throw new Error(`build: expected a licence file in ${folder}, got none; it cannot be bundled`);
  }
  const texts = entries.filter((entry) => /^(licen[cs]e|copying|notice)/i.test(entry)).map(read);
  return `${name} ${version} (${license})\n\n${(await Promise.all(texts)).join('\n')}`;
}

/**
 * Removes files of earlier builds, such as chunks with another hash. This happens after the new files
 * are written, so that dist/ never lacks a file that a running program may load. Type declarations are
 * in a folder of their own, which tsc writes.
 */
async function removeStale(current) {
  for (const entry of await readdir(dist, { withFileTypes: true })) {
    if (entry.isFile() && !current.includes(entry.name)) await rm(join(dist, entry.name));
  }
}
