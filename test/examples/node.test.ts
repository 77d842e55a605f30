/* The programs of examples/node that run on their own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { decodeSafetensors } from 'handgrad';
import { syntheticDigits } from 'handgrad/data';
import { afterEach, expect, it } from 'vitest';
import { useFolder } from '../cli/folders.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = useFolder();
let program: ReturnType<typeof start> | undefined;

function start(name: string, ...args: readonly string[]) {
  const command = ['--import', 'tsx', `examples/node/${name}`, ...args];
  return spawn(process.execPath, command, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
}

afterEach(() => {
  program?.kill();
});

it('train-and-serve answers while it learns', async () => {
  program = start('train-and-serve.ts', '0');
  const lines = createInterface({ input: program.stdout });
  const [url] = await once(lines, 'line');
  await once(lines, 'line');
  const { inputs, targets } = syntheticDigits({ trainSize: 1, testSize: 20, seed: 1 }).test;
  const times: number[] = [];
  let right = 0;
  for (let i = 0; i < 20; i++) {
    const began = performance.now();
    const body = inputs.slice(784 * i, 784 * (i + 1));
    const answer = await (await fetch(url, { method: 'POST', body: body as BodyInit })).json();
    times.push(performance.now() - began);
    expect(answer.probabilities).toHaveLength(10);
    expect(answer.epochs).toBeGreaterThan(0);
    if (answer.digit === targets[i]) right++;
  }
  expect(right).toBeGreaterThan(10);
  // Far below a turn of training in the same thread; other tests run at the same time.
  expect(times.sort((a, b) => a - b)[10]).toBeLessThan(40);
  for (const length of [9, 2 * 784]) {
    const refused = await fetch(url, { method: 'POST', body: inputs.slice(0, length) as BodyInit });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toBe(`predict: expected 784 bytes, got ${length}`);
  }
  const example = await (await fetch(new URL('/example', url))).arrayBuffer();
  const answer = await (await fetch(url, { method: 'POST', body: example })).json();
  expect(answer.probabilities).toHaveLength(10);
});

it('table-to-server learns a table, and answers for new rows', async () => {
  const file = folder.at('table.csv');
  // The class follows from two columns; the third is constant.
  const rows = Array.from({ length: 150 }, (_, i) => {
    const [length, width] = [1 + (i % 15), 1 + ((7 * i) % 10) + 0.5];
    return `${length},${width},5,${length > width ? 'long' : 'wide'}`;
  });
  await writeFile(file, ['length,width,weight,shape', ...rows].join('\n'));
  program = start('table-to-server.ts', '0', file);
  const lines = createInterface({ input: program.stdout });
  const [accuracy] = await once(lines, 'line');
  expect(accuracy).toMatch(/^accuracy (1\.000|0\.9\d\d) on 30 rows of /);
  const [url] = await once(lines, 'line');
  const ask = (row: object) => fetch(url, { method: 'POST', body: JSON.stringify(row) });
  const answer = await (await ask({ length: 14, width: 2, weight: 5 })).json();
  expect(answer).toMatchObject({ class: 'long', probabilities: { long: expect.closeTo(1, 0) } });
  const refused = await ask({ length: 3, width: 'wide', weight: 5 });
  expect(refused.status).toBe(400);
  expect(await refused.text()).toBe('RangeError: expected a number as width, got wide');
});

it('pytorch-weights writes a state_dict, and loads it', async () => {
  const file = folder.at('weights.safetensors');
  const outputs: string[] = [];
  for (const task of ['write', 'read']) {
    program = start('pytorch-weights.ts', task, file);
    let output = '';
    program.stdout.on('data', (text) => {
      output += text;
    });
    const [status] = await once(program, 'close');
    expect(status).toBe(0);
    outputs.push(output);
  }
  expect(outputs[0]).toMatch(
    /^0\.weight \(30, 784\)\n0\.bias \(30\)\n2\.weight \(10, 30\)\n2\.bias \(10\)\naccuracy 0\.\d+\n$/,
  );
  expect(outputs[1]).toBe(outputs[0]);
  const { tensors } = decodeSafetensors(await readFile(file));
  expect([...tensors.keys()].sort()).toEqual(['0.bias', '0.weight', '2.bias', '2.weight']);
});
