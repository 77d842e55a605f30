import { describe, expect, it } from 'vitest';
import { ReadWriteLock } from '../../src/concurrency/read-write-lock.js';
import { yieldToEventLoop } from '../../src/platform/event-loop.js';

/** Runs tasks on a lock, and logs when each starts and ends. `R` reads, `W` writes, `F` fails. */
async function logOf(kinds: string): Promise<string> {
  const lock = new ReadWriteLock();
  const log: string[] = [];
  const task = (name: string, fails: boolean) => async () => {
    log.push(`${name}(`);
    for (let turn = 0; turn < 3; turn++) await yieldToEventLoop();
    log.push(`)${name}`);
    if (fails) throw new Error(name);
  };
  const results = [...kinds].map((kind, i) => {
    const body = task(`${i}`, kind === 'F');
    return kind === 'R' ? lock.read(body) : lock.write(body);
  });
  await Promise.allSettled(results);
  return log.join(' ');
}

describe('ReadWriteLock', () => {
  it.each([
    ['RR', '0( 1( )0 )1'],
    ['WW', '0( )0 1( )1'],
    ['RW', '0( )0 1( )1'],
    ['WRR', '0( )0 1( 2( )1 )2'],
    ['RRWR', '0( 1( )0 )1 2( )2 3( )3'],
    ['FR', '0( )0 1( )1'],
    ['RFW', '0( )0 1( )1 2( )2'],
  ])('runs %s as %s', async (kinds, log) => {
    expect(await logOf(kinds)).toBe(log);
  });

  it("returns a task's result, or its error", async () => {
    const lock = new ReadWriteLock();
    expect(await Promise.all([lock.read(async () => 1), lock.write(async () => 2)])).toEqual([
      1, 2,
    ]);
    const failure = new Error('inside');
    await expect(lock.write(() => Promise.reject(failure))).rejects.toBe(failure);
    await expect(lock.read(() => Promise.reject(failure))).rejects.toBe(failure);
    expect(await lock.read(async () => 3)).toBe(3);
  });
});
