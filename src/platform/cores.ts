import { inNode, nodeModule } from './node.js';

/** The number of cores that this program may use: those of the machine, or the quota of its container. */
export async function availableCores(): Promise<number> {
  if (!inNode) return globalThis.navigator?.hardwareConcurrency ?? 1;
  const { availableParallelism } = await nodeModule<typeof import('node:os')>('node:os');
  return Math.max(1, Math.min(availableParallelism(), Math.floor(await quota())));
}

/**
 * The CPU time that the control groups of this process allow, in cores; Infinity without a limit. Versions of
 * Node before 22 do not read it. Linux only.
 *
 * Source: "Control Group v2" and "CFS Bandwidth Control", documentation of the Linux kernel
 *
 * @param root where the file system begins, for tests
 */
export async function quota(root = ''): Promise<number> {
  type FileSystem = typeof import('node:fs/promises');
  const { readFile } = await nodeModule<FileSystem>('node:fs/promises');
  const read = (path: string) => readFile(`${root}${path}`, 'utf8').catch(() => '');
  let least = Infinity;
  for (const line of (await read('/proc/self/cgroup')).split('\n')) {
    const [, controllers, group] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (group === undefined) continue;
    const isSecondVersion = controllers === '';
    if (!isSecondVersion && !controllers.split(',').includes('cpu')) continue;
    // The limits of all groups above hold too.
    for (const folder of foldersAbove(group)) {
      const limits = isSecondVersion
        ? (await read(`/sys/fs/cgroup${folder}/cpu.max`)).split(' ')
        : [
            await read(`/sys/fs/cgroup/cpu${folder}/cpu.cfs_quota_us`),
            await read(`/sys/fs/cgroup/cpu${folder}/cpu.cfs_period_us`),
          ];
      // "max" and −1 mean that there is no limit.
      const [time, period] = limits.map(Number);
      if (time > 0 && period > 0) least = Math.min(least, time / period);
    }
  }
  return least;
}

/** `/a/b`, `/a` and the root, which is the empty string. */
function foldersAbove(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return [...names.keys(), names.length].map((count) =>
    names
      .slice(0, count)
      .map((name) => `/${name}`)
      .join(''),
  );
}
