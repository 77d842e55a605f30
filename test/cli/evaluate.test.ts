import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  decodeSafetensors,
  encodeSafetensors,
} from '../../src/training/serialization/safetensors.js';
import { useDigits, useFolder } from './folders.js';
import { expectFailure, handgrad, jsonLines } from './run.js';

const digits = useDigits();
const folder = useFolder();

const evaluate = (...args: string[]) => handgrad(['evaluate', ...args]);

const weightsOf = (run: string) => folder.at(`${run}/weights.safetensors`);

beforeAll(async () => {
  for (const recipe of ['mlp', 'nine-or-not', 'three-seven-linear']) {
    const run = [recipe, '--epochs', '2', '--batch-size', '32', '--data', digits.path];
    await handgrad(['train', ...run, '--out', folder.at(recipe)]);
  }
  await handgrad(['train', 'line', '--out', folder.at('line')]);
});

describe('evaluate', () => {
  test('--json prints the metrics that training ended with, on the same data', async () => {
    const outcome = await evaluate(weightsOf('mlp'), '--json');
    const [result] = jsonLines(outcome);
    const history = JSON.parse(await readFile(folder.at('mlp/history.json'), 'utf8'));
    const { validLoss, validAccuracy, validBalancedAccuracy } = history.epochs[1];
    expect(result).toEqual({
      recipe: 'mlp',
      weights: weightsOf('mlp'),
      data: digits.path,
      testSize: 200,
      loss: validLoss,
      accuracy: validAccuracy,
      balancedAccuracy: validBalancedAccuracy,
      classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
      confusion: expect.any(Array),
    });
    const confusion = result.confusion as number[][];
    const right = confusion.reduce((sum, row, t) => sum + row[t], 0);
    expect(confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(200);
    expect(right / 200).toBe(validAccuracy);
  });

  test('prints the accuracy and a confusion matrix', async () => {
    const { stdout } = await evaluate(weightsOf('mlp'));
    expect(stdout).toMatch(/^accuracy +\d+\.\d\d % on 200 test images \(/);
    expect(stdout).toMatch(/^true +0 +1 +2 +3 +4 +5 +6 +7 +8 +9 +correct$/m);
    expect(stdout.match(/^\d .* \d+\.\d\d %$/gm)).toHaveLength(10);
  });

  test('names the classes of binary recipes', async () => {
    const { stdout } = await evaluate(weightsOf('nine-or-not'));
    expect(stdout).toMatch(/^balanced +\d+\.\d\d %, the mean over the classes$/m);
    expect(stdout).toMatch(/^true +not 9 +9 +correct$/m);
    const [result] = jsonLines(await evaluate(weightsOf('three-seven-linear'), '--json'));
    expect(result.classes).toEqual(['7', '3']);
  });

  test('uses the digits that the weights were trained on, and refuses others', async () => {
    const run = ['softmax', '--digits', '3,7', '--epochs', '1', '--data', digits.path];
    await handgrad(['train', ...run, '--out', folder.at('softmax')]);
    const [result] = jsonLines(await evaluate(weightsOf('softmax'), '--json'));
    expect(result.classes).toEqual(['7', '3']);
    const { stderr, status } = await evaluate(weightsOf('softmax'), '--digits', '4,7');
    expect(stderr).toContain('--digits: expected 3,7, which the weights were trained on, got 4,7');
    expect(status).toBe(2);
  });

  test("normalises other digits by the run's mean and standard deviation", async () => {
    // The same test images, beside training images of other statistics.
    const other = folder.at('brighter');
    await cp(digits.path, other, { recursive: true });
    const path = `${other}/train-images-idx3-ubyte`;
    const brighter = (byte: number, i: number) => (i < 16 ? byte : 255 - byte);
    await writeFile(path, (await readFile(path)).map(brighter));
    const [own] = jsonLines(await evaluate(weightsOf('mlp'), '--json'));
    const [result] = jsonLines(await evaluate(weightsOf('mlp'), '--data', other, '--json'));
    expect(result).toEqual({ ...own, data: other });
  });

  test('takes the folder of a run for its weights', async () => {
    const [own] = jsonLines(await evaluate(weightsOf('mlp'), '--json'));
    for (const path of [folder.at('mlp'), `${folder.at('mlp')}/`]) {
      const [result] = jsonLines(await evaluate(path, '--json'));
      expect(result).toEqual(own);
    }
  });

  test('fails in one line for a folder without weights', async () => {
    await mkdir(folder.at('unfinished'));
    const outcome = await evaluate(folder.at('unfinished'), '--recipe', 'mlp');
    expectFailure(
      outcome,
      `read ${folder.at('unfinished')}: expected weights.safetensors of a finished run, got none; train it to the end with --resume`,
    );
  });

  test('prints only the loss for points', async () => {
    expect((await evaluate(weightsOf('line'))).stdout).toMatch(/^loss 0\.\d+ over 100 points$/m);
    const [result] = jsonLines(await evaluate(weightsOf('line'), '--json'));
    expect(result).toMatchObject({ accuracy: null, confusion: [] });
  });

  test('needs --recipe for weights from PyTorch, which do not name their recipe', async () => {
    const { tensors } = decodeSafetensors(await readFile(weightsOf('mlp')));
    const path = folder.at('pytorch.safetensors');
    await writeFile(path, encodeSafetensors(tensors, { format: 'pt' }));
    const args = [path, '--data', digits.path, '--json'];
    const [result] = jsonLines(await evaluate(...args, '--recipe', 'mlp'));
    const [own] = jsonLines(await evaluate(weightsOf('mlp'), '--json'));
    expect(result).toEqual({ ...own, weights: path });
    const unnamed = await evaluate(...args);
    expect(unnamed.status).toBe(2);
    expect(unnamed.stderr).toMatch(/^handgrad: [^\n]*name the recipe[^\n]*--recipe\n$/);
  });

  test.each([
    { what: 'another recipe', args: ['mlp', '--recipe', 'softmax'], message: 'expected tensors' },
    { what: 'a missing file', args: ['nothing', '--recipe', 'mlp'], message: 'ENOENT' },
    { what: 'missing data', args: ['mlp', '--data', '/nowhere'], message: 'read MNIST from' },
  ])('fails in one line for $what', async ({ args: [run, ...args], message }) => {
    const { status, stdout, stderr } = await evaluate(weightsOf(run), ...args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^handgrad: [^\n]*\n$/);
    expect(stderr).toContain(message);
  });

  test('fails in one line for a file that is not safetensors', async () => {
    await writeFile(folder.at('wrong'), 'these are not the weights you are looking for');
    const { status, stderr } = await evaluate(folder.at('wrong'), '--recipe', 'mlp');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^handgrad: [^\n]*wrong: expected a header[^\n]*\n$/);
  });
});
