/* How the WebGPU backend runs steps; the suites of the ops test what it computes. */

import { afterEach, describe, expect, it, vi } from 'vitest';
import { syntheticDigits } from '../../../src/data/synthetic/synthetic-digits.js';
import { BackendError } from '../../../src/errors.js';
import type { Backend } from '../../../src/numerics/backend.js';
import { createBackend } from '../../../src/numerics/create-backend.js';
import { OPS } from '../../../src/ops/registry.js';
import { RECIPES } from '../../../src/recipes.js';
import { Step } from '../../../src/step.js';
import { persistent, type Tensor } from '../../../src/tensor.js';
import { recipeTrainer } from '../../../src/train-recipe.js';
import type { Checkpoint } from '../../../src/training/serialization/checkpoint.js';
import { expectClose, expectSameBits } from '../../values.js';
import { describeWithGpu } from '../../webgpu.js';
import { inNode } from '../in-node.js';
import { reluStep } from '../relu-step.js';
import { open } from './open-gpu.js';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** dw ← factor · dw */
function scalingStep(dw: Tensor, factor: Tensor): Step {
  const step = new Step();
  step.call(OPS.scaleGradient, { dw, factor });
  return step;
}

const digits = syntheticDigits({ trainSize: 1920, testSize: 64 });

/** The weights after 30 steps of the recipe. */
async function train30Steps(backend: Backend) {
  const trainer = recipeTrainer(RECIPES.mlp, { backend, seed: 7 });
  await trainer.fit(digits.train, { epochs: 1 });
  return trainer.state();
}

describeWithGpu('the webgpu backend', () => {
  it('opens a GPU, and names it', async () => {
    await using backend = await createBackend('webgpu');
    expect(backend.info).toMatchObject({ backend: 'webgpu', threads: 1 });
    expect(backend.info.build).toMatch(/\w/);
    expect(await backend.relu([-1, 2])).toEqual(Float32Array.of(0, 2));
  });

  it('runs beside another webgpu backend', async () => {
    await using one = await createBackend('webgpu');
    const other = await createBackend('webgpu');
    const both = [one, other].map((backend, i) => backend.relu([-1, 5 + i]));
    expect(await Promise.all(both)).toEqual([Float32Array.of(0, 5), Float32Array.of(0, 6)]);
    await other.close();
    expect(await one.relu([3])).toEqual(Float32Array.of(3));
  });

  describe('keeps tensors', () => {
    it('at zero until they are written', async () => {
      const { device } = await open();
      const x = persistent('x', [5]);
      expect(await device.read(x)).toEqual(new Float32Array(5));
      device.write(x, [1, 2, 3, 4, 5]);
      device.release([x]);
      expect(await device.read(x)).toEqual(new Float32Array(5));
      await device.close();
    });

    it('of bytes whose number is not a multiple of 4', async () => {
      const { device } = await open();
      const x = persistent('x', [7], 'uint8');
      device.write(x, [1, 2, 3, 4, 5, 6, 255]);
      expect(await device.read(x)).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6, 255));
      device.write(x, [9, 8, 7, 6]);
      expect(await device.read(x)).toEqual(Uint8Array.of(9, 8, 7, 6, 5, 6, 255));
      const error = 'webgpu: expected all 7 bytes of x, or a multiple of 4, got 2';
      expect(() => device.write(x, [1, 2])).toThrow(new BackendError(error));
      await device.close();
    });

    it('and replaces the first of their values', async () => {
      const { device } = await open();
      const x = persistent('x', [4], 'int32');
      device.write(x, [1, -2, 3, 4]);
      device.write(x, [7, 8]);
      expect(await device.read(x)).toEqual(Int32Array.of(7, 8, 3, 4));
      await device.close();
    });

    it('and reads the values at the time of the call, regardless of later writes', async () => {
      const { gpu, device } = await open();
      const x = persistent('x', [1]);
      const read = async (value: number) => {
        device.write(x, [value]);
        return device.read(x);
      };
      expect(await Promise.all([read(1), read(2), read(3)])).toEqual([
        Float32Array.of(1),
        Float32Array.of(2),
        Float32Array.of(3),
      ]);
      // These reads reuse the staging buffers of those.
      const create = vi.spyOn(gpu, 'createBuffer');
      for (let i = 0; i < 5; i++) expect(await read(i)).toEqual(Float32Array.of(i));
      expect(create).not.toHaveBeenCalled();
      await device.close();
    });

    it('and refuses more values than they have', async () => {
      const { device } = await open();
      const x = persistent('x', [2], 'uint8');
      device.write(x, [1, 2]);
      expect(() => device.write(x, new Uint8Array(3))).toThrow(RangeError);
      expect(await device.read(x)).toEqual(Uint8Array.of(1, 2));
      await device.close();
    });
  });

  it('runs a step the requested number of times', async () => {
    const { device } = await open();
    const [dw, factor] = [persistent('dw', [2]), persistent('factor', [1])];
    const executable = await device.compile(scalingStep(dw, factor));
    device.write(dw, [1, -3]);
    device.write(factor, [2]);
    await executable.run(0);
    expect(await device.read(dw)).toEqual(Float32Array.of(1, -3));
    await executable.run(5);
    expect(await device.read(dw)).toEqual(Float32Array.of(32, -96));
    await device.close();
  });

  it('runs over more elements than one axis of workgroups covers', async () => {
    const { device } = await open();
    const size = 2 ** 24 + 3;
    const [x, y] = [persistent('x', [size]), persistent('y', [size])];
    const executable = await device.compile(reluStep(x, y, 0));
    device.write(
      x,
      new Float32Array(size).map((_, i) => i - 7),
    );
    await executable.run(1);
    const values = await device.read(y);
    expect(values.findIndex((value, i) => value !== Math.max(i - 7, 0))).toBe(-1);
    await device.close();
  });

  it('rejects every call after it is closed', async () => {
    const { device } = await open();
    const [x, y] = [persistent('x', [2]), persistent('y', [2])];
    const executable = await device.compile(reluStep(x, y));
    await device.close();
    const closed = new BackendError('webgpu: the backend is closed');
    await expect(executable.run(1)).rejects.toThrow(closed);
    await expect(device.compile(reluStep(x, y))).rejects.toThrow(closed);
    await expect(device.read(x)).rejects.toThrow(closed);
    expect(() => device.write(x, [1, 2])).toThrow(closed);
    executable.close();
    device.release([x, y]);
    await device.close();
  });

  it('closes after earlier calls have completed', async () => {
    const { backend } = await open();
    const trainer = recipeTrainer(RECIPES.softmax, { backend });
    const evaluating = trainer.evaluate(digits.test);
    await backend.close();
    expect((await evaluating).loss).toBeGreaterThan(0);
  });

  it('closes during a run, which rejects', async () => {
    const { device } = await open();
    const [x, y] = [persistent('x', [2 ** 16]), persistent('y', [2 ** 16])];
    const executable = await device.compile(reluStep(x, y, 4));
    const running = expect(executable.run(200)).rejects.toThrow(
      new BackendError('webgpu: the backend is closed'),
    );
    await device.close();
    await running;
  });

  describe('whose GPU is lost', () => {
    const lost = /^webgpu: the device was lost \(destroyed\)/;

    it('rejects the call that waits for the current run, and all later calls', async () => {
      const { gpu, device } = await open();
      const [x, y] = [persistent('x', [2 ** 16]), persistent('y', [2 ** 16])];
      const executable = await device.compile(reluStep(x, y, 4));
      await executable.run(200);
      const running = expect(device.finish()).rejects.toThrow(lost);
      gpu.destroy();
      await running;
      await expect(executable.run(1)).rejects.toBeInstanceOf(BackendError);
      await expect(executable.run(1)).rejects.toThrow(lost);
      await expect(device.read(x)).rejects.toThrow(lost);
      await expect(device.compile(reluStep(x, y))).rejects.toThrow(lost);
      expect(() => device.write(x, [1])).toThrow(lost);
      await device.close();
    });

    it('rejects a read and a compilation in progress', async () => {
      const [reading, compiling] = [await open(), await open()];
      const [x, y] = [persistent('x', [2]), persistent('y', [2])];
      const read = expect(reading.device.read(x)).rejects.toThrow(lost);
      reading.gpu.destroy();
      await read;
      const compiled = expect(compiling.device.compile(reluStep(x, y))).rejects.toThrow(lost);
      compiling.gpu.destroy();
      await compiled;
      await reading.device.close();
      await compiling.device.close();
    });

    it('ends fit with an error, after which another backend resumes from the checkpoint', async () => {
      const { gpu, backend } = await open();
      const epochs = 4;
      const trainer = recipeTrainer(RECIPES.softmax, { backend });
      let checkpoint: Checkpoint | undefined;
      const fitting = trainer.fit(digits.train, {
        epochs,
        async onEpoch({ epoch }) {
          checkpoint = await trainer.checkpoint();
          if (epoch === 2) gpu.destroy();
        },
      });
      await expect(fitting).rejects.toThrow(lost);
      await expect(fitting).rejects.toBeInstanceOf(BackendError);
      await backend.close();

      await using wasm = await createBackend('wasm', { threads: 1 });
      const [resumed, whole] = [1, 2].map(() => recipeTrainer(RECIPES.softmax, { backend: wasm }));
      await resumed.restore(checkpoint as Checkpoint);
      const history = await resumed.fit(digits.train, { epochs, resume: true });
      expect(history.epochs.map(({ epoch }) => epoch)).toEqual([3, 4]);
      await whole.fit(digits.train, { epochs });
      const got = await resumed.state();
      for (const [name, { data }] of await whole.state()) {
        expectClose(name, got.get(name)?.data ?? [], data, { absolute: 1e-5 });
      }
    });
  });

  it('computes the same bits in every run', async () => {
    const states = [];
    for (let i = 0; i < 2; i++) {
      await using backend = await createBackend('webgpu');
      states.push(await train30Steps(backend));
    }
    for (const [name, { data }] of states[0]) {
      expectSameBits(name, states[1].get(name)?.data as Float32Array, data as Float32Array);
    }
  });

  describe('lets the process exit', () => {
    const root = new URL('../../..', import.meta.url).pathname;
    const program = (rest: string) =>
      inNode(
        `import { createBackend } from './dist/index.js';
         const backend = await createBackend('webgpu');
         console.log((await backend.relu([-1, 2]))[1]);
         ${rest}`,
        root,
      );

    it('after close', async () => {
      expect((await program('await backend.close(); await backend.close();')).stdout).toBe('2\n');
    });

    it('after a backend was closed, and another opened and closed', async () => {
      const again = `await backend.close();
        const second = await createBackend('webgpu');
        console.log((await second.relu([3]))[0]);
        await second.close();`;
      expect((await program(again)).stdout).toBe('2\n3\n');
    });

    it('even without close', async () => {
      expect((await program('')).stdout).toBe('2\n');
    });

    it('and uses no CPU time while it is idle', async () => {
      const idle = `const { setTimeout: wait } = await import('node:timers/promises');
        await wait(200);
        const before = process.cpuUsage();
        await wait(1000);
        const { user, system } = process.cpuUsage(before);
        console.log((user + system) / 1000);
        await backend.close();`;
      const milliseconds = Number((await program(idle)).stdout.split('\n')[1]);
      expect(milliseconds).toBeLessThan(100);
    });
  });
});
