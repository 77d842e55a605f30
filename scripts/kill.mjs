/**
 * Kills `train --out` at random moments, continues it, and expects the bits of an unbroken run. Then
 * runs it on disks that become full, read-only or vanish, which needs Linux and root: it mounts small
 * disks in memory.
 *
 *   npm run kill
 *   node scripts/kill.mjs --kills 20 --seed 7
 */

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { syntheticDigits } from '../dist/data.js';
import { decodeSafetensors } from '../dist/index.js';
import { breakDisks, writeSplit } from './kill/disks.mjs';
import { killRuns } from './kill/kills.mjs';
import { randomOf } from './random.mjs';

const { values: options } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
  },
});

const folder = await mkdtemp(join(tmpdir(), 'handgrad-kill-'));
const began = performance.now();
try {
  const data = join(folder, 'data');
  await mkdir(data);
  const { train, test } = syntheticDigits({ trainSize: 600, testSize: 200 });
  await writeSplit(data, 'train', train);
  await writeSplit(data, 't10k', test);
  const digits = ['--backend', 'wasm', '--threads', '2', '--json', '--data', data];
  const decode = decodeSafetensors;

  const random = randomOf(Number(options.seed));
  const kills = Number(options.kills);
  const killed = ['train', 'mlp', '--epochs', '80', ...digits];
  console.log('kills:', await killRuns({ kills, random, folder, train: killed, decode }));

  if (process.platform === 'linux' && process.getuid() === 0) {
    const broken = ['train', 'mlp', '--epochs', '12', ...digits];
    console.log('disks:', await breakDisks({ folder, train: broken, decode }));
  } else console.log('disks: NOT RUN, since mounting a disk needs Linux and root');
  console.log(`all runs gave the bits of an unbroken one; ${seconds()} s`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

function seconds() {
  return ((performance.now() - began) / 1000).toFixed(0);
}
