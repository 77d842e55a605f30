import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addCase } from '../../src/ops/add.js';
import { describeOnEachBackend } from '../backends.js';
import {
  callWith,
  expectAgreement,
  expectGradients,
  extent,
  forAll,
  matrix,
  runOp,
  vector,
} from './checks.js';

describe('add', () => {
  it('has the gradient that central differences find, where a value is used twice', async () => {
    const shapes = fc.tuple(extent(6), extent(6));
    await forAll(shapes, (random, shape) => expectGradients(addCase(random, shape)));
  });

  it('refuses tensors of different shapes', () => {
    expect(callWith('add', { a: [2, 3], b: [3, 2] })).toThrow(
      'add: expected b of shape (2, 3) like a, got (3, 2)',
    );
    expect(callWith('add', { a: [2, 3], b: [2, 3] }, { into: { y: [6] } })).toThrow(
      'add: expected y of shape (2, 3), got (6)',
    );
  });
});

describeOnEachBackend('add', (backend) => {
  it('agrees with the reference', async () => {
    const shapes = fc.tuple(extent(9), extent(9));
    await forAll(shapes, (random, shape) => expectAgreement(addCase(random, shape), backend));
  });

  it('adds element by element', async () => {
    const operands = { a: matrix([1, 2, 3], [4, 5, 6]), b: matrix([0.5, -2, 10], [-4, 20, 1e6]) };
    const { y } = await runOp(backend, 'add', operands);
    expect([...y]).toEqual([1.5, 0, 13, 0, 25, 1_000_006]);
  });

  it('propagates NaN and infinities', async () => {
    const operands = { a: vector(Infinity, Infinity, Number.NaN), b: vector(1, -Infinity, 1) };
    const { y } = await runOp(backend, 'add', operands);
    expect([...y]).toEqual([Infinity, Number.NaN, Number.NaN]);
  });
});
