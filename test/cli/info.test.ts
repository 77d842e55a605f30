import { describe, expect, test } from 'vitest';
import { useDigits, useFolder } from './folders.js';
import { handgrad, jsonLines } from './run.js';

const digits = useDigits();
const folder = useFolder();

describe('info', () => {
  test('--json prints one object', async () => {
    const outcome = await handgrad(['info', '--json'], { env: { HANDGRAD_MNIST: digits.path } });
    const [machine, ...others] = jsonLines(outcome);
    expect(others).toEqual([]);
    expect(machine).toMatchObject({
      node: process.versions.node,
      v8: process.versions.v8,
      platform: `${process.platform} ${process.arch}`,
      cpu: expect.any(String),
      cores: expect.any(Number),
      wasm: { simd: true, relaxedSimd: expect.any(Boolean), threads: expect.any(Boolean) },
      backend: { backend: 'wasm', build: expect.any(String), threads: expect.any(Number) },
      mnist: { folder: digits.path, found: true, trainSize: 600, testSize: 200 },
      missing: expect.any(Array),
    });
  });

  test('says why MNIST is missing, and how to get it', async () => {
    const cache = folder.at('cache');
    const { status, stdout } = await handgrad(['info'], { env: { XDG_CACHE_HOME: cache } });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^MNIST +not on this machine$/m);
    expect(stdout).toContain(`${cache}/handgrad`);
    expect(stdout).toMatch(
      /^ {2}MNIST: .*allow the download, point HANDGRAD_MNIST, --data or loadMnist/m,
    );
  });
});
