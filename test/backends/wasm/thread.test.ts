import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

const WORKER = fileURLToPath(
  new URL('../../../src/backends/wasm/handgrad-thread.mjs', import.meta.url),
);

/** Vite's default format for workers. Top-level await is an error in it. */
it('handgrad-thread.mjs can be bundled as a classic script without imports', async () => {
  const { outputFiles, warnings } = await build({
    entryPoints: [WORKER],
    bundle: true,
    format: 'iife',
    write: false,
    logLevel: 'silent',
  });
  expect(warnings).toEqual([]);
  expect(outputFiles).toHaveLength(1);
  expect(() => new Function(outputFiles[0].text)).not.toThrow();
});
