/* The built package in a process without the built-ins that the oldest supported engines lack. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

async function runWithoutNewerBuiltIns(...args: readonly string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...['--import', new URL('remove-newer-built-ins.mjs', import.meta.url).href],
    here('program.mjs'),
    ...args,
  ]);
  return JSON.parse(stdout);
}

describe('on the oldest engines', () => {
  it.each([
    ['reference', undefined],
    ['wasm', 1],
    ['wasm', 2],
    ['auto', undefined],
  ])('%s trains, predicts and saves (threads: %s)', async (backend, threads) => {
    const result = await runWithoutNewerBuiltIns(backend, ...(threads ? [`${threads}`] : []));
    expect(result.accuracy).toBeGreaterThan(0.5);
    expect(result.outputs).toBe(10);
    if (threads) expect(result.threads).toBe(threads);
    expect(result.error).toMatch(/expected/);
    expect(result.cause).toBe('ShapeError');
  });
});
