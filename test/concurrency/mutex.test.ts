import { describe, expect, it } from 'vitest';
import { Mutex } from '../../src/concurrency/mutex.js';
import { yieldToEventLoop } from '../../src/platform/event-loop.js';

describe('Mutex', () => {
  it('runs one task at a time, in the order of the calls', async () => {
    const mutex = new Mutex();
    const log: string[] = [];
    const task = (name: string, turns: number) => async () => {
      log.push(`${name} begins`);
      for (let turn = 0; turn < turns; turn++) await yieldToEventLoop();
      log.push(`${name} ends`);
      return name;
    };
    const results = [task('slow', 3), task('fast', 0), task('middling', 1)].map((t) =>
      mutex.run(t),
    );
    expect(await Promise.all(results)).toEqual(['slow', 'fast', 'middling']);
    expect(log).toEqual([
      'slow begins',
      'slow ends',
      'fast begins',
      'fast ends',
      'middling begins',
      'middling ends',
    ]);
  });

  it('starts no task synchronously', async () => {
    const log: string[] = [];
    const task = new Mutex().run(async () => log.push('task'));
    log.push('caller');
    await task;
    expect(log).toEqual(['caller', 'task']);
  });

  it('rejects for the failed task’s caller only, and runs the next task', async () => {
    const mutex = new Mutex();
    const failing = mutex.run(() => Promise.reject(new Error('of the first')));
    const throwing = mutex.run(() => {
      throw new Error('of the second');
    });
    const third = mutex.run(async () => 3);
    await expect(failing).rejects.toThrow('of the first');
    await expect(throwing).rejects.toThrow('of the second');
    expect(await third).toBe(3);
  });
});
