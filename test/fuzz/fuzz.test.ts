/* A few hundred mutations of each kind of file. `npm run fuzz` reads ten thousand. */
import { afterAll, describe, expect, it } from 'vitest';
import { randomOf } from '../../scripts/random.mjs';
import { DataError } from '../../src/errors.js';
import { fuzz } from './fuzz.js';
import { createSubjects, Nonsense, type Subject } from './subjects.js';

const COUNT = 300;
const { subjects, close } = await createSubjects();
afterAll(close);

describe('files with random changes', () => {
  it.each(Object.keys(subjects))('are read or refused: %s', async (name) => {
    const { accepted, refused, failures } = await fuzz(subjects[name], COUNT, randomOf(1));
    expect(failures.slice(0, 5)).toEqual([]);
    expect(accepted + refused).toBe(COUNT);
    // Otherwise the mutations are too weak or too strong to say anything.
    expect(Math.min(accepted, refused)).toBeGreaterThan(0);
  });
});

describe('fuzz', () => {
  const reading = (read: Subject['read']): Subject => ({
    mutate: () => Buffer.alloc(8),
    limit: (size) => size,
    read,
  });
  const failuresOf = async (read: Subject['read']) =>
    (await fuzz(reading(read), 1, randomOf(1))).failures;

  it('accepts a DataError, and nothing else that is thrown', async () => {
    expect(await failuresOf(() => Promise.reject(new DataError('no')))).toEqual([]);
    expect(await failuresOf(async () => {})).toEqual([]);
    expect(await failuresOf(() => Promise.reject(new TypeError('raw')))).toHaveLength(1);
    expect(await failuresOf(() => Promise.reject(new Nonsense('odd')))).toHaveLength(1);
    const long = new DataError('x'.repeat(5000));
    expect(await failuresOf(() => Promise.reject(long))).toHaveLength(1);
  });

  it('notices memory beyond the size of the file', async () => {
    expect(await failuresOf(async () => void new Float32Array(3))).toEqual([
      'mutation 0 of 8 bytes: allocated 12 bytes',
    ]);
    expect(await failuresOf(async () => void Buffer.alloc(9))).toHaveLength(1);
    expect(await failuresOf(async () => void new Float32Array(2))).toEqual([]);
  });

  it('notices a rejection that nothing handles', async () => {
    const failures = await failuresOf(async () => void Promise.reject(new DataError('later')));
    expect(failures.join()).toContain('unhandled rejection: DataError: later');
  });
});
