import { describe, expect, it } from 'vitest';
import { Gate } from '../../src/concurrency/gate.js';

/** A task that ends when `end` is called. */
function pending() {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { task: () => ended, end };
}

describe('Gate', () => {
  it('starts a task at once and passes on its result or error', async () => {
    const gate = new Gate();
    let hasStarted = false;
    const result = gate.enter(async () => {
      hasStarted = true;
      return 7;
    });
    expect(hasStarted).toBe(true);
    expect(await result).toBe(7);
    const failure = new Error('inside');
    await expect(gate.enter(() => Promise.reject(failure))).rejects.toBe(failure);
  });

  it('closes when the last task inside has ended, also by an error', async () => {
    const gate = new Gate();
    const [first, second] = [pending(), pending()];
    const log: string[] = [];
    const entered = gate.enter(first.task);
    const failing = gate.enter(async () => {
      await second.task();
      throw new Error('inside');
    });
    failing.catch(() => log.push('failed'));
    const closed = [gate.close(), gate.close()].map((each) => each.then(() => log.push('closed')));
    expect(gate.isClosed).toBe(true);
    first.end();
    await entered;
    await new Promise((resolve) => setTimeout(resolve));
    expect(log).toEqual([]);
    second.end();
    await Promise.all(closed);
    expect(log.toSorted()).toEqual(['closed', 'closed', 'failed']);
  });

  it('closes at once while no task is inside', async () => {
    const gate = new Gate();
    await gate.enter(async () => {});
    await gate.close();
    await gate.close();
  });
});
