import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  expect,
  expectWhole,
  handgrad,
  isLeftover,
  namesIn,
  resultOf,
  trainFurther,
} from './program.mjs';

/** Sizes in KiB of the small disks: from one without room for config.json to nearly enough. */
const SIZES = [0, 4, 8, 16, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384];

/**
 * Runs on disks that become full, read-only or vanish. Where the disk comes back, the run must continue
 * to the bits of an unbroken one.
 *
 * @returns counts of what happened
 */
export async function breakDisks({ folder, train, decode }) {
  const whole = join(folder, 'whole-disk');
  expect((await handgrad([...train, '--out', whole])).status === 0, 'expected a run to succeed');
  const wanted = await resultOf(whole);
  const counts = { full: 0, enough: 0, readOnly: 0, vanished: 0, replaced: 0 };
  const checks = { folder, train, decode, wanted, counts };
  for (const kib of SIZES) await fillDisk(checks, kib);
  for (const epoch of [1, 2, 5, 9]) await makeReadOnly(checks, epoch);
  for (const epoch of [1, 3, 7]) await removeFolder(checks, epoch);
  for (const epoch of [1, 3, 7]) await replaceFolder(checks, epoch);
  return counts;
}

async function onDisk(folder, options, task) {
  const disk = join(folder, 'disk');
  await mkdir(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'handgrad-kill', disk]);
  try {
    await task(disk);
  } finally {
    execFileSync('umount', ['-l', disk]);
    await rm(disk, { recursive: true });
  }
}

const remount = (disk, options) => execFileSync('mount', ['-o', `remount,${options}`, disk]);

async function fillDisk({ folder, train, decode, wanted, counts }, kib) {
  // A size of 0 means no limit, so the smallest disk has no inodes left for files instead.
  const options = kib === 0 ? 'size=1m,nr_inodes=2' : `size=${kib}k,nr_inodes=100`;
  await onDisk(folder, options, async (disk) => {
    const out = join(disk, 'run');
    const outcome = await handgrad([...train, '--out', out]);
    if (outcome.status === 0) counts.enough++;
    else {
      expectOneLine(outcome, /ENOSPC/);
      counts.full++;
    }
    await expectWhole(out, decode);
    expectNoLeftovers(await namesIn(out));
    remount(disk, 'size=10m,nr_inodes=100');
    await expectContinued(out, train, wanted);
  });
}

async function makeReadOnly({ folder, train, decode, wanted, counts }, epoch) {
  await onDisk(folder, 'size=10m', async (disk) => {
    const out = join(disk, 'run');
    let isReadOnly = false;
    const outcome = await handgrad([...train, '--out', out], {
      onLine(line) {
        if (isReadOnly || JSON.parse(line).epoch !== epoch) return;
        for (let tries = 0; !isReadOnly && tries < 1000; tries++) isReadOnly = tryReadOnly(disk);
      },
    });
    expect(isReadOnly, 'expected the disk to become read-only');
    if (outcome.status !== 0) {
      expectOneLine(outcome, /EROFS/);
      counts.readOnly++;
    }
    await expectWhole(out, decode);
    // A new run on a read-only disk fails too, and changes nothing.
    expectOneLine(await trainFurther(out, train), /EROFS/);
    remount(disk, 'rw');
    await expectContinued(out, train, wanted);
  });
}

/** The system refuses while a file is open for writing. */
function tryReadOnly(disk) {
  try {
    execFileSync('mount', ['-o', 'remount,ro', disk], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function removeFolder({ folder, train, counts }, epoch) {
  const out = join(folder, 'vanishing');
  const outcome = await handgrad([...train, '--out', out], {
    onLine: (line) => {
      if (JSON.parse(line).epoch !== epoch) return;
      // The run may create a file between the removal of the files and that of the folder.
      execFileSync('sh', ['-c', 'until rm -rf "$1"; do :; done', 'sh', out], { stdio: 'ignore' });
    },
  });
  expectOneLine(outcome, /ENOENT/);
  expect(!existsSync(out), 'expected the folder to stay away');
  counts.vanished++;
}

async function replaceFolder({ folder, train, decode, wanted, counts }, epoch) {
  const [out, moved] = [join(folder, 'replaced'), join(folder, 'moved')];
  const outcome = await handgrad([...train, '--out', out], {
    onLine: (line) => {
      if (JSON.parse(line).epoch !== epoch) return;
      execFileSync('sh', ['-c', 'mv "$1" "$2" && echo file > "$1"', 'sh', out, moved]);
    },
  });
  expectOneLine(outcome, /ENOTDIR|ENOENT/);
  await expectWhole(moved, decode);
  await rm(out);
  await rename(moved, out);
  await expectContinued(out, train, wanted);
  await rm(out, { recursive: true });
  counts.replaced++;
}

async function expectContinued(out, train, wanted) {
  const outcome = await trainFurther(out, train);
  expect(outcome.status === 0, `expected the run to continue, got: ${outcome.stderr}`);
  expectNoLeftovers(await namesIn(out));
  expect((await resultOf(out)) === wanted, 'expected the bits of an unbroken run');
}

function expectOneLine({ status, stderr }, reason) {
  const isOneLine = /^handgrad: [^\n]*\n$/.test(stderr);
  expect(
    status === 1 && isOneLine && reason.test(stderr),
    `expected status 1 and one line with ${reason}, got ${status}: ${stderr}`,
  );
}

function expectNoLeftovers(names) {
  const left = names.filter(isLeftover);
  expect(left.length === 0, `expected no leftovers, got ${left}`);
}

/** Writes a split of digits in the format of MNIST. */
export async function writeSplit(folder, prefix, { size, inputs, targets }) {
  const header = (...numbers) => Buffer.from(Uint32Array.from(numbers).buffer).swap32();
  const images = Buffer.concat([header(2051, size, 28, 28), inputs]);
  const labels = Buffer.concat([header(2049, size), Uint8Array.from(targets)]);
  await writeFile(join(folder, `${prefix}-images-idx3-ubyte`), images);
  await writeFile(join(folder, `${prefix}-labels-idx1-ubyte`), labels);
}
