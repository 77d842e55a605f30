/* The quota of a container's control groups. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { availableCores, quota } from '../../src/platform/cores.js';
import { useFolder } from '../cli/folders.js';

const folder = useFolder();
let count = 0;

it.each([
  ['no control groups', {}, Infinity],
  [
    'no limit',
    { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' },
    Infinity,
  ],
  ['two cores', { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '200000 100000\n' }, 2],
  [
    'a limit of a group above',
    {
      '/proc/self/cgroup': '0::/system/service\n',
      '/sys/fs/cgroup/system/service/cpu.max': '400000 100000\n',
      '/sys/fs/cgroup/system/cpu.max': '150000 100000\n',
    },
    1.5,
  ],
  [
    'the first version',
    {
      '/proc/self/cgroup': '12:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n',
      '/sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us': '-1\n',
      '/sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us': '100000\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '300000\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    },
    3,
  ],
])('%s', async (_, files, expected) => {
  const root = folder.at(`root-${count++}`);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(root + path), { recursive: true });
    await writeFile(root + path, content);
  }
  expect(await quota(root)).toBe(expected);
});

it('there is at least one core', async () => {
  expect(await availableCores()).toBeGreaterThanOrEqual(1);
});
