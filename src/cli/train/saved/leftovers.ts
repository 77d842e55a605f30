import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { targetOf } from '../../../platform/files.js';
import { isRunning } from './process-identity.js';

/**
 * Deletes the temporary files that killed processes left when they wrote to `path`: those named
 * `<path>.<process>.<random>.part` by a process that is gone. Call it before this process writes to
 * `path`: a file with the number of this process is then left by an earlier one of the same number.
 */
export async function removeLeftovers(path: string): Promise<void> {
  const target = await targetOf(path).catch(() => path);
  const prefix = `${basename(target)}.`;
  const names = await readdir(dirname(target)).catch(() => [] as string[]);
  for (const name of names.filter((each) => each.startsWith(prefix))) {
    const [, pid] = /^(\d+)\.\d+\.part$/.exec(name.slice(prefix.length)) ?? [];
    if (pid === undefined || (Number(pid) !== process.pid && isRunning(Number(pid)))) continue;
    await rm(join(dirname(target), name), { force: true });
  }
}
