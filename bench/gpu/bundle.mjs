/**
 * Bundles TensorFlow.js with its WebGPU backend into dist/bench/, for machines where nothing can be
 * installed: `npm run build:bench-gpu`, after which `dist` is all that has to be carried there.
 */

import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

await esbuild.build({
  absWorkingDir: root,
  entryPoints: ['bench/gpu/engines/tensorflow.mjs'],
  outfile: 'dist/bench/tensorflow.mjs',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'node20',
  platform: 'node',
  // Its build for Node has no modules to leave out of the bundle.
  mainFields: ['module', 'main'],
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  nodePaths: [fileURLToPath(new URL('../peers/node_modules', import.meta.url))],
  // Whoever is handed the bundle gets its licences with it.
  legalComments: 'eof',
  logLevel: 'warning',
});
