import { describe, expect, test } from 'vitest';
import { RECIPE_NAMES } from '../../src/recipes.js';
import { handgrad, jsonLines } from './run.js';

/** The part of a listing that begins with this line. */
function sectionOf(listing: string, title: string): string {
  const start = listing.indexOf(`\n${title}\n`);
  return listing.slice(start, listing.indexOf('\n\n', start + 1));
}

const explain = (...args: string[]) => handgrad(['explain', ...args]);

describe('explain', () => {
  test('lists every call by section, with roles, shapes and formula', async () => {
    const { status, stdout, stderr } = await explain('mlp');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      /^model {7}sequential\(linear\(784, 30\), relu\(\), linear\(30, 10\)\)\nparameters {2}23,860\n/m,
    );
    const sections = stdout.match(/^(data|forward|loss|backward|update|state)$/gm);
    expect(sections).toEqual(['data', 'forward', 'loss', 'backward', 'update', 'state']);
    expect(stdout).toMatch(
      /^ +3 {2}linearForward +y: 0\.y \(64, 30\) ← x \(64, 784\), W: 0\.weight \(784, 30\), b: 0\.bias \(30\)\n +y = x·W \+ b$/m,
    );
    expect(stdout).toMatch(
      /^Activations take .* KiB in a shared arena, .* KiB without sharing \(before calls are fused\)\.$/m,
    );
  });

  test.each(RECIPE_NAMES)(
    '%s fits into 120 columns, with no line of a single word',
    async (recipe) => {
      const { stdout } = await explain(recipe);
      for (const line of stdout.split('\n'))
        expect([...line].length, line).toBeLessThanOrEqual(120);
      expect(stdout).not.toMatch(/^ {20,}[^ ]+$/m);
    },
  );

  test('breaks lists that are too long between layers, tensors and equations', async () => {
    const [first, second] = (await explain('conv')).stdout.split('\n').slice(1);
    expect(first).toMatch(
      /^model {7}onImages\(\{ channels: 1, height: 28, width: 28 \}, sequential\(conv2d\(1, 32, 3\),.*maxPool2d\(2\),$/,
    );
    expect(second).toMatch(/^ {12}dropout\(0\.25\), conv2d\(32, 64, 3\), .*relu\(\),$/);
    const { stdout } = await explain('resnet18');
    expect(stdout).toMatch(
      /y: 8\.shortcut\.1\.y \(64, 4, 4, 128\)\n +← x: 8\.shortcut\.0\.y .*,\n +\w+: 8\.shortcut\.1\.\w+ \(128\).*\n(.*\n)? +y = γ/,
    );
    expect(stdout).toMatch(/\(1 − β₂\) g²,\n +w ← w − η m̂/);
  });

  test('follows images through a convolution, with what dropout and pooling keep', async () => {
    const { stdout } = await explain('conv');
    for (const tensors of [
      'y: images (32, 28, 28, 1) ← x (32, 784)',
      '← x: images (32, 28, 28, 1), W: 0.weight (3, 3, 1, 32), b: 0.bias (32)',
      'y: 2.y (32, 13, 13, 32), index: 2.index (32, 13, 13, 32) ← x: 1.y (32, 26, 26, 32)',
      'y: 3.y (32, 13, 13, 32) ← x: 2.y (32, 13, 13, 32), state (4)',
      'y: 8.y (32, 1600) ← x: 7.y (32, 5, 5, 64)',
      'dW: d(4.weight) (3, 3, 32, 64) ← x: 3.y (32, 13, 13, 32), dy: d(4.y) (32, 11, 11, 64)',
    ]) {
      expect(stdout).toContain(`  ${tensors}\n`);
    }
    expect(sectionOf(stdout, 'forward')).toMatch(/^\nforward\n +3 {2}channelsLast {2}/);
    expect((await explain('conv', '--evaluate')).stdout).not.toContain('dropoutForward');
  });

  test('names gradients after the tensor that they belong to', async () => {
    const backward = sectionOf((await explain('mlp')).stdout, 'backward');
    const gradients = backward.match(/^ +\d+ .*(?= ←)/gm)?.map((line) => line.split(/ {2,}/)[3]);
    expect(gradients).toEqual([
      'dz: d(2.y) (64, 10)',
      'dW: d(2.weight) (30, 10)',
      'db: d(2.bias) (10)',
      'dx: d(1.y) (64, 30)',
      'dx: d(0.y) (64, 30)',
      'dW: d(0.weight) (784, 30)',
      'db: d(0.bias) (30)',
    ]);
  });

  test('names the tensors in the branches of a residual block after the branch', async () => {
    const [listing] = jsonLines(await explain('resnet18', '--json'));
    expect(listing).toMatchObject({
      optimizer: 'adam({ learningRate: oneCycle({ maximum: 0.01 }) })',
      parameters: 11_175_370,
      batchSize: 64,
    });
    const calls = listing.calls as { op: string; outputs: { name: string; shape: number[] }[] }[];
    const outputs = calls.flatMap((call) => call.outputs);
    const shapeOf = (name: string) => outputs.find((output) => output.name === name)?.shape;
    expect(shapeOf('8.body.4.y')).toEqual([64, 4, 4, 128]);
    expect(shapeOf('8.shortcut.1.y')).toEqual([64, 4, 4, 128]);
    expect(shapeOf('d(8.shortcut.0.weight)')).toEqual([1, 1, 64, 128]);
    // One in forward and one in backward for each of eight blocks.
    expect(calls.filter(({ op }) => op === 'add')).toHaveLength(16);
  });

  test('--evaluate normalises by running statistics', async () => {
    const { stdout } = await explain('resnet18', '--evaluate');
    expect(stdout).toContain('mean: 1.running_mean (64), variance: 1.running_var (64)');
    expect(stdout).not.toMatch(/batchNorm(Update)?Statistics/);
  });

  test('--json prints the same list as an object', async () => {
    const [listing] = jsonLines(await explain('softmax', '--batch-size', '8', '--json'));
    expect(listing).toMatchObject({
      recipe: 'softmax',
      step: 'training',
      model: 'sequential(linear(784, 10))',
      loss: 'softmaxCrossEntropy()',
      optimizer: 'sgd({ learningRate: cosine({ rate: 0.1 }) })',
      parameters: 7850,
      batchSize: 8,
    });
    const calls = listing.calls as Record<string, unknown>[];
    expect(calls.map(({ number }) => number)).toEqual(calls.map((_, i) => i + 1));
    const persistent = { dtype: 'float32', storage: 'persistent' };
    const activation = { dtype: 'float32', storage: 'activation' };
    expect(calls.find(({ op }) => op === 'linearBackwardWeight')).toEqual({
      number: expect.any(Number),
      section: 'backward',
      op: 'linearBackwardWeight',
      formula: 'dW = xᵀ·dy',
      outputs: [{ role: 'dW', name: 'd(0.weight)', shape: [784, 10], ...persistent }],
      updates: [],
      inputs: [
        { role: 'x', name: 'x', shape: [8, 784], ...activation },
        { role: 'dy', name: 'd(0.y)', shape: [8, 10], ...activation },
      ],
      attributes: {},
    });
    const { planned, separate } = listing.activations as { planned: number; separate: number };
    expect(planned).toBeGreaterThan(8 * 784 * 4);
    expect(planned).toBeLessThanOrEqual(separate);
  });

  test('--evaluate lists the evaluation step', async () => {
    const [listing] = jsonLines(await explain('nine-or-not', '--evaluate', '--json'));
    const calls = listing.calls as { op: string; section: string }[];
    expect(calls.map(({ section }) => section)).not.toContain('backward');
    expect(calls.map(({ op }) => op)).toContain('countCorrect');
  });
});
