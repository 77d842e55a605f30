import { describe, expect, it } from 'vitest';
import { type Call, dtypeOf } from '../../src/call.js';
import { kernelCaseOf } from '../../src/gradcheck/case.js';
import * as ops from '../../src/ops/index.js';
import { CASES, OPS, type OpName, opNamed } from '../../src/ops/registry.js';
import { RandomStream, STREAMS } from '../../src/random/threefry.js';
import { callAny, Step } from '../../src/step.js';
import { type DataType, persistent, type Shape, type Tensor } from '../../src/tensor.js';

/** Symbols of roles in formulas, where they differ from the role. */
const SYMBOLS: Readonly<Record<string, string>> = {
  dBeta: 'dβ',
  dGamma: 'dγ',
  runningMean: 'running',
  runningVariance: 'running',
  // The words of the step state have names of their own.
  state: 'step',
};

/** One call of each op, from the cases of gradcheck. */
function exampleCalls(): Call[] {
  const calls = new Map<OpName, Call>();
  for (const cases of CASES) {
    const random = new RandomStream(1, STREAMS.data);
    const { gradients = [], kernels = [] } = cases.draw(random);
    const step = new Step();
    for (const each of [...gradients, ...kernels]) kernelCaseOf(each, random).append(step);
    for (const call of step.calls) calls.set(call.op, call);
  }
  return [...calls.values()];
}

const EXAMPLES = exampleCalls();

/** The arguments of a call: tensors by role, and options. */
function argumentsOf({ op, tensors, attributes }: Call) {
  const { inputs, updates, like } = opNamed(op);
  const pick = (roles: readonly string[]) =>
    Object.fromEntries(roles.map((role) => [role, tensors[role]]));
  return { tensors: pick([...updates, ...inputs]), attributes, like: pick(like) };
}

function without<Value>(values: Readonly<Record<string, Value>>, left: string) {
  return Object.fromEntries(Object.entries(values).filter(([name]) => name !== left));
}

/** A tensor of the same shape and another type. */
function retyped({ name, shape, dtype }: Tensor): Tensor {
  const other: DataType = dtype === 'float32' ? 'int32' : 'float32';
  return persistent(name, shape, other);
}

/** The names on the left of = or ← in a formula, without indices. */
function leftSides(formula: string): string[] {
  // Indices may have indices: confusion[t[n], ŷ[n]].
  const plain = formula.replace(/\[[^[\]]*\]/g, '').replace(/\[[^[\]]*\]/g, '');
  return [...plain.matchAll(/([^\s,()]+)\s*[=←]/g)].map(([, name]) => name);
}

describe('the definitions of ops', () => {
  it('cover the registry with one example each', () => {
    expect(EXAMPLES.map(({ op }) => op).sort()).toEqual(Object.keys(OPS).sort());
  });

  it.each(EXAMPLES)('$op names every tensor and number once', ({ op }) => {
    const { outputs, updates, inputs, attributes, like, dtypes, below } = opNamed(op);
    const roles = [...outputs, ...updates, ...inputs];
    expect(new Set(roles).size).toBe(roles.length);
    expect(new Set(attributes).size).toBe(attributes.length);
    expect([...outputs, ...updates]).not.toEqual([]);
    expect(outputs).toEqual(expect.arrayContaining([...like]));
    expect(roles).toEqual(expect.arrayContaining(Object.keys(dtypes)));
    expect(inputs).toEqual(expect.arrayContaining(Object.keys(below)));
  });

  it.each(EXAMPLES)('$op infers all of its outputs and sizes, and no other', (call) => {
    const { outputs, sizes, shapes } = call.definition;
    const given = argumentsOf(call);
    const known: Record<string, Shape> = {};
    for (const [role, { shape }] of Object.entries({ ...given.tensors, ...given.like })) {
      known[role] = shape;
    }
    const inferred = shapes(known, call.attributes);
    expect(Object.keys(inferred.outputs).sort()).toEqual([...outputs].sort());
    expect(Object.keys(inferred.sizes).sort()).toEqual([...sizes].sort());
    for (const role of outputs) expect(inferred.outputs[role]).toEqual(call.tensors[role].shape);
  });

  it.each(EXAMPLES)('$op sums a positive number of terms', ({ op, sizes, attributes }) => {
    const terms = opNamed(op).terms(sizes, attributes);
    expect(terms).toBeGreaterThan(0);
    expect(terms).toBeLessThan(Infinity);
  });

  it.each(EXAMPLES)('$op has a formula for every tensor that it writes', ({ op }) => {
    const { outputs, updates, formula } = opNamed(op);
    const written = [...outputs, ...updates].map((role) => SYMBOLS[role] ?? role);
    expect(leftSides(formula)).toEqual(expect.arrayContaining(written));
  });

  it.each(EXAMPLES)('$op lists tensors, sizes and attributes in kernel order', (call) => {
    const { outputs, updates, inputs, sizes, attributes } = call.definition;
    expect(Object.keys(call.tensors)).toEqual([...outputs, ...updates, ...inputs]);
    expect(Object.keys(call.sizes)).toEqual([...sizes]);
    expect(Object.keys(call.attributes)).toEqual([...attributes]);
  });
});

it('handgrad/ops exports every op', () => {
  expect(Object.assign({}, ...Object.values(ops))).toEqual(OPS);
});

describe('a call', () => {
  it.each(EXAMPLES)('of $op makes outputs of the inferred shapes and types', (call) => {
    const { tensors, attributes, like } = argumentsOf(call);
    const made = callAny(new Step(), call.definition, tensors, { attributes, like });
    expect(Object.keys(made)).toEqual([...call.definition.outputs]);
    for (const [role, tensor] of Object.entries(made)) {
      const { shape, dtype } = call.tensors[role];
      expect(tensor).toMatchObject({ name: role, shape, dtype, storage: 'activation' });
    }
  });

  it.each(EXAMPLES)('of $op is refused when a tensor is missing or unknown', (call) => {
    const { tensors, ...options } = argumentsOf(call);
    const expected = Object.keys(tensors).join(', ');
    for (const role of Object.keys(tensors)) {
      const others = without(tensors, role);
      const got = Object.keys(others).join(', ') || 'none';
      expect(() => callAny(new Step(), call.definition, others, options)).toThrow(
        `${call.op}: expected the tensors ${expected}, got ${got}`,
      );
    }
    const more = { ...tensors, surplus: persistent('surplus', [1]) };
    expect(() => callAny(new Step(), call.definition, more, options)).toThrow(
      `${call.op}: expected the tensors ${expected}, got ${expected}, surplus`,
    );
  });

  it.each(EXAMPLES)('of $op is refused when an attribute is missing or unknown', (call) => {
    const { tensors, attributes, like } = argumentsOf(call);
    const names = Object.keys(attributes);
    const error = `${call.op}: expected the attributes ${names.join(', ') || 'none'}, got `;
    for (const name of names) {
      const options = { attributes: without(attributes, name), like };
      expect(() => callAny(new Step(), call.definition, tensors, options)).toThrow(error);
    }
    const options = { attributes: { ...attributes, surplus: 1 }, like };
    expect(() => callAny(new Step(), call.definition, tensors, options)).toThrow(error);
  });

  it.each(EXAMPLES)('of $op is refused when a tensor has another type', (call) => {
    const { tensors, ...options } = argumentsOf(call);
    const error = (role: string, got: DataType) =>
      `${call.op}: expected ${role} of type ${dtypeOf(call.definition, role)}, got ${got}`;
    for (const [role, tensor] of Object.entries(tensors)) {
      const other = retyped(tensor);
      const changed = { ...tensors, [role]: other };
      expect(() => callAny(new Step(), call.definition, changed, options)).toThrow(
        error(role, other.dtype),
      );
    }
    for (const role of call.definition.outputs) {
      const other = retyped(call.tensors[role]);
      const into = { ...options, into: { [role]: other } };
      expect(() => callAny(new Step(), call.definition, tensors, into)).toThrow(
        error(role, other.dtype),
      );
    }
  });

  const withLike = EXAMPLES.filter(({ op }) => opNamed(op).like.length > 0);

  it.each(withLike)('of $op takes the shape from like or into, and needs one of them', (call) => {
    const { tensors, attributes, like } = argumentsOf(call);
    for (const role of call.definition.like) {
      const { shape, dtype } = call.tensors[role];
      expect(() => callAny(new Step(), call.definition, tensors, { attributes })).toThrow(
        `${call.op}: expected like or into to give the shape of ${role}, got none`,
      );
      const existing = persistent('existing', shape, dtype);
      const sources = [{ like }, { like: { [role]: shape } }, { into: { [role]: existing } }];
      for (const source of sources) {
        const made = callAny(new Step(), call.definition, tensors, { attributes, ...source });
        expect(made[role].shape).toEqual(shape);
      }
    }
  });
});

describe('the options of a call', () => {
  const x = persistent('x', [2, 3]);
  const images = persistent('images', [2, 1, 1, 3]);

  it('rename outputs', () => {
    const step = new Step();
    const { dx } = step.call(OPS.add, { a: x, b: x }, { as: { y: 'dx' } });
    expect(dx.name).toBe('dx');
    const { probabilities, L } = step.call(
      OPS.softmaxCrossEntropyForward,
      { z: x, t: persistent('t', [2], 'int32') },
      { as: { p: 'probabilities' } },
    );
    expect([probabilities.name, L.name]).toEqual(['probabilities', 'L']);
    step.keep(probabilities);
    expect(step.calls.at(-1)?.tensors.p).toBe(probabilities);
  });

  it('return an existing tensor under the new name', () => {
    const existing = persistent('existing', [2, 3]);
    const { dx } = new Step().call(
      OPS.add,
      { a: x, b: x },
      { as: { y: 'dx' }, into: { y: existing } },
    );
    expect(dx).toBe(existing);
    expect(existing.name).toBe('existing');
  });

  it('must use names of the op, which is checked at run time too', () => {
    const call = (options: object) => () =>
      callAny(new Step(), opNamed('reluForward'), { x }, options);
    expect(call({ into: { z: x } })).toThrow('reluForward: expected into for y, got z');
    expect(call({ as: { z: 'dx' } })).toThrow('reluForward: expected as for y, got z');
    expect(call({ like: { y: x } })).toThrow('reluForward: expected like for none, got y');
  });

  it('are checked by types', () => {
    const step = new Step();
    // @ts-expect-error: no such op
    expect(() => step.call('reluForwards', { x })).toThrow();
    // @ts-expect-error: x is missing
    expect(() => step.call(OPS.reluForward, {})).toThrow();
    // @ts-expect-error: y is an output
    expect(() => step.call(OPS.reluForward, { x, y: x })).toThrow();
    // @ts-expect-error: the role is x
    expect(() => step.call(OPS.reluForward, { X: x })).toThrow();
    // @ts-expect-error: attributes are missing
    expect(() => step.call(OPS.leakyReluForward, { x })).toThrow();
    // @ts-expect-error: the attribute is negativeSlope
    expect(() => step.call(OPS.leakyReluForward, { x }, { attributes: { slope: 1 } })).toThrow();
    // @ts-expect-error: reluForward has no attributes
    expect(() => step.call(OPS.reluForward, { x }, { attributes: { negativeSlope: 1 } })).toThrow();
    // @ts-expect-error: like is missing
    expect(() => step.call(OPS.channelsLast, { x })).toThrow();
    // @ts-expect-error: like is for y
    expect(() => step.call(OPS.channelsLast, { x }, { like: { x: images } })).toThrow();
    // @ts-expect-error: like is for none
    expect(() => step.call(OPS.reluForward, { x }, { like: { y: x } })).toThrow();
    // @ts-expect-error: into is for y
    expect(() => step.call(OPS.reluForward, { x }, { into: { x } })).toThrow();
    // @ts-expect-error: as is for y
    expect(() => step.call(OPS.reluForward, { x }, { as: { x: 'dx' } })).toThrow();
    const outputs = step.call(OPS.reluForward, { x }, { as: { y: 'rectified' } });
    // @ts-expect-error: y is named rectified
    expect(outputs.y).toBeUndefined();
    expect(outputs.rectified.shape).toEqual([2, 3]);
  });

  it('may be left out where none is required', () => {
    const step = new Step();
    expect(step.call(OPS.channelsLast, { x }, { like: { y: images } }).y.shape).toEqual([
      2, 1, 1, 3,
    ]);
    expect(step.call(OPS.channelsLast, { x }, { into: { y: images } }).y).toBe(images);
    expect(step.call(OPS.reluForward, { x }).y.shape).toEqual([2, 3]);
  });
});
