import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Call, touchedBy } from '../src/call.js';
import { linear, relu, sequential, sgd, softmaxCrossEntropy } from '../src/index.js';
import {
  ALIGNMENT,
  lifetimesOf,
  type MemoryPlan,
  planMemory,
  roundUp,
} from '../src/memory-plan.js';
import { opNamed } from '../src/ops/registry.js';
import { createStepState } from '../src/ops/step-state.js';
import { persistent, Tensor } from '../src/tensor.js';
import { createSource } from '../src/training/batch-source.js';
import { trainingStep } from '../src/training/steps.js';

const PADDING = 64;

function call(y: Tensor, ...inputs: readonly [Tensor, Tensor]): Call {
  const [dy, x] = inputs;
  const tensors = { dx: y, dy, y: x };
  return {
    op: 'reluBackward',
    definition: opNamed('reluBackward'),
    section: '',
    tensors,
    attributes: {},
    sizes: {},
  };
}

function activation(name: string, size: number): Tensor {
  return new Tensor(name, [size], 'activation');
}

/** Calls that each write a new activation of some size, and read two earlier ones. */
const anyCalls = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 500 }), fc.nat(), fc.nat()), {
    minLength: 1,
    maxLength: 25,
  })
  .map((rows) => {
    const tensors = [activation('0', 7)];
    return rows.map(([size, a, b], n) => {
      const output = activation(String(n + 1), size);
      const result = call(output, tensors[a % tensors.length], tensors[b % tensors.length]);
      tensors.push(output);
      return result;
    });
  });

interface Placed {
  readonly tensor: Tensor;
  readonly begin: number;
  readonly end: number;
  readonly first: number;
  readonly last: number;
}

/** Each activation with the bytes it takes and the calls between which it must keep them. */
function placedBy(plan: MemoryPlan, calls: readonly Call[]): Placed[] {
  const tensors = new Set(calls.flatMap((c) => Object.values(c.tensors)));
  return [...tensors]
    .filter((tensor) => tensor.storage === 'activation')
    .map((tensor) => {
      const begin = plan.offsets.get(tensor);
      if (begin === undefined) expect.fail(`activation ${tensor.name} has no place`);
      const uses = calls.flatMap((c, i) => (Object.values(c.tensors).includes(tensor) ? [i] : []));
      const end = begin + tensor.byteLength + PADDING;
      return { tensor, begin, end, first: uses[0], last: uses[uses.length - 1] };
    });
}

const describePlace = ({ tensor, begin, end, first, last }: Placed) =>
  `${tensor.name} (bytes ${begin} … ${end}, calls ${first} … ${last})`;

function expectNoOverlap(placed: readonly Placed[]): void {
  for (const [i, a] of placed.entries()) {
    for (const b of placed.slice(0, i)) {
      const together = a.first <= b.last && b.first <= a.last;
      const sharing = a.begin < b.end && b.begin < a.end;
      if (together && sharing) expect.fail(`${describePlace(a)} overlaps ${describePlace(b)}`);
    }
  }
}

const bytesOf = (tensor: Tensor) => roundUp(tensor.byteLength + PADDING, ALIGNMENT);
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

describe('lifetimesOf', () => {
  it('gives the first and last call of each activation, in the order of first use', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => activation(name, 1));
    const x = persistent('x', [1]);
    expect([...lifetimesOf([[b, x], [a, b], [x, a], [c, c], [a]])]).toEqual([
      [b, { first: 0, last: 1 }],
      [a, { first: 1, last: 4 }],
      [c, { first: 3, last: 3 }],
    ]);
  });
});

describe('planMemory', () => {
  it('never lets two activations share memory while both are alive', () => {
    fc.assert(
      fc.property(anyCalls, (calls) => {
        expectNoOverlap(placedBy(planMemory(calls.map(touchedBy), PADDING), calls));
      }),
    );
  });

  it('aligns every activation to a cache line within the arena', () => {
    fc.assert(
      fc.property(anyCalls, (calls) => {
        const plan = planMemory(calls.map(touchedBy), PADDING);
        for (const place of placedBy(plan, calls)) {
          expect(place.begin % ALIGNMENT, describePlace(place)).toBe(0);
          expect(place.end, describePlace(place)).toBeLessThanOrEqual(plan.size);
        }
      }),
    );
  });

  it('needs at most the sum of all activations, and at least the sum of those alive at once', () => {
    fc.assert(
      fc.property(anyCalls, (calls) => {
        const plan = planMemory(calls.map(touchedBy), PADDING);
        const placed = placedBy(plan, calls);
        const aliveAt = (i: number) => placed.filter((p) => p.first <= i && i <= p.last);
        const peaks = calls.map((_, i) => sum(aliveAt(i).map((p) => bytesOf(p.tensor))));
        expect(plan.size).toBeLessThanOrEqual(sum(placed.map((p) => bytesOf(p.tensor))));
        expect(plan.size).toBeGreaterThanOrEqual(Math.max(...peaks));
      }),
    );
  });

  it('fits a chain into the memory of its two largest neighbours', () => {
    const chain = [100, 40, 200, 50, 200, 10].map((size, n) => activation(String(n), size));
    const calls = chain.slice(1).map((output, n) => call(output, chain[n], chain[n]));
    const pairs = chain.slice(1).map((output, n) => bytesOf(output) + bytesOf(chain[n]));
    const { size } = planMemory(calls.map(touchedBy), PADDING);
    expect(size).toBe(Math.max(...pairs));
    expect(size).toBeLessThan(sum(chain.map(bytesOf)) / 2);
  });

  it('leaves persistent tensors out', () => {
    const [y, x] = [activation('y', 10), persistent('x', [10])];
    const { offsets, size } = planMemory(
      [
        [y, x],
        [x, y],
      ],
      PADDING,
    );
    expect([...offsets.keys()]).toEqual([y]);
    expect(size).toBe(bytesOf(y));
    expect(planMemory([], PADDING)).toEqual({ offsets: new Map(), size: 0 });
  });

  it('shares memory between forward and backward of a network', () => {
    const model = sequential(linear(784, 100), relu(), linear(100, 50), relu(), linear(50, 10));
    const setup = { model, loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 1 }) };
    const tensors = { state: createStepState(), moments: model.parameters.map(() => []) };
    const source = createSource(64, 784, 'uint8', 'labels', { mean: 0, std: 1 });
    const { calls } = trainingStep(setup, tensors, source, 64);
    const plan = planMemory(calls.map(touchedBy), PADDING);
    const placed = placedBy(plan, calls);
    expectNoOverlap(placed);
    expect(plan.size).toBeLessThan(0.8 * sum(placed.map((p) => bytesOf(p.tensor))));
  });
});
