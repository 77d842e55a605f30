import { describe, expect, it } from 'vitest';
import { type GradientCase, gradientCaseOf } from '../../src/gradcheck/case.js';
import { checkGradients } from '../../src/gradcheck/check-gradients.js';
import { ratioOf } from '../../src/gradcheck/difference.js';
import { OPS } from '../../src/ops/registry.js';
import { squaredErrorCase } from '../../src/ops/squared-error.js';
import { RandomStream, STREAMS } from '../../src/random/threefry.js';
import { persistent, type Tensor, type Values } from '../../src/tensor.js';

/** y = tanh(x), with a backward that multiplies by a surplus factor. */
function scaledTanh(factor: number): GradientCase {
  const [x, y, dy, dx] = ['x', 'y', 'dy', 'dx'].map((name) => persistent(name, [3]));
  const scale = persistent('scale', [1]);
  return {
    title: 'scaled tanh',
    inputs: new Map([[x, Float32Array.of(0.5, -0.25, 1)]]),
    constants: new Map<Tensor, Values>([
      [dy, Float32Array.of(1, 2, -3)],
      [scale, Float64Array.of(factor)],
    ]),
    dy,
    forward(step) {
      step.call(OPS.tanhForward, { x }, { into: { y } });
      return y;
    },
    backward(step) {
      step.call(OPS.tanhBackward, { dy, y }, { into: { dx } });
      step.call(OPS.scaleGradient, { dw: dx, factor: scale });
      return new Map([[x, dx]]);
    },
  };
}

describe('checkGradients', () => {
  it('accepts the right gradient', async () => {
    expect(ratioOf(await checkGradients(scaledTanh(1)))).toBeLessThan(0.1);
  });

  it('finds an error of one part in 100,000', async () => {
    expect(ratioOf(await checkGradients(scaledTanh(1 + 1e-5)))).toBeGreaterThan(1);
  });

  it('names tensor, index and both values', async () => {
    const found = await checkGradients(scaledTanh(2));
    expect(found).toMatchObject({ of: 'scaled tanh', tensor: 'dx' });
    const right = [1, 2, -3].map((dy, i) => dy * (1 - Math.tanh([0.5, -0.25, 1][i]) ** 2));
    expect(found.got).toBeCloseTo(2 * right[found.index], 6);
    expect(found.want).toBeCloseTo(right[found.index], 6);
  });

  it('finds a gradient that is not a number', async () => {
    expect(ratioOf(await checkGradients(scaledTanh(Number.NaN)))).toBe(Infinity);
  });

  it('finds the missing factor of a loss', async () => {
    const lossCase = (reduction: 'mean' | 'sum') => {
      const random = new RandomStream(1, STREAMS.data);
      return gradientCaseOf(squaredErrorCase(random, reduction, [5]), random);
    };
    const [right, wrong] = [lossCase('mean'), lossCase('sum')];
    const [y] = right.inputs.keys();
    const mixed: GradientCase = {
      ...right,
      constants: new Map<Tensor, Values>([...right.constants, ...wrong.constants, ...wrong.inputs]),
      backward(step) {
        const [dy] = wrong.backward(step).values();
        return new Map([[y, dy]]);
      },
    };
    expect(ratioOf(await checkGradients(right))).toBeLessThanOrEqual(1);
    expect(ratioOf(await checkGradients(mixed))).toBeGreaterThan(1);
  });
});
