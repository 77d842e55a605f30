/* A mistake in the reference must not be blamed on the backends. */

import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { gradcheck } from '../../src/gradcheck/index.js';
import { createBackend } from '../../src/numerics/create-backend.js';
import { opNamed } from '../../src/ops/registry.js';
import type { Values } from '../../src/tensor.js';

const wasm = await createBackend('wasm');
const float32 = await createBackend('reference');

afterAll(async () => {
  await wasm.close();
  await float32.close();
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Doubles the gradient that the reference computes. */
function breakReference(op: 'linearBackwardInput' | 'tanhBackward') {
  const definition = opNamed(op);
  const { reference } = definition;
  vi.spyOn(definition, 'reference').mockImplementation((tensors, sizes, attributes) => {
    reference(tensors, sizes, attributes);
    const { dx } = tensors as { readonly dx: Values };
    for (let i = 0; i < dx.length; i++) dx[i] *= 2;
  });
}

describe('gradcheck', () => {
  it.each([
    ['tanh', 'tanhBackward'],
    ['linear', 'linearBackwardInput'],
  ] as const)('blames the reference of %s where only it is wrong', async (op, broken) => {
    breakReference(broken);
    const [result] = await gradcheck({ ops: [op], backends: [float32, wasm] });
    expect(result).toMatchObject({ ok: false, isReferenceWrong: true });
    expect(result.gradients?.worst.tensor).toBe('dx');
  });

  it('does not blame it alone where no other backend is right', async () => {
    breakReference('tanhBackward');
    for (const backends of [[], [float32]]) {
      const [result] = await gradcheck({ ops: ['tanh'], backends });
      expect(result).toMatchObject({ ok: false, isReferenceWrong: false });
    }
  });

  it('does not blame it where it agrees with central differences', async () => {
    const [result] = await gradcheck({ ops: ['tanh'], backends: [float32, wasm] });
    expect(result).toMatchObject({ ok: true, isReferenceWrong: false });
  });
});
