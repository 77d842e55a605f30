import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../src/errors.js';
import { inputsOf, outputsOf, Step } from '../src/step.js';
import { persistent, type Tensor } from '../src/tensor.js';

describe('Step', () => {
  it('lists its calls in order, each with its section and what the shape rule made of it', () => {
    const step = new Step();
    const [x, W, b] = [persistent('x', [5, 2]), persistent('W', [2, 3]), persistent('b', [3])];
    const [y, dy] = [persistent('y', [5, 3]), persistent('dy', [5, 3])];
    step.section('forward');
    step.call('linearForward', { y, x, W, b });
    step.section('backward');
    step.call('linearBackwardBias', { db: b, dy });
    step.call('sumOfSquares', { squares: persistent('s', [4]), dw: W }, { slot: 3 });
    expect(step.calls.map(({ op, section, sizes }) => [op, section, sizes])).toEqual([
      ['linearForward', 'forward', [5, 2, 3]],
      ['linearBackwardBias', 'backward', [5, 3]],
      ['sumOfSquares', 'backward', [6]],
    ]);
    expect(step.calls[2].attributes).toEqual({ slot: 3 });
    expect(outputsOf(step.calls[0])).toEqual([y]);
    expect(inputsOf(step.calls[0])).toEqual([x, W, b]);
  });

  it('refuses a call whose shapes do not fit, and goes on without it', () => {
    const step = new Step();
    const y = persistent('y', [3]);
    expect(() => step.call('reluForward', { y, x: persistent('x', [2]) })).toThrow(
      new ShapeError('relu: expected y of shape (2) like x, got (3)'),
    );
    step.call('reluForward', { y, x: persistent('x', [3]) });
    expect(step.calls.map(({ tensors }) => tensors.y)).toEqual([y]);
  });

  it('names activations after the blocks that they are made within', () => {
    const step = new Step();
    const name = () => step.activation('y', [1]).name;
    expect(name()).toBe('y');
    expect(step.within('2', () => step.within('0', name))).toBe('2.0.y');
    expect(step.within('3', name)).toBe('3.y');
    expect(step.within('2', () => step.within('0', () => step.path))).toBe('2.0');
  });

  it('leaves a block also when making it fails', () => {
    const step = new Step();
    const failing = () => {
      throw new Error('inside');
    };
    expect(() => step.within('2', failing)).toThrow('inside');
    expect(step.activation('y', [1]).name).toBe('y');
  });

  it('makes activations of the type asked for, float32 by default', () => {
    const step = new Step();
    expect(step.activation('t', [3], 'int32')).toMatchObject({
      storage: 'activation',
      dtype: 'int32',
    });
    expect(step.activation('y', [3]).dtype).toBe('float32');
  });

  it('drops the calls of a result that nobody reads, until it is kept', () => {
    const step = new Step();
    const x = persistent('x', [3]);
    const [a, b] = [step.activation('a', [3]), step.activation('b', [3])];
    step.call('reluForward', { y: a, x });
    step.call('tanhForward', { y: b, x: a });
    expect(step.calls).toEqual([]);
    step.keep(a);
    expect(step.calls.map(({ op }) => op)).toEqual(['reluForward']);
    step.keep(b);
    expect(step.calls.map(({ op }) => op)).toEqual(['reluForward', 'tanhForward']);
  });

  it('keeps exactly the calls that some persistent result depends on', () => {
    // Call n reads two earlier results and writes result n; some results are persistent.
    const call = fc.record({ reads: fc.tuple(fc.nat(), fc.nat()), persistent: fc.boolean() });
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 20 }), (graph) => {
        const step = new Step();
        const results: Tensor[] = [persistent('input', [2])];
        const sources = graph.map(({ reads }, n) => reads.map((read) => read % (n + 1)));
        graph.forEach((node, n) => {
          const dx = step.activation(`result ${n + 1}`, [2]);
          if (node.persistent) step.keep(dx);
          const [dy, y] = sources[n].map((source) => results[source]);
          step.call('reluBackward', { dx, dy, y });
          results.push(dx);
        });

        const needed = new Set<number>();
        const need = (n: number): void => {
          if (n === 0 || needed.has(n)) return;
          needed.add(n);
          sources[n - 1].forEach(need);
        };
        graph.forEach((node, n) => {
          if (node.persistent) need(n + 1);
        });
        const want = [...needed].sort((a, b) => a - b).map((n) => results[n]);
        expect(step.calls.map(({ tensors }) => tensors.dx)).toEqual(want);
      }),
    );
  });
});
