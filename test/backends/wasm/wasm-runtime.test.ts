import { describe, expect, it, vi } from 'vitest';
import type { Runtime } from '../../../src/backends/runtime.js';
import { BUILDS, supportedBuilds, type WasmBuild } from '../../../src/backends/wasm/module.js';
import { createWasmRuntime } from '../../../src/backends/wasm/wasm-runtime.js';
import { BackendError } from '../../../src/errors.js';
import { createBackend } from '../../../src/numerics/create-backend.js';
import { OPS } from '../../../src/ops/registry.js';
import { Step } from '../../../src/step.js';
import { persistent, type Tensor } from '../../../src/tensor.js';
import { reluStep } from '../relu-step.js';

const SUPPORTED = await supportedBuilds();

/** result ← tanh(x), which differs from relu for negative x. */
function tanhStep(x: Tensor, result: Tensor): Step {
  const step = new Step();
  step.call(OPS.tanhForward, { x }, { into: { y: result } });
  return step;
}

const numbers = (size: number, first: number) =>
  Float32Array.from({ length: size }, (_, i) => first + i);

async function readAll(runtime: Runtime, tensor: Tensor): Promise<number[]> {
  return [...(await runtime.read(tensor))];
}

describe.each(BUILDS)('the %s build', (build: WasmBuild) => {
  const isMissing = !SUPPORTED.includes(build);
  const create = () => createWasmRuntime({ build, threads: 1 });

  describe.skipIf(isMissing)(isMissing ? 'is unsupported here' : 'on this engine', () => {
    it('describes itself in info', async () => {
      await using backend = await createBackend('wasm', { build, threads: 1 });
      expect(backend.info).toMatchObject({ backend: 'wasm', build, threads: 1, notes: [] });
    });

    it('sets tensors to zero before they are first written', async () => {
      const runtime = await create();
      const [x, y] = [persistent('x', [100]), persistent('y', [100])];
      expect(await runtime.read(x)).toEqual(new Float32Array(100));
      runtime.write(x, numbers(100, 1));
      runtime.release([x]);
      expect(await runtime.read(y)).toEqual(new Float32Array(100));
      expect(await runtime.read(x)).toEqual(new Float32Array(100));
    });

    it('writes the first values of a tensor and keeps the others', async () => {
      const runtime = await create();
      const x = persistent('x', [4], 'int32');
      runtime.write(x, [1, 2, 3, 4]);
      runtime.write(x, [7, 8]);
      expect(await readAll(runtime, x)).toEqual([7, 8, 3, 4]);
    });

    it('refuses more values than a tensor has, and changes nothing', async () => {
      const runtime = await create();
      const [x, next] = [persistent('x', [2], 'uint8'), persistent('next', [2], 'uint8')];
      runtime.write(x, [1, 2]);
      runtime.write(next, [3, 4]);
      expect(() => runtime.write(x, new Uint8Array(200))).toThrow(RangeError);
      expect([...(await readAll(runtime, x)), ...(await readAll(runtime, next))]).toEqual([
        1, 2, 3, 4,
      ]);
    });

    it('reads copies, which later writes do not change', async () => {
      const runtime = await create();
      const x = persistent('x', [2]);
      runtime.write(x, [1, 2]);
      const copy = await runtime.read(x);
      runtime.write(x, [3, 4]);
      expect([...copy]).toEqual([1, 2]);
    });

    it('runs a step the requested number of times', async () => {
      const runtime = await create();
      const state = persistent('state', [4], 'int32');
      const step = new Step();
      step.call(OPS.advance, { state }, { attributes: { batchSize: 10 } });
      const executable = await runtime.compile(step);
      await executable.run(0);
      expect(await readAll(runtime, state)).toEqual([0, 0, 0, 0]);
      await executable.run(7);
      expect(await readAll(runtime, state)).toEqual([7, 7, 70, 0]);
    });

    it('shares persistent tensors between steps', async () => {
      const runtime = await create();
      const [w, dw, y] = ['w', 'dw', 'y'].map((name) => persistent(name, [3]));
      const [schedule, state] = [persistent('schedule', [1]), persistent('state', [4], 'int32')];
      const update = new Step();
      update.call(OPS.sgdUpdate, { w, dw, schedule, state }, { attributes: { weightDecay: 0 } });
      const [updating, reading] = [
        await runtime.compile(update),
        await runtime.compile(reluStep(w, y)),
      ];
      runtime.write(w, [1, -1, 4]);
      runtime.write(dw, [2, -4, 6]);
      runtime.write(schedule, [0.5]);
      await updating.run(1);
      await reading.run(1);
      expect(await readAll(runtime, y)).toEqual([0, 1, 1]);
      await updating.run(1);
      await reading.run(1);
      expect(await readAll(runtime, y)).toEqual([0, 3, 0]);
    });

    it('links earlier steps again when a later one moves the arena', async () => {
      const runtime = await create();
      const [x, y] = [persistent('x', [3]), persistent('y', [3])];
      const small = await runtime.compile(reluStep(x, y));
      runtime.write(x, [-1, 2, 3]);
      await small.run(1);
      // Each arena is larger than the whole memory before it, so the memory grows and its buffer changes.
      for (const size of [100_000, 1_000_000]) {
        const [x2, y2] = [persistent('x2', [size]), persistent('y2', [size])];
        const large = await runtime.compile(reluStep(x2, y2, 3));
        runtime.write(x2, numbers(size, -5));
        runtime.write(x, [size, -1, 4]);
        await large.run(1);
        await small.run(1);
        expect(await readAll(runtime, y)).toEqual([size, 0, 4]);
        const result = await runtime.read(y2);
        expect(result.findIndex((value, i) => value !== Math.max(i - 5, 0))).toBe(-1);
      }
    });

    it('frees the arena that a larger one replaces', async () => {
      const runtime = await create();
      const tensors = (size: number) => [persistent('x', [size]), persistent('y', [size])] as const;
      await runtime.compile(reluStep(...tensors(100_000)));
      await runtime.compile(reluStep(...tensors(110_000)));
      const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow');
      try {
        runtime.write(persistent('nearly as large as the first arena', [99_000]), [1]);
        expect(grow).not.toHaveBeenCalled();
      } finally {
        grow.mockRestore();
      }
    });

    it('does not link a closed step again when the arena moves', async () => {
      const runtime = await create();
      const [x, y] = [persistent('x', [3]), persistent('y', [3])];
      (await runtime.compile(reluStep(x, y))).close();
      // A tensor in the memory of the closed step must not be overwritten.
      const other = persistent('other', [64]);
      runtime.write(other, numbers(64, 1));
      await runtime.compile(reluStep(persistent('x2', [50_000]), persistent('y2', [50_000])));
      expect(await runtime.read(other)).toEqual(numbers(64, 1));
    });

    it('needs no more memory when steps are compiled and released repeatedly', async () => {
      const runtime = await create();
      const cycle = async () => {
        const tensors = [persistent('x', [5000]), persistent('y', [5000])] as const;
        (await runtime.compile(reluStep(...tensors))).close();
        runtime.release(tensors);
      };
      await cycle();
      const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow');
      try {
        for (let i = 0; i < 500; i++) await cycle();
        expect(grow).not.toHaveBeenCalled();
      } finally {
        grow.mockRestore();
      }
    });

    it('frees everything of a step that does not fit into memory, and continues to work', async () => {
      const runtime = await create();
      // x takes 4 GiB, more than WebAssembly can address; y and b would fit.
      const failing = () => {
        const step = new Step();
        const I = 2 ** 30;
        const [y, b] = [persistent('y', [1, 20_000]), persistent('b', [20_000])];
        const [x, W] = [persistent('x', [1, I]), persistent('W', [I, 20_000])];
        step.call(OPS.linearForward, { x, W, b }, { into: { y } });
        return runtime.compile(step);
      };
      await expect(failing()).rejects.toThrow(
        /^wasm: expected 409\d\.\d MiB for x of shape \(1, 1073741824\) beside \d\.\d MiB in use, got a refusal/,
      );
      const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow');
      try {
        for (let i = 0; i < 20; i++) await expect(failing()).rejects.toThrow(BackendError);
        expect(grow.mock.results.map(({ type }) => type)).toEqual(Array(20).fill('throw'));
      } finally {
        grow.mockRestore();
      }
      const [x, y] = [persistent('x', [2]), persistent('y', [2])];
      const executable = await runtime.compile(reluStep(x, y));
      runtime.write(x, [-1, 5]);
      await executable.run(1);
      expect(await readAll(runtime, y)).toEqual([0, 5]);
    });

    it('does not disturb another backend in the process', async () => {
      const [a, b] = [await create(), await create()];
      const [x, y] = [persistent('x', [2]), persistent('y', [2])];
      const onA = await a.compile(reluStep(x, y));
      const onB = await b.compile(tanhStep(x, y));
      a.write(x, [-1, 2]);
      b.write(x, [0, 100]);
      await onA.run(1);
      await onB.run(1);
      expect(await readAll(a, y)).toEqual([0, 2]);
      expect(await readAll(b, y)).toEqual([0, 1]);
      await b.close();
      a.write(x, [3, -4]);
      await onA.run(1);
      expect(await readAll(a, y)).toEqual([3, 0]);
    });

    it('refuses every call after it is closed', async () => {
      const runtime = await create();
      const [x, y] = [persistent('x', [2]), persistent('y', [2])];
      const executable = await runtime.compile(reluStep(x, y));
      await runtime.close();
      const closed = new BackendError('wasm: the backend is closed');
      await expect(executable.run(1)).rejects.toThrow(closed);
      await expect(runtime.compile(reluStep(x, y))).rejects.toThrow(closed);
      await expect(runtime.read(x)).rejects.toThrow(closed);
      expect(() => runtime.write(x, [1, 2])).toThrow(closed);
      executable.close();
      runtime.release([x, y]);
      await runtime.close();
    });
  });
});
