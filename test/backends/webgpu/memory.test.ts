/* Tensors that do not fit in GPU memory. */

import { afterEach, describe, expect, it, vi } from 'vitest';
import type { WebgpuRuntime } from '../../../src/backends/webgpu/webgpu-runtime.js';
import { syntheticDigits } from '../../../src/data/synthetic/synthetic-digits.js';
import { BackendError } from '../../../src/errors.js';
import { OPS } from '../../../src/ops/registry.js';
import { RECIPES } from '../../../src/recipes.js';
import { Step } from '../../../src/step.js';
import { persistent } from '../../../src/tensor.js';
import { recipeTrainer } from '../../../src/train-recipe.js';
import { describeWithGpu } from '../../webgpu.js';
import { reluStep } from '../relu-step.js';
import { open } from './open-gpu.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Runs a step on new tensors. */
async function expectUsable(device: WebgpuRuntime): Promise<void> {
  const [x, y] = [persistent('x', [3]), persistent('y', [3])];
  const executable = await device.compile(reluStep(x, y));
  device.write(x, [-1, 5, 0]);
  await executable.run(1);
  expect(await device.read(y)).toEqual(Float32Array.of(0, 5, 0));
}

/** Makes allocations of that many bytes or more fail, until the mock is restored. */
function fillGpu(gpu: GPUDevice, bytes: number): void {
  const create = gpu.createBuffer.bind(gpu);
  const pop = gpu.popErrorScope.bind(gpu);
  const popErrorScope = vi.spyOn(gpu, 'popErrorScope');
  vi.spyOn(gpu, 'createBuffer').mockImplementation((descriptor) => {
    if (descriptor.size < bytes) return create(descriptor);
    popErrorScope.mockImplementationOnce(async () => {
      await pop();
      return new GPUOutOfMemoryError('the GPU is full\n    at a line of Dawn');
    });
    // An invalid buffer, as after a failed allocation.
    gpu.pushErrorScope('validation');
    const buffer = create({ ...descriptor, size: 2 * gpu.limits.maxBufferSize });
    pop();
    return buffer;
  });
}

/** Elements of a 4 KiB tensor, whose allocation fails on the full GPU. */
const LARGE = 1024;

const full = (name: string) =>
  new BackendError(
    `webgpu: expected ${4 * LARGE} bytes of GPU memory for ${name}, got: the GPU is full; use a smaller batch or dataset, or close other programs that use the GPU`,
  );

describeWithGpu('the webgpu backend', () => {
  it('rejects a step with a buffer beyond the limit, and keeps no memory for it', async () => {
    const { gpu, device } = await open();
    const create = vi.spyOn(gpu, 'createBuffer');
    const destroy = vi.spyOn(GPUBuffer.prototype, 'destroy');
    const [small, y] = [persistent('small', [3]), persistent('y', [3])];
    const [large, z] = [persistent('large', [2 ** 31]), persistent('z', [2 ** 31])];
    const step = new Step();
    step.call(OPS.reluForward, { x: small }, { into: { y } });
    step.call(OPS.reluForward, { x: large }, { into: { y: z } });
    const most = Math.min(gpu.limits.maxBufferSize, gpu.limits.maxStorageBufferBindingSize);
    const error = (name: string) =>
      new BackendError(
        `webgpu: expected ${name} to take at most ${most} bytes, the adapter's limit for a buffer, got ${2 ** 33}; use a smaller batch or dataset`,
      );
    await expect(device.compile(step)).rejects.toThrow(error('z'));
    expect(destroy).toHaveBeenCalledTimes(create.mock.calls.length);
    expect(() => device.write(large, [1])).toThrow(error('large'));
    await expectUsable(device);
    await device.close();
  });

  describe('that is full', () => {
    it('reports a failed write when the tensor is used', async () => {
      const { gpu, device } = await open();
      const [x, y] = [persistent('x', [LARGE]), persistent('y', [LARGE])];
      fillGpu(gpu, 4 * LARGE);
      device.write(x, [1]);
      device.write(x, [2]);
      await expect(device.read(x)).rejects.toThrow(full('x'));
      await expect(device.read(x)).rejects.toBeInstanceOf(BackendError);
      vi.restoreAllMocks();
      // A later step must not read zeros instead of the values.
      await expect(device.compile(reluStep(x, y))).rejects.toThrow(full('x'));
      await expectUsable(device);
      await device.close();
    });

    it('rejects the step that is compiled, and keeps no memory for it', async () => {
      const { gpu, device } = await open();
      const [x, y] = [persistent('x', [LARGE]), persistent('y', [LARGE])];
      fillGpu(gpu, 4 * LARGE);
      await expect(device.compile(reluStep(x, y))).rejects.toThrow(full('activations'));
      vi.restoreAllMocks();
      await device.compile(reluStep(x, y));
      await expectUsable(device);
      await device.close();
    });

    it('accepts a write once there is memory again', async () => {
      const { gpu, device } = await open();
      const x = persistent('x', [LARGE]);
      fillGpu(gpu, 4 * LARGE);
      device.write(x, [1]);
      await expect(device.read(x)).rejects.toThrow(full('x'));
      vi.restoreAllMocks();
      device.write(x, [2]);
      expect((await device.read(x))[0]).toBe(2);
      await device.close();
    });

    it('ends fit with an error, after which a smaller dataset is trained on', async () => {
      const { gpu, backend } = await open();
      const large = syntheticDigits({ trainSize: 1280, testSize: 1 }).train;
      const small = syntheticDigits({ trainSize: 64, testSize: 1 }).train;
      fillGpu(gpu, large.inputs.length);
      const trainer = recipeTrainer(RECIPES.softmax, { backend });
      const fitting = trainer.fit(large, { epochs: 1 });
      await expect(fitting).rejects.toThrow(/bytes of GPU memory for .*, got: the GPU is full/);
      await expect(fitting).rejects.toBeInstanceOf(BackendError);
      const { epochs } = await trainer.fit(small, { epochs: 1 });
      expect(epochs[0].trainLoss).toBeGreaterThan(0);
      await backend.close();
    });
  });
});
