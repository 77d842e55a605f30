/* The lock of a run's folder, the identity of processes, and temporary files of killed runs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeLeftovers } from '../../../src/cli/train/saved/leftovers.js';
import { isRunning, thisProcess } from '../../../src/cli/train/saved/process-identity.js';
import { lockRun } from '../../../src/cli/train/saved/run-lock.js';
import { useFolder } from '../folders.js';
import { expectFailure, handgrad, shell } from '../run.js';

const folder = useFolder();
let count = 0;

/** Another process, which runs until the tests end, and the number of one that has ended. */
let other: ChildProcess;
let gone: number;

beforeAll(async () => {
  other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const ended = spawn(process.execPath, ['-e', '']);
  await once(ended, 'close');
  gone = Number(ended.pid);
});
afterAll(() => other.kill());

async function newFolder(): Promise<string> {
  const path = folder.at(`lock-${count++}`);
  await mkdir(path);
  return path;
}

const write = (path: string, name: string, identity: unknown) =>
  writeFile(`${path}/${name}`, typeof identity === 'string' ? identity : JSON.stringify(identity));

describe('lockRun', () => {
  it('refuses a second lock until the first is released', async () => {
    const path = await newFolder();
    const lock = await lockRun(path);
    await expect(lockRun(path)).rejects.toThrow(
      `expected a folder for --out that no other run uses, got ${path}, in use by process ${process.pid}; wait`,
    );
    await lock.release();
    expect(await readdir(path)).toEqual([]);
    await (await lockRun(path)).release();
  });

  it('refuses a folder that another process uses', async () => {
    const path = await newFolder();
    await write(path, 'run.1.lock', { ...thisProcess(), pid: other.pid, began: '' });
    await expect(lockRun(path)).rejects.toThrow(`in use by process ${other.pid}`);
    expect(await readdir(path)).toEqual(['run.1.lock']);
  });

  it('leaves no lock of its own where a stale one cannot be deleted', async () => {
    const path = await newFolder();
    // Deleting a file does not delete a folder.
    await mkdir(`${path}/run.1.lock`);
    await expect(lockRun(path)).rejects.toThrow('run.1.lock');
    expect(await readdir(path)).toEqual(['run.1.lock']);
  });

  it.each([
    ['of a process that is gone', () => ({ ...thisProcess(), pid: gone })],
    ['that was never written', () => ''],
    ['that is cut off', () => '{"pid": 12'],
    ['that is not an identity', () => '[1, 2, 3]'],
    ['of another computer, untouched for long', () => ({ ...thisProcess(), place: 'far away' })],
  ])('replaces a lock %s', async (_, identity) => {
    const path = await newFolder();
    await write(path, 'run.7.lock', identity());
    const before = new Date(Date.now() - 61_000);
    await utimes(`${path}/run.7.lock`, before, before);
    const lock = await lockRun(path);
    expect(await readdir(path)).toEqual(['run.8.lock']);
    await lock.release();
  });

  it.runIf(process.platform === 'linux')(
    'replaces a lock whose process number now belongs to another process',
    async () => {
      const path = await newFolder();
      await write(path, 'run.1.lock', { ...thisProcess(), pid: other.pid, began: 'earlier 123' });
      await (await lockRun(path)).release();
      expect(await readdir(path)).toEqual([]);
    },
  );

  it('refuses a lock of another computer that was touched just now, and says what to delete', async () => {
    const path = await newFolder();
    await write(path, 'run.1.lock', { pid: gone, place: 'far namespace', began: '' });
    await expect(lockRun(path)).rejects.toThrow(
      `in use by process ${gone} on far; wait for it to end, or choose another folder; if it has ended, delete ${path}/run.1.lock`,
    );
  });

  it.each([[[]], [['run.1.lock']], [['run.3.lock', 'run.9.lock']]])(
    'lets one of many that begin at once have it, beside stale locks %j',
    async (stale) => {
      for (let round = 0; round < 10; round++) {
        const path = await newFolder();
        for (const name of stale) await write(path, name, { ...thisProcess(), pid: gone });
        const results = await Promise.allSettled(Array.from({ length: 20 }, () => lockRun(path)));
        expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        expect(await readdir(path)).toHaveLength(1);
      }
    },
  );
});

describe('isRunning', () => {
  it('tells processes that run from those that have ended', () => {
    expect(isRunning(process.pid, thisProcess().began)).toBe(true);
    expect(isRunning(Number(other.pid))).toBe(true);
    expect(isRunning(gone)).toBe(false);
    expect(thisProcess().place).toContain(hostname());
  });

  it.runIf(process.platform === 'linux')(
    'counts a killed, unnoticed process as ended',
    async () => {
      // `sleep` becomes the parent, and never notices that its child has ended.
      const outcome = await shell('(sleep 0.1 & echo $!; exec sleep 3) & wait', {
        onLine: (line) => setTimeout(() => states.push(isRunning(Number(line))), 1000),
      });
      expect(outcome.status).toBe(0);
      expect(states).toEqual([false]);
    },
  );
  const states: boolean[] = [];
});

describe('removeLeftovers', () => {
  it('deletes temporary files of processes that are gone, and no others', async () => {
    const path = await newFolder();
    const kept = [`a.${other.pid}.0.part`, `ab.${gone}.0.part`, `a.${gone}.part`, 'a.part', 'a'];
    for (const name of [`a.${gone}.0.part`, `a.${process.pid}.12.part`, ...kept]) {
      await write(path, name, 'content');
    }
    await removeLeftovers(`${path}/a`);
    expect((await readdir(path)).sort()).toEqual([...kept].sort());
  });

  it('finds them behind a link', async () => {
    const path = await newFolder();
    await mkdir(`${path}/real`);
    await write(path, `real/target.${gone}.3.part`, 'content');
    await symlink('real/target', `${path}/link`);
    await removeLeftovers(`${path}/link`);
    expect(await readdir(`${path}/real`)).toEqual([]);
  });
});

describe('train --out', () => {
  it('lets one of two runs that begin at once have a new folder', async () => {
    const path = folder.at('contended');
    const args = ['train', 'line', '--epochs', '300', '--out', path];
    const outcomes = await Promise.all([handgrad(args), handgrad(args)]);
    const [first, second] = outcomes.sort((a, b) => Number(a.status) - Number(b.status));
    expect(first.status).toBe(0);
    expectFailure(second, /in use by process \d+; wait for it to end, or choose another folder\n/);
    expect((await readdir(path)).sort()).toEqual([
      'checkpoint.safetensors',
      'config.json',
      'history.json',
      'weights.safetensors',
    ]);
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'continues after %s, which leaves no lock or temporary file in the way',
    async (signal) => {
      const path = folder.at(`after-${signal}`);
      const args = ['train', 'line', '--epochs', '100', '--out', path];
      await handgrad([...args, '--json'], {
        onLine: (line, subprocess) => JSON.parse(line).epoch === 20 && subprocess.kill(signal),
      });
      if (signal === 'SIGKILL') {
        expect(await readdir(path)).toContain('run.1.lock');
        for (const file of ['config.json', 'checkpoint.safetensors', 'weights.safetensors']) {
          await write(path, `${file}.${gone}.0.part`, 'half');
        }
      }
      expect(await handgrad([...args, '--resume'])).toMatchObject({ status: 0, stderr: '' });
      expect((await readdir(path)).filter((name) => /lock|part/.test(name))).toEqual([]);
    },
  );
});
