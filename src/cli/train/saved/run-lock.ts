/**
 * The lock of a run's folder: a file `run.<number>.lock` with the identity of the process that holds it.
 *
 * Of several lock files only that of a running process counts; such a file is never deleted by another
 * process. A process that finds stale locks creates the file with the next number, which the system
 * lets only one process do. It then looks again: a process that began to look at the same time sees
 * this file, or is seen.
 *
 * A process of this computer is stale when it no longer runs. Processes of other computers, and of
 * other containers, are out of sight. They touch their file every few seconds, and are stale a minute
 * after the last touch.
 */

import { open, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataError } from '../../../errors.js';
import { isIdentity, isRunning, type ProcessIdentity, thisProcess } from './process-identity.js';

const LOCK_NAME = /^run\.(\d+)\.lock$/;
const TOUCH_MILLISECONDS = 10_000;
const STALE_MILLISECONDS = 60_000;
/** Time within which a process writes its identity into the file that it has created. */
const WRITE_MILLISECONDS = 1000;

/** A lock that this process holds. */
export interface RunLock {
  release(): Promise<void>;
}

/**
 * Locks a folder for this process.
 *
 * @throws DataError when another process holds the lock
 */
export async function lockRun(folder: string): Promise<RunLock> {
  for (;;) {
    const before = await expectUnlocked(folder);
    const path = join(folder, `run.${Math.max(0, ...before.map(numberOf)) + 1}.lock`);
    if (!(await create(path))) continue;
    try {
      await expectUnlocked(folder, path);
      for (const name of before) await rm(join(folder, name), { force: true });
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
    const now = () => new Date();
    const timer = setInterval(() => utimes(path, now(), now()).catch(() => {}), TOUCH_MILLISECONDS);
    timer.unref();
    return {
      async release() {
        clearInterval(timer);
        await rm(path, { force: true }).catch(() => {});
      },
    };
  }
}

function numberOf(name: string): number {
  return Number(LOCK_NAME.exec(name)?.[1]);
}

/** @returns whether this process created the lock file, rather than another one */
async function create(path: string): Promise<boolean> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    await file.writeFile(`${JSON.stringify(thisProcess())}\n`);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return true;
}

/**
 * @param own the lock file of this process, if it has one
 * @returns names of all lock files but `own`, which are stale
 * @throws DataError when another process holds the lock
 */
async function expectUnlocked(folder: string, own?: string): Promise<string[]> {
  const names = (await readdir(folder)).filter(
    (name) => LOCK_NAME.test(name) && join(folder, name) !== own,
  );
  for (const name of names) {
    const path = join(folder, name);
    const holder = await holderOf(path);
    if (!holder) continue;
    const { pid, place } = holder;
    const isHere = place === thisProcess().place;
    const where = isHere ? '' : ` on ${place.split(' ')[0]}`;
    throw new DataError(
      `train: expected a folder for --out that no other run uses, got ${folder}, in use by process ${pid}${where}; ` +
        `wait for it to end, or choose another folder${isHere ? '' : `; if it has ended, delete ${path}`}`,
    );
  }
  return names;
}

/** The process that holds a lock file; undefined for a stale file. */
async function holderOf(path: string): Promise<ProcessIdentity | undefined> {
  const holder = await readIdentity(path);
  if (!holder) return undefined;
  if (holder.place === thisProcess().place)
    return isRunning(holder.pid, holder.began) ? holder : undefined;
  const touched = await stat(path).catch(() => undefined);
  const isRecent = touched && Date.now() - touched.mtimeMs < STALE_MILLISECONDS;
  return isRecent ? holder : undefined;
}

/** Reads a lock file, which its process may just be writing; undefined if it has no identity. */
async function readIdentity(path: string): Promise<ProcessIdentity | undefined> {
  for (const end = Date.now() + WRITE_MILLISECONDS; ; await sleep(50)) {
    let content: unknown;
    try {
      content = JSON.parse(await readFile(path, 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    }
    if (isIdentity(content)) return content;
    if (Date.now() > end) return undefined;
  }
}
