import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBy, touchedBy, writtenBy } from '../src/call.js';
import { ShapeError } from '../src/errors.js';
import { OPS } from '../src/ops/registry.js';
import { Step } from '../src/step.js';
import { persistent, type Tensor } from '../src/tensor.js';

describe('Step', () => {
  it('lists its calls in order, each with its section, attributes and named sizes', () => {
    const step = new Step();
    const [x, W, b] = [persistent('x', [5, 2]), persistent('W', [2, 3]), persistent('b', [3])];
    const [squares, dy] = [persistent('s', [4]), persistent('dy', [5, 3])];
    step.section('forward');
    const { y } = step.call(OPS.linearForward, { x, W, b });
    step.keep(y);
    step.section('backward');
    step.call(OPS.linearBackwardBias, { dy }, { into: { db: b } });
    step.call(OPS.sumOfSquares, { squares, dw: W }, { attributes: { slot: 3 } });
    expect(step.calls.map(({ op, section, sizes }) => [op, section, sizes])).toEqual([
      ['linearForward', 'forward', { B: 5, I: 2, O: 3 }],
      ['linearBackwardBias', 'backward', { B: 5, O: 3 }],
      ['sumOfSquares', 'backward', { n: 6 }],
    ]);
    expect(step.calls[2].attributes).toEqual({ slot: 3 });
    expect(writtenBy(step.calls[0])).toEqual([y]);
    expect(readBy(step.calls[0])).toEqual([x, W, b]);
    expect(touchedBy(step.calls[0])).toEqual([y, x, W, b]);
  });

  it('counts an updated tensor as read and as written', () => {
    const step = new Step();
    const [squares, dw] = [persistent('s', [4]), persistent('dw', [3])];
    step.call(OPS.sumOfSquares, { dw, squares }, { attributes: { slot: 3 } });
    const [call] = step.calls;
    expect(writtenBy(call)).toEqual([squares]);
    expect(readBy(call)).toEqual([squares, dw]);
    // Kernel order, for any order of the arguments.
    expect(touchedBy(call)).toEqual([squares, dw]);
  });

  it('infers shapes and element types of outputs, and names them after their roles', () => {
    const step = new Step();
    const x = persistent('x', [2, 4, 4, 3]);
    const attributes = {
      ...{ kernelHeight: 2, kernelWidth: 2, strideHeight: 2, strideWidth: 2 },
      ...{ paddingHeight: 0, paddingWidth: 0 },
    };
    const { y, index } = step.within('3', () =>
      step.call(OPS.maxPool2dForward, { x }, { attributes }),
    );
    expect(y).toMatchObject({ name: '3.y', shape: [2, 2, 2, 3], dtype: 'float32' });
    expect(index).toMatchObject({ name: '3.index', shape: [2, 2, 2, 3], dtype: 'uint8' });
  });

  it('renames outputs by `as`, in the result and in the name of the tensor', () => {
    const step = new Step();
    const [a, b] = [persistent('a', [3]), persistent('b', [3])];
    const { dx } = step.call(OPS.add, { a, b }, { as: { y: 'dx' } });
    expect(dx).toMatchObject({ name: 'dx', shape: [3] });
  });

  it('takes a shape that cannot be inferred from `like`, which is not read, or from `into`', () => {
    const step = new Step();
    const [dy, x] = [persistent('dy', [2, 3]), persistent('x', [2, 4, 5, 3])];
    for (const source of [x, x.shape]) {
      const { dx } = step.call(OPS.globalAveragePoolBackward, { dy }, { like: { dx: source } });
      expect(dx.shape).toEqual(x.shape);
      step.keep(dx);
    }
    const { dx } = step.call(OPS.globalAveragePoolBackward, { dy }, { into: { dx: x } });
    expect(dx).toBe(x);
    expect(step.calls.map(readBy)).toEqual([[dy], [dy], [dy]]);
    const call = () => step.call(OPS.globalAveragePoolBackward, { dy }, {} as never);
    expect(call).toThrow(
      new ShapeError(
        'globalAveragePoolBackward: expected like or into to give the shape of dx, got none',
      ),
    );
  });

  it('refuses missing, superfluous and misspelt tensors and attributes', () => {
    const step = new Step();
    const [x, W] = [persistent('x', [5, 2]), persistent('W', [2, 3])];
    const message = 'linearForward: expected the tensors x, W, b, got';
    expect(() => step.call(OPS.linearForward, { x, W } as never)).toThrow(
      new ShapeError(`${message} x, W`),
    );
    expect(() => step.call(OPS.linearForward, { x, W, bias: x } as never)).toThrow(
      new ShapeError(`${message} x, W, bias`),
    );
    expect(() => step.call(OPS.linearForward, { x, W, b: x, y: x } as never)).toThrow(
      new ShapeError(`${message} x, W, b, y`),
    );
    const squares = persistent('s', [4]);
    expect(() => step.call(OPS.sumOfSquares, { squares, dw: W }, {} as never)).toThrow(
      new ShapeError('sumOfSquares: expected the attributes slot, got none'),
    );
    expect(step.calls).toEqual([]);
  });

  it('refuses anything but an op', () => {
    const x = persistent('x', [2]);
    const copied = { ...OPS.reluForward, name: 'mine' };
    for (const op of ['reluForward', undefined, {}, { name: 'mine' }, copied]) {
      expect(() => new Step().call(op as never, { x } as never)).toThrow(
        /^step\.call: expected an op, such as reluOps\.reluForward of handgrad\/ops, got /,
      );
    }
  });

  it('refuses tensors of another element type, read or written', () => {
    const step = new Step();
    const [p, floats] = [persistent('p', [5, 3]), persistent('t', [5])];
    expect(() => step.call(OPS.softmaxCrossEntropyBackward, { p, t: floats })).toThrow(
      new ShapeError('softmaxCrossEntropyBackward: expected t of type int32, got float32'),
    );
    const [x, y] = [persistent('x', [3]), persistent('y', [3], 'int32')];
    expect(() => step.call(OPS.reluForward, { x }, { into: { y } })).toThrow(
      new ShapeError('reluForward: expected y of type float32, got int32'),
    );
  });

  it('refuses a call whose shapes do not fit, without appending it', () => {
    const step = new Step();
    const y = persistent('y', [3]);
    const into = { y };
    expect(() => step.call(OPS.reluForward, { x: persistent('x', [2]) }, { into })).toThrow(
      new ShapeError('reluForward: expected y of shape (2), got (3)'),
    );
    step.call(OPS.reluForward, { x: persistent('x', [3]) }, { into });
    expect(step.calls.map(({ tensors }) => tensors.y)).toEqual([y]);
  });

  it('names activations after their enclosing blocks', () => {
    const step = new Step();
    const name = () => step.activation('y', [1]).name;
    expect(name()).toBe('y');
    expect(step.within('2', () => step.within('0', name))).toBe('2.0.y');
    expect(step.within('3', name)).toBe('3.y');
    expect(step.within('2', () => step.within('0', () => step.path))).toBe('2.0');
  });

  it('leaves a block when building it fails', () => {
    const step = new Step();
    const failing = () => {
      throw new Error('inside');
    };
    expect(() => step.within('2', failing)).toThrow('inside');
    expect(step.activation('y', [1]).name).toBe('y');
  });

  it('makes activations of the given type, float32 by default', () => {
    const step = new Step();
    expect(step.activation('t', [3], 'int32')).toMatchObject({
      storage: 'activation',
      dtype: 'int32',
    });
    expect(step.activation('y', [3]).dtype).toBe('float32');
  });

  it('drops the calls whose results are not read, until they are kept', () => {
    const step = new Step();
    const x = persistent('x', [3]);
    const { a } = step.call(OPS.reluForward, { x }, { as: { y: 'a' } });
    const { b } = step.call(OPS.tanhForward, { x: a }, { as: { y: 'b' } });
    expect(step.calls).toEqual([]);
    step.keep(a);
    expect(step.calls.map(({ op }) => op)).toEqual(['reluForward']);
    step.keep(b);
    expect(step.calls.map(({ op }) => op)).toEqual(['reluForward', 'tanhForward']);
  });

  it('keeps exactly the calls that a persistent result depends on', () => {
    // Call n reads two earlier results and writes result n; some results are persistent.
    const call = fc.record({ reads: fc.tuple(fc.nat(), fc.nat()), persistent: fc.boolean() });
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 20 }), (graph) => {
        const step = new Step();
        const results: Tensor[] = [persistent('input', [2])];
        const sources = graph.map(({ reads }, n) => reads.map((read) => read % (n + 1)));
        graph.forEach((node, n) => {
          const [dy, y] = sources[n].map((source) => results[source]);
          const { dx } = step.call(OPS.reluBackward, { dy, y });
          if (node.persistent) step.keep(dx);
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
