import { afterAll, expect, it } from 'vitest';
import { Recording } from '../../src/bench/recording.js';
import { createBackend } from '../../src/numerics/create-backend.js';
import { OPS } from '../../src/ops/registry.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';

const backend = await createBackend('reference');
afterAll(() => backend.close());

it('runs ahead if the runtime does', () => {
  const { runtime } = backend;
  expect(new Recording(runtime).runsAhead).toBe(false);
  const ahead = Object.create(runtime, { runsAhead: { value: true } });
  expect(new Recording(ahead).runsAhead).toBe(true);
});

it('repeats the longest run with the writes before it', async () => {
  const recording = new Recording(backend.runtime);
  const [dw, factor] = [persistent('dw', [1]), persistent('factor', [1])];
  const step = new Step();
  step.call(OPS.scaleGradient, { dw, factor });
  const executable = await recording.compile(step);
  const run = async (value: number, times: number) => {
    recording.write(dw, [value]);
    recording.write(factor, [2]);
    await executable.run(times);
  };
  await run(1, 1);
  await run(3, 3);
  await run(5, 2);
  expect(await recording.read(dw)).toEqual(Float32Array.of(20));
  const chunk = recording.longest;
  if (!chunk) throw new Error('expected a run, got none');
  recording.rewind(chunk);
  await chunk.executable.run(chunk.times);
  expect(await recording.read(dw)).toEqual(Float32Array.of(24));
});
