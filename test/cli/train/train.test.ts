import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { DIGITS, useDigits, useFolder } from '../folders.js';
import { expectFailure, handgrad, jsonLines, OFFLINE } from '../run.js';

const digits = useDigits();
const folder = useFolder();

const train = (...args: string[]) => handgrad(['train', ...args]);

describe('train --json', () => {
  test('prints a line for start, every epoch and done', async () => {
    const outcome = await train('mlp', '--epochs', '3', '--data', digits.path, '--json');
    expect({ status: outcome.status, stderr: outcome.stderr }).toEqual({ status: 0, stderr: '' });
    const [start, ...rest] = jsonLines(outcome);
    const done = rest.pop();
    expect(start).toEqual({
      event: 'start',
      recipe: 'mlp',
      backend: 'wasm',
      build: expect.stringMatching(/^(simd|relaxed)$/),
      threads: expect.any(Number),
      parameters: 784 * 30 + 30 + 30 * 10 + 10,
      trainSize: 600,
      testSize: 200,
      data: digits.path,
      epochs: 3,
      batchSize: 64,
      learningRate: 0.1,
      seed: 0,
    });
    expect(rest.map(({ event, epoch }) => [event, epoch])).toEqual([
      ['epoch', 1],
      ['epoch', 2],
      ['epoch', 3],
    ]);
    for (const epoch of rest) {
      expect(epoch).toEqual({
        event: 'epoch',
        epoch: expect.any(Number),
        trainLoss: expect.any(Number),
        validLoss: expect.any(Number),
        validAccuracy: expect.any(Number),
        validBalancedAccuracy: expect.any(Number),
        learningRate: expect.any(Number),
        seconds: expect.any(Number),
      });
    }
    const last = rest.at(-1);
    expect(done).toEqual({
      event: 'done',
      epochs: 3,
      validLoss: last?.validLoss,
      validAccuracy: last?.validAccuracy,
      validBalancedAccuracy: last?.validBalancedAccuracy,
      trainSeconds: expect.any(Number),
      imagesPerSecond: expect.any(Number),
    });
  });

  test('options change the settings, and the seed changes the result', async () => {
    const run = async (seed: string) =>
      jsonLines(
        await train(
          ...['softmax', '--data', digits.path, '--json', '--epochs', '1', '--backend'],
          ...['reference', '--batch-size', '50', '--learning-rate', '0.02', '--seed', seed],
        ),
      );
    const [start, , first] = await run('7');
    expect(start).toMatchObject({ backend: 'reference', build: 'float32', batchSize: 50 });
    expect(start).toMatchObject({ epochs: 1, learningRate: 0.02, seed: 7 });
    const [, , again] = await run('7');
    const [, , other] = await run('8');
    expect(again.validLoss).toBe(first.validLoss);
    expect(other.validLoss).not.toBe(first.validLoss);
  });

  test('line ends with its coefficients, and its accuracy is null', async () => {
    const lines = jsonLines(await train('line', '--json'));
    expect(lines[0]).toMatchObject({ data: 'points', trainSize: 100 });
    expect(lines[1]).toMatchObject({ event: 'epoch', validAccuracy: null });
    expect(lines).toHaveLength(1 + 50 + 1);
    const { coefficients, validAccuracy } = lines[51] as never;
    expect(validAccuracy).toBeNull();
    expect((coefficients as { m: number }).m).toBeCloseTo(2, 1);
    expect((coefficients as { b: number }).b).toBeCloseTo(1, 1);
  });
});

describe('train without --json', () => {
  test('prints a header, a line per epoch, and the result', async () => {
    const { status, stdout, stderr } = await train('mlp', '--epochs', '2', '--data', digits.path);
    // stderr is not a terminal here, so there is no progress bar.
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^recipe +mlp: all digits by a network with 30 hidden units$/m);
    expect(stdout).toMatch(
      /^model +sequential\(linear\(784, 30\), relu\(\), linear\(30, 10\)\): 23,860 param/m,
    );
    expect(stdout).toMatch(/^backend +wasm \((simd|relaxed), \d+ threads?\)$/m);
    expect(stdout).toContain(`600 training and 200 test images from ${digits.path}`);
    expect(stdout).toMatch(/^epoch +train loss +valid loss +valid accuracy +seconds$/m);
    expect(stdout.match(/^ +[12] +\d\.\d+ +\d\.\d+ +\d+\.\d\d % +\d\.\d\d$/gm)).toHaveLength(2);
    expect(stdout).toMatch(/^accuracy \d+\.\d\d % on 200 test images$/m);
    expect(stdout).toMatch(/^2 epochs, [\d.]+ s of training, [\d,]+ images\/s$/m);
  });

  test('nine-or-not prints the balanced accuracy too', async () => {
    const { stdout } = await train('nine-or-not', '--epochs', '1', '--data', digits.path);
    expect(stdout).toMatch(/valid accuracy +balanced accuracy/);
    expect(stdout).toMatch(/^accuracy .*, balanced accuracy \d+\.\d\d %$/m);
  });

  test('line and parabola end with the fitted curve', async () => {
    expect((await train('line')).stdout).toMatch(/^y = [12]\.\d{3}x \+ [01]\.\d{3}$/m);
    const { stdout } = await train('parabola');
    expect(stdout).toMatch(/^y = \d\.\d{3}t² [+−] \d\.\d{3}t [+−] \d\.\d{3}$/m);
    expect(stdout.match(/^ +\d+ .*\d$/gm)).toHaveLength(50);
  });

  test('recipes on points ignore --data and print a note', async () => {
    const { status, stderr } = await train('line', '--data', '/nowhere');
    expect(status).toBe(0);
    expect(stderr).toBe('note: line generates its own points and ignores --data\n');
  });
});

describe('the data of train', () => {
  test('is synthetic with --data synthetic', async () => {
    const [start] = jsonLines(
      await train('softmax', '--epochs', '1', '--data', 'synthetic', '--json'),
    );
    expect(start).toMatchObject({ data: 'synthetic', trainSize: 10_000, testSize: 2_000 });
  });

  test('comes from HANDGRAD_MNIST without --data', async () => {
    const outcome = await handgrad(['train', 'softmax', '--epochs', '1', '--json'], {
      env: { HANDGRAD_MNIST: digits.path },
    });
    expect(jsonLines(outcome)[0]).toMatchObject({ data: digits.path, trainSize: 600 });
  });

  test('is synthetic, with a warning, without files and network', async () => {
    const outcome = await handgrad(['train', 'softmax', '--epochs', '1', '--json'], {
      env: { ...OFFLINE, XDG_CACHE_HOME: folder.at('cache') },
    });
    expect(outcome.status).toBe(0);
    expect(outcome.stderr).toContain('WARNING: SYNTHETIC DIGITS');
    expect(outcome.stderr).toContain('(offline)');
    expect(jsonLines(outcome)[0]).toMatchObject({ data: 'synthetic' });
  });

  test('is never synthetic when a named folder is missing', async () => {
    expectFailure(await train('mlp', '--data', '/nowhere'), /^handgrad: read MNIST from \/nowhere/);
    const named = await handgrad(['train', 'mlp'], { env: { HANDGRAD_MNIST: '/nowhere' } });
    expectFailure(named, /^handgrad: read MNIST from \/nowhere/);
  });

  test('is refused when a file is corrupt', async () => {
    const path = folder.at('train-images-idx3-ubyte');
    await writeFile(path, 'no images at all');
    for (const name of ['train-labels-idx1-ubyte', 't10k-images-idx3-ubyte']) {
      await writeFile(folder.at(name), 'none here either');
    }
    await writeFile(folder.at('t10k-labels-idx1-ubyte'), '');
    expectFailure(await train('mlp', '--data', folder.path), 'expected IDX images');
  });
});

describe('train fails in one line', () => {
  test('when the loss stops being finite', async () => {
    const outcome = await train('mlp', '--learning-rate', '1e9', '--data', digits.path);
    expectFailure(outcome, /expected a finite loss, got .* lower the learning rate/);
    expect(outcome.stderr).toContain('kept only with --out');
  });

  test('when a batch is larger than the data', async () => {
    const outcome = await train('mlp', '--batch-size', '601', '--data', digits.path);
    expectFailure(outcome, `at most ${DIGITS.train.size} examples`);
  });

  test('with wrong usage for more threads than a backend accepts', async () => {
    const outcome = await train('mlp', '--threads', '10000', '--data', digits.path);
    expect(outcome.status).toBe(2);
    expect(outcome.stderr).toMatch(/^handgrad: .*Expected at most 64\.\n$/);
  });
});
