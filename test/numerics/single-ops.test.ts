import { expect, it } from 'vitest';
import { SINGLE_OPS } from '../../src/numerics/single-op-names.js';
import { SingleOps } from '../../src/numerics/single-ops.js';

it('a backend has every method of the single ops', () => {
  const names = new Set<string>();
  for (
    let prototype = SingleOps.prototype;
    prototype !== Object.prototype;
    prototype = Object.getPrototypeOf(prototype)
  ) {
    for (const name of Object.getOwnPropertyNames(prototype)) names.add(name);
  }
  names.delete('constructor');
  expect([...names].sort()).toEqual([...SINGLE_OPS].sort());
});
