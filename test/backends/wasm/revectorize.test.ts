import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const VERSION = Number.parseInt(process.versions.v8, 10);
const WORKS = VERSION >= 12 && VERSION !== 13;

/** In a subprocess, since the flag affects the whole process. */
async function infoAndProduct() {
  const program = `
    import { createBackend } from './dist/index.js';
    const backend = await createBackend('wasm', { threads: 1, revectorize: true });
    const a = Float32Array.from({ length: 96 * 96 }, (_, i) => (i % 13) - 6);
    const sizes = { m: 96, n: 96, k: 96 };
    let product;
    for (let i = 0; i < 300; i++) product = await backend.matmul(a, a, sizes);
    const plain = await createBackend('reference');
    const want = await plain.matmul(a, a, sizes);
    const right = product.every((value, i) => value === want[i]);
    console.log(JSON.stringify({ info: backend.info, right }));`;
  const args = ['--input-type=module', '--eval', program];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
  return { ...JSON.parse(stdout), stderr };
}

it(`revectorisation is ${WORKS ? 'on when requested' : 'off with a note on an engine without it'}, and changes no result`, async () => {
  const { info, right, stderr } = await infoAndProduct();
  expect(info.revectorize).toBe(WORKS);
  expect(info.notes.some((note: string) => note.includes('256 bits'))).toBe(!WORKS);
  expect(right).toBe(true);
  expect(stderr).toBe('');
});
