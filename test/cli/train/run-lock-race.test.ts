/* Two processes that lock a run's folder at the same time, in an order that chance rarely chooses. */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { thisProcess } from '../../../src/cli/train/saved/process-identity.js';
import { lockRun } from '../../../src/cli/train/saved/run-lock.js';
import { useFolder } from '../folders.js';

vi.mock('node:fs/promises', async (original) => ({ ...(await original<typeof fs>()) }));

const folder = useFolder();

afterEach(() => {
  vi.restoreAllMocks();
});

it('gives way to a process that locked the folder after the first look', async () => {
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const path = folder.at('raced');
  await fs.mkdir(path);
  const { open } = fs;
  vi.spyOn(fs, 'open').mockImplementationOnce(async (...args) => {
    // The other process saw a stale lock with number 1, which a third one has deleted since.
    const identity = { ...thisProcess(), pid: other.pid, began: '' };
    await fs.writeFile(`${path}/run.2.lock`, JSON.stringify(identity));
    return open(...args);
  });
  try {
    await expect(lockRun(path)).rejects.toThrow(`in use by process ${other.pid}`);
    expect(await fs.readdir(path)).toEqual(['run.2.lock']);
  } finally {
    other.kill();
  }
});
