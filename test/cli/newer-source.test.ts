import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { newerSource } from '../../src/cli/newer-source.js';

const BUILT = new Date('2026-01-01T12:00:00Z');
const BEFORE = new Date('2026-01-01T11:00:00Z');
const AFTER = new Date('2026-01-01T13:00:00Z');

let clone: string;

async function write(path: string, time: Date): Promise<string> {
  const file = join(clone, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, '');
  await utimes(file, time, time);
  return file;
}

beforeEach(async () => {
  clone = await mkdtemp(join(tmpdir(), 'handgrad-clone-'));
});

afterEach(() => rm(clone, { recursive: true }));

it.each(['src/ops/relu.ts', 'assembly/relu.ts', 'shaders/relu.wgsl'])(
  'names %s when it changed after the build',
  async (changed) => {
    const program = await write('dist/cli.js', BUILT);
    const sources = ['src/ops/relu.ts', 'assembly/relu.ts', 'shaders/relu.wgsl'];
    for (const source of sources) await write(source, BEFORE);
    // Written by the build itself.
    await write('src/backends/wasm/simd.wasm', AFTER);
    expect(await newerSource(program)).toBeUndefined();
    await write(changed, AFTER);
    expect(await newerSource(program)).toBe(changed);
  },
);

it('names nothing in an installed package, which has no sources', async () => {
  expect(await newerSource(await write('dist/cli.js', BUILT))).toBeUndefined();
});
