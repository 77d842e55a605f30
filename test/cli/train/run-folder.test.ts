import { readdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { decodeSafetensors } from '../../../src/training/serialization/safetensors.js';
import { DIGITS, useDigits, useFolder } from '../folders.js';
import { expectFailure, handgrad, jsonLines, OFFLINE, type RunOptions, shell } from '../run.js';

const digits = useDigits();
const folder = useFolder();

/**
 * Long enough to be interrupted, even on a busy machine. It runs on one thread, so that other tests on
 * the same cores delay it less, and on the CPU, since GPU drivers may print on stderr.
 */
const LONG_RUN =
  'train mlp-deep --data synthetic --epochs 8 --backend wasm --threads 1 --json'.split(' ');

const FILES = ['checkpoint.safetensors', 'config.json', 'history.json', 'weights.safetensors'];

const readJson = async (path: string) => JSON.parse(await readFile(path, 'utf8'));

/** Sends a signal when the line of an epoch appears. */
function signalAfterEpoch(epoch: number, signal: NodeJS.Signals): RunOptions {
  return {
    onLine(line, subprocess) {
      if (JSON.parse(line).epoch === epoch) subprocess.kill(signal);
    },
  };
}

describe('train --out', () => {
  test('saves weights, history, settings and a checkpoint', async () => {
    const out = folder.at('kept/deeper');
    const args = ['train', 'mlp', '--epochs', '2', '--data', digits.path, '--out', out];
    const outcome = await handgrad([...args, '--json']);
    expect(outcome.stderr).toBe('');
    expect(await readdir(out)).toEqual(FILES);
    expect(await readJson(`${out}/config.json`)).toMatchObject({
      handgrad: expect.stringMatching(/^\d+\.\d+\.\d+/),
      recipe: 'mlp',
      settings: { epochs: 2, batchSize: 64, learningRate: 0.1, seed: 0 },
      backend: { backend: 'wasm', threads: expect.any(Number) },
      data: { source: digits.path, trainSize: 600, testSize: 200 },
      normalization: DIGITS.train.normalization,
    });
    const lines = jsonLines(outcome);
    const { epochs, trainSeconds } = await readJson(`${out}/history.json`);
    expect(epochs).toEqual(lines.slice(1, 3).map(({ event, ...record }) => record));
    expect(trainSeconds).toBeCloseTo(epochs[0].seconds + epochs[1].seconds, 9);
    const { tensors, metadata } = decodeSafetensors(await readFile(`${out}/weights.safetensors`));
    expect([...tensors].map(([name, { shape }]) => [name, shape])).toEqual([
      ['0.weight', [30, 784]],
      ['0.bias', [30]],
      ['2.weight', [10, 30]],
      ['2.bias', [10]],
    ]);
    expect(JSON.parse(metadata.normalization)).toEqual(DIGITS.train.normalization);
    expect(lines.at(-1)).toMatchObject({ weights: `${out}/weights.safetensors` });
  });

  test('saves the last good weights when the loss is no longer finite', async () => {
    const out = folder.at('diverged');
    const args = ['mlp', '--learning-rate', '1e9', '--data', digits.path, '--out', out];
    const outcome = await handgrad(['train', ...args]);
    expectFailure(outcome, `last good weights are kept in ${out}/weights.safetensors\n`);
    const { tensors } = decodeSafetensors(await readFile(`${out}/weights.safetensors`));
    for (const { data } of tensors.values()) expect(data.every(Number.isFinite)).toBe(true);
    expect((await readJson(`${out}/history.json`)).epochs).toEqual([]);
  });

  test('refuses a folder with another run, and says how to continue it', async () => {
    const out = folder.at('learned');
    const args = ['train', 'line', '--epochs', '3', '--out', out];
    expect((await handgrad(args)).status).toBe(0);
    const weights = await readFile(`${out}/weights.safetensors`);
    expectFailure(
      await handgrad(args),
      `${out} with checkpoint.safetensors; continue it with --resume`,
    );
    expect(await readFile(`${out}/weights.safetensors`)).toEqual(weights);
  });

  test('fails when the folder cannot be created', async () => {
    await writeFile(folder.at('a-file'), '');
    const args = ['train', 'line', '--out', folder.at('a-file/run')];
    expectFailure(await handgrad(args), /write .*a-file\/run: expected free space and permission/);
  });

  test.runIf(process.platform === 'linux').each(['/proc/nope', '/proc/nope/deeper'])(
    'fails at once where the system allows no folder: %s',
    async (out) => {
      const outcome = await handgrad(['train', 'line', '--out', out]);
      expectFailure(outcome, `write ${out}: expected free space and permission, got "ENOENT`);
    },
  );

  test.runIf(process.platform === 'linux')(
    'goes on without a cache folder where the system allows none',
    async () => {
      const args = ['train', 'mlp', '--epochs', '1', '--json'];
      const env = { ...OFFLINE, XDG_CACHE_HOME: '/proc/nowhere' };
      const { status, stderr } = await handgrad(args, { env });
      expect(status).toBe(0);
      expect(stderr).toMatch(/^WARNING: SYNTHETIC .*\/proc\/nowhere.*ENOENT/m);
    },
  );

  /** Opens /dev/full in place of every temporary file for `$FILE`: a disk that is full. */
  const FULL_DISK = [
    "import fs from 'node:fs/promises'",
    "import { syncBuiltinESMExports } from 'node:module'",
    'const { open } = fs',
    "const isFull = (path) => path.includes('/' + process.env.FILE + '.')",
    "fs.open = (path, ...rest) => (isFull(path) ? open('/dev/full', 'w') : open(path, ...rest))",
    'syncBuiltinESMExports()',
  ].join(';');

  test
    .runIf(process.platform === 'linux')
    .each(['config.json', 'history.json', 'checkpoint.safetensors', 'weights.safetensors'])(
    'leaves no incomplete %s on a full disk',
    async (file) => {
      const out = folder.at(`full-${file}`);
      const url = `data:text/javascript,${encodeURIComponent(FULL_DISK)}`;
      const env = { FILE: file, NODE_OPTIONS: `--import "${url}"` };
      const outcome = await handgrad(['train', 'line', '--out', out], { env });
      expectFailure(outcome, `write ${out}/${file}: expected free space`);
      expect(outcome.stderr).toContain('no space left on device');
      const left = await readdir(out);
      expect(left.filter((name) => /part|lock/.test(name) || name === file)).toEqual([]);
    },
  );
});

describe('a run that is interrupted', () => {
  test('by Ctrl-C saves everything and continues to the same weights, bit for bit', async () => {
    const [whole, parts] = [folder.at('whole'), folder.at('parts')];
    await handgrad([...LONG_RUN, '--out', whole]);

    const args = [...LONG_RUN, '--out', parts];
    const stopped = await handgrad(args, signalAfterEpoch(1, 'SIGINT'));
    expect(stopped.status).toBe(130);
    expect(stopped.stderr).toMatch(
      /^handgrad: stopped after \d of 8 epochs; [^\n]*--resume[^\n]*\n$/,
    );
    const interrupted = jsonLines(stopped).at(-1);
    expect(interrupted).toMatchObject({ event: 'interrupted', signal: 'SIGINT' });
    expect(await readdir(parts)).toEqual(await readdir(whole));
    const atStop = await readFile(`${parts}/weights.safetensors`);

    const resumed = await handgrad([...args, '--resume']);
    expect(resumed.status).toBe(0);
    const [start, ...rest] = jsonLines(resumed);
    expect(start).toMatchObject({ event: 'start', resumedAfter: interrupted?.epochs });
    expect(rest.at(-1)).toMatchObject({ event: 'done', epochs: 8 });
    const weights = await readFile(`${parts}/weights.safetensors`);
    expect(weights.equals(atStop)).toBe(false);
    expect(weights.equals(await readFile(`${whole}/weights.safetensors`))).toBe(true);

    const comparable = ({ epochs }: { epochs: { seconds: number }[] }) =>
      epochs.map(({ seconds, ...record }) => record);
    const history = await readJson(`${parts}/history.json`);
    expect(comparable(history)).toEqual(comparable(await readJson(`${whole}/history.json`)));
  });

  test('by a crash continues from the last epoch, with its original settings', async () => {
    const [whole, parts] = [folder.at('whole-crash'), folder.at('parts-crash')];
    const settings = ['--data', digits.path, '--seed', '3', '--epochs', '100'];
    const command = ['train', 'softmax', '--backend', 'wasm', '--json'];
    const args = [...command, ...settings, '--out'];
    await handgrad([...args, whole]);
    await handgrad([...args, parts], signalAfterEpoch(20, 'SIGKILL'));
    const resumed = await handgrad([...command, '--resume', '--out', parts]);
    const [start] = jsonLines(resumed);
    expect(start).toMatchObject({ data: digits.path, epochs: 100, seed: 3 });
    expect(start.resumedAfter).toBeGreaterThanOrEqual(20);
    expect(start.resumedAfter).toBeLessThan(100);
    const weights = await readFile(`${parts}/weights.safetensors`);
    expect(weights.equals(await readFile(`${whole}/weights.safetensors`))).toBe(true);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('by %s saves everything in the middle of an epoch', async (signal, expected) => {
    const out = folder.at(`stopped-${signal}`);
    const outcome = await handgrad([...LONG_RUN, '--out', out], signalAfterEpoch(1, signal));
    expect(outcome.status).toBe(expected);
    expect(outcome.stderr).toMatch(/^handgrad: stopped after \d of 8 epochs; weights[^\n]*\n$/);
    expect(jsonLines(outcome).at(-1)).toMatchObject({ event: 'interrupted', signal });
    expect(await readdir(out)).toEqual(FILES);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('by %s without --out says that nothing is saved', async (signal, expected) => {
    const { status, stderr } = await handgrad(LONG_RUN, signalAfterEpoch(1, signal));
    expect(status).toBe(expected);
    expect(stderr).toMatch(/^handgrad: stopped after \d of 8 epochs; nothing is saved[^\n]*\n$/);
  });
});

describe.runIf(process.platform !== 'win32')('output that is not read', () => {
  const command = '$HANDGRAD train line --epochs 60 --out "$OUT"';

  test.each([
    ['head', `{ ${command}; echo $? >"$OUT.status"; } | head -n 1`],
    ['true', `{ ${command}; echo $? >"$OUT.status"; } | true`],
    ['true-json', `{ ${command} --json; echo $? >"$OUT.status"; } | true`],
    ['head-both', `{ ${command} 2>&1; echo $? >"$OUT.status"; } | head -n 1`],
  ])('continues quietly to the end with a reader that leaves: %s', async (name, script) => {
    const [whole, unread] = [folder.at(`read-${name}`), folder.at(`unread-${name}`)];
    expect((await shell(script, { env: { OUT: unread } })).stderr).toBe('');
    expect(await readFile(`${unread}.status`, 'utf8')).toBe('0\n');
    await handgrad(['train', 'line', '--epochs', '60', '--out', whole]);
    const weights = (out: string) => readFile(`${out}/weights.safetensors`);
    expect(await weights(unread)).toEqual(await weights(whole));
    expect(await readdir(unread)).toEqual(FILES);
  });

  test('stops without --out, since nothing would be left of it', async () => {
    const script =
      '{ $HANDGRAD train mlp-deep --epochs 1000 --data synthetic; echo $? >&2; } | head -n 1';
    expect(await shell(script)).toMatchObject({ stderr: '0\n' });
  });

  test.runIf(process.platform === 'linux')(
    'fails at the end when it could not be written, but saves everything',
    async () => {
      const out = folder.at('output-full');
      const outcome = await shell(`${command} >/dev/full`, { env: { OUT: out } });
      expectFailure(outcome, 'ENOSPC');
      expect(await readdir(out)).toEqual(FILES);
    },
  );
});

describe.runIf(process.platform === 'linux')('a run that hangs', () => {
  /** Sends a signal twice while the program reads a named pipe into which nothing is written. */
  const hang = (signal: string) =>
    shell(
      `mkdir "$DIR"; cd "$DIR"
       mkfifo train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte
       $HANDGRAD train mlp --data "$DIR" & pid=$!
       exec 3>train-images-idx3-ubyte # Waits for the program to open the pipe.
       kill -${signal} $pid; sleep 3; kill -${signal} $pid
       # If the program goes on, the test fails with status 137.
       (exec 3>&-; sleep 20; kill -KILL $pid) >/dev/null 2>&1 & guard=$!
       wait $pid; status=$?; kill $guard; exit $status`,
      { env: { DIR: folder.at(`pipe-${signal}`) } },
    );

  test.each([
    ['INT', 130],
    ['TERM', 143],
    ['HUP', 129],
  ])('ends at the second SIG%s', async (signal, status) => {
    expect((await hang(signal)).status).toBe(status);
  });
});

describe('train --resume', () => {
  const resume = (...args: string[]) => handgrad(['train', ...args, '--resume']);

  test('of a completed run changes nothing', async () => {
    const out = folder.at('finished');
    await handgrad(['train', 'line', '--out', out]);
    const weights = await readFile(`${out}/weights.safetensors`);
    const outcome = await resume('line', '--out', out, '--json');
    const lines = jsonLines(outcome);
    expect(lines.map(({ event }) => event)).toEqual(['start', 'done']);
    expect(lines[1]).toMatchObject({ epochs: 50, imagesPerSecond: 0 });
    expect((await readFile(`${out}/weights.safetensors`)).equals(weights)).toBe(true);
  });

  test('refuses settings that differ from the run, and names them', async () => {
    const out = folder.at('differs');
    await handgrad(['train', 'line', '--out', out]);
    for (const [change, message] of [
      [['parabola'], 'expected recipe line as in the original run, got parabola'],
      [['line', '--epochs', '60'], 'expected epochs 50 as in the original run, got 60'],
      [['line', '--batch-size', '10'], 'expected batchSize 100'],
      [['line', '--learning-rate', '1'], 'expected learningRate 0.004'],
      [['line', '--seed', '1'], 'expected seed 0'],
    ] as const) {
      expectFailure(await resume(...change, '--out', out), message);
    }
  });

  test('names the recipe that differs, rather than its digits', async () => {
    const out = folder.at('differs-digits');
    const run = ['softmax', '--digits', '3,7', '--epochs', '1', '--data', digits.path];
    await handgrad(['train', ...run, '--out', out]);
    expectFailure(
      await resume('line', '--out', out),
      'expected recipe softmax as in the original run, got line',
    );
  });

  test('refuses data that differs from the original run', async () => {
    const out = folder.at('other-data');
    await handgrad(['train', 'softmax', '--epochs', '1', '--data', digits.path, '--out', out]);
    const outcome = await resume('softmax', '--data', 'synthetic', '--out', out);
    expectFailure(outcome, 'expected number of training examples 600');
  });

  test('refuses a folder without a run, and files that are corrupt', async () => {
    const out = folder.at('corrupt');
    expectFailure(await resume('line', '--out', out), /config\.json: expected a JSON file/);
    await handgrad(['train', 'line', '--out', out]);
    await writeFile(`${out}/checkpoint.safetensors`, 'short');
    expectFailure(await resume('line', '--out', out), /checkpoint\.safetensors: expected at least/);
    await writeFile(`${out}/config.json`, '{"recipe":"line"}');
    expectFailure(await resume('line', '--out', out), 'expected recipe, settings, backend');
  });

  test('refuses a configuration whose digits are not a list of digits', async () => {
    const out = folder.at('corrupt-digits');
    await handgrad(['train', 'line', '--out', out]);
    const path = `${out}/config.json`;
    const config = await readJson(path);
    for (const digits of ['37', [3], [3, 3], [3, 10], [3, 7.5], null]) {
      await writeFile(path, JSON.stringify({ ...config, digits }));
      expectFailure(
        await resume('line', '--out', out),
        `read ${path}: expected digits to list at least two different digits, such as [3,7], got ${JSON.stringify(digits)}`,
      );
    }
  });
});
