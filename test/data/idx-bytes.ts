/** Small datasets in MNIST's formats, made in memory. */

import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Checksums, MnistFile } from '../../src/data/index.js';

/** An IDX file: the magic number, the sizes, and `body` after them. */
export function idxBytes(magic: number, sizes: readonly number[], body: ArrayLike<number>) {
  const bytes = new Uint8Array(4 + 4 * sizes.length + body.length);
  const view = new DataView(bytes.buffer);
  [magic, ...sizes].forEach((value, i) => {
    view.setUint32(4 * i, value);
  });
  bytes.set(body, 4 + 4 * sizes.length);
  return bytes;
}

/** Images of `side` × `side` pixels that differ from each other. */
export function idxImages(count: number, side = 28) {
  const pixels = Array.from({ length: count * side * side }, (_, i) => (i * 7 + (i >> 8)) & 255);
  return idxBytes(2051, [count, side, side], pixels);
}

/** Labels 0, 1, 2, …, 9, 0, 1, … */
export function idxLabels(count: number) {
  return idxBytes(
    2049,
    [count],
    Array.from({ length: count }, (_, i) => i % 10),
  );
}

/** Thirty training and twenty test images. */
export function smallMnist(): Record<MnistFile, Uint8Array<ArrayBuffer>> {
  return {
    'train-images-idx3-ubyte': idxImages(30),
    'train-labels-idx1-ubyte': idxLabels(30),
    't10k-images-idx3-ubyte': idxImages(20),
    't10k-labels-idx1-ubyte': idxLabels(20),
  };
}

/** SHA-256 of each file. */
export function checksumsOf(files: Record<MnistFile, Uint8Array>): Checksums {
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  return Object.fromEntries(
    Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)]),
  ) as Record<MnistFile, string>;
}

/** A folder of its own for the running test, with `files` in it; deleted afterwards. */
export async function temporaryFolder(
  files: Readonly<Record<string, Uint8Array | string>> = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'handgrad-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
  return folder;
}
