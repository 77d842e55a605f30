/**
 * Builds dist/bench/: `node bench/build.mjs [--gpu]`.
 *
 *   library.mjs             the parts of src/ that the comparisons use: see library.ts
 *   tensorflow-webgpu.mjs   with --gpu: TensorFlow.js and its WebGPU backend in one file, for
 *                           machines without a package registry
 */

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as esbuild from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

const COMMON = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  target: 'node20',
  platform: 'node',
  logLevel: 'warning',
};

const { values } = parseArgs({ options: { gpu: { type: 'boolean', default: false } } });
await buildLibrary();
if (values.gpu) await buildTensorflow();

function buildLibrary() {
  return esbuild.build({
    ...COMMON,
    entryPoints: ['bench/library.ts'],
    outfile: 'dist/bench/library.mjs',
  });
}

function buildTensorflow() {
  return esbuild.build({
    ...COMMON,
    entryPoints: ['bench/engines/tensorflow-webgpu.mjs'],
    outfile: 'dist/bench/tensorflow-webgpu.mjs',
    minify: true,
    // The package's build for Node cannot be bundled.
    mainFields: ['module', 'main'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    // The licences travel with the bundle.
    legalComments: 'eof',
  });
}
