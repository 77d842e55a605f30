import { writeFile } from 'node:fs/promises';
import { PNG } from 'pngjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { DIGITS, useDigits, useFolder } from './folders.js';
import { COLOR_TYPES, writePng } from './png.js';
import { handgrad, jsonLines } from './run.js';

const digits = useDigits();
const folder = useFolder();

const weightsOf = (run: string) => folder.at(`${run}/weights.safetensors`);
const imageOf = (digit: number) => {
  const index = DIGITS.train.targets.findIndex((target: number) => target === digit);
  return DIGITS.train.inputs.subarray(784 * index, 784 * (index + 1)) as Uint8Array;
};

/** One element of the array that `--json` prints. */
interface Prediction {
  file: string;
  answer: string;
  digit: number | null;
  probability: number;
  classes: string[];
  probabilities: number[];
}

async function predict(run: string, ...files: string[]): Promise<Prediction[]> {
  const outcome = await handgrad(['predict', weightsOf(run), ...files, '--json']);
  expect(outcome).toMatchObject({ status: 0, stderr: '' });
  return jsonLines(outcome)[0] as unknown as Prediction[];
}

beforeAll(async () => {
  for (const recipe of ['softmax', 'nine-or-not', 'three-seven-linear']) {
    const settings = ['--epochs', '40', '--batch-size', '32', '--threads', '1'];
    const run = [recipe, ...settings, '--data', digits.path];
    await handgrad(['train', ...run, '--out', folder.at(recipe)]);
  }
  await handgrad(['train', 'line', '--out', folder.at('line')]);
  for (const digit of [3, 7, 9]) await writePng(folder.at(`${digit}.png`), imageOf(digit));
});

describe('predict', () => {
  test('--json prints an array with an object per file', async () => {
    const files = [folder.at('3.png'), folder.at('7.png')];
    const predictions = await predict('softmax', ...files);
    expect(predictions.map(({ file, answer, digit }) => [file, answer, digit])).toEqual([
      [files[0], '3', 3],
      [files[1], '7', 7],
    ]);
    for (const { classes, probabilities, probability, digit } of predictions) {
      expect(classes).toHaveLength(10);
      expect(probabilities.reduce((sum, p) => sum + p)).toBeCloseTo(1, 5);
      expect(probabilities[digit as number]).toBe(probability);
      expect(Math.max(...probabilities)).toBe(probability);
    }
  });

  test('takes the folder of a run for its weights', async () => {
    const [whole] = await predict('softmax', folder.at('3.png'));
    const args = ['predict', folder.at('softmax'), folder.at('3.png'), '--json'];
    const [[prediction]] = jsonLines(await handgrad(args)) as unknown as Prediction[][];
    expect(prediction).toEqual(whole);
  });

  test('prints the answer, and the likely digits sorted, with bars', async () => {
    const args = [weightsOf('softmax'), folder.at('3.png'), folder.at('7.png')];
    const { stdout } = await handgrad(['predict', ...args]);
    const [three, seven] = stdout.split('\n\n');
    expect(three).toMatch(/3\.png: 3\n {2}3 +\d+\.\d\d % +█+/);
    expect(seven).toMatch(/7\.png: 7\n {2}7 +\d+\.\d\d % +█+/);
    const shares = Array.from(three.matchAll(/([\d.]+) %/g), ([, share]) => Number(share));
    expect(shares).toEqual(shares.toSorted((a, b) => b - a));
  });

  test('answers 3 or 7, and 9 or not, for binary recipes', async () => {
    const [three, seven] = await predict(
      'three-seven-linear',
      folder.at('3.png'),
      folder.at('7.png'),
    );
    expect([three.answer, three.digit, seven.answer, seven.digit]).toEqual(['3', 3, '7', 7]);
    expect(three.classes).toEqual(['7', '3']);
    const [not, nine] = await predict('nine-or-not', folder.at('3.png'), folder.at('9.png'));
    expect([not.answer, not.digit, nine.answer, nine.digit]).toEqual(['not 9', null, '9', 9]);
    expect(not.probabilities[0] + not.probabilities[1]).toBeCloseTo(1, 6);
  });

  test('reads every colour type, at 8 and at 16 bits', async () => {
    const files: string[] = [];
    for (const [name, colorType] of Object.entries(COLOR_TYPES)) {
      for (const bitDepth of [8, 16] as const) {
        files.push(folder.at(`${name} ${bitDepth}.png`));
        await writePng(files.at(-1) as string, imageOf(3), { colorType, bitDepth });
      }
    }
    const [first, ...others] = await predict('softmax', ...files);
    expect(first.answer).toBe('3');
    for (const other of others) expect(other.probabilities).toEqual(first.probabilities);
  });

  test('reads large pictures of dark ink on paper', async () => {
    await writePng(folder.at('large.png'), imageOf(7), { paper: true, scale: 20 });
    const [{ answer }] = await predict('softmax', folder.at('large.png'));
    expect(answer).toBe('7');
  });
});

describe('predict fails in one line that names the file', () => {
  async function expectFailure(args: readonly string[], message: string) {
    const { status, stdout, stderr } = await handgrad(['predict', ...args]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^handgrad: [^\n]*\n$/);
    expect(stderr).toContain(message);
  }

  /** The bytes of a small PNG. */
  const whole = () => PNG.sync.write(new PNG({ width: 40, height: 40, fill: true }));

  test.each([
    { file: 'missing.png', bytes: undefined, message: 'ENOENT' },
    { file: 'text.png', bytes: Buffer.from('no picture, but a text'), message: 'a PNG file, got' },
    { file: 'cut.png', bytes: whole().subarray(0, 60), message: 'expected a whole PNG file' },
    { file: 'blank.png', bytes: whole(), message: 'differs from its background' },
  ])('when it is $file', async ({ file, bytes, message }) => {
    if (bytes) await writeFile(folder.at(file), bytes);
    const args = [weightsOf('softmax'), folder.at('3.png'), folder.at(file)];
    await expectFailure(args, file);
    await expectFailure(args, message);
  });

  test('when a byte of it is wrong', async () => {
    const bytes = whole();
    bytes[50] ^= 255;
    await writeFile(folder.at('flipped.png'), bytes);
    const args = [weightsOf('softmax'), folder.at('flipped.png')];
    await expectFailure(args, 'flipped.png: expected a whole PNG file');
  });

  test('when it claims to be larger than 4096×4096', async () => {
    const bytes = whole();
    bytes.writeUInt32BE(50_000, 16);
    await writeFile(folder.at('huge.png'), bytes);
    const args = [weightsOf('softmax'), folder.at('huge.png')];
    await expectFailure(args, 'expected at most 4096×4096 pixels, got 50000×40');
  });

  test('when the weights are not of a digit classifier', async () => {
    await expectFailure(
      [weightsOf('line'), folder.at('3.png')],
      'digit classifier, got weights of line',
    );
  });
});
