import { describe, expect, test } from 'vitest';
import { RECIPE_NAMES } from '../../src/recipes.js';
import { handgrad, jsonLines } from './run.js';

const explain = (...args: string[]) => handgrad(['explain', ...args]);

describe('explain', () => {
  test('lists every call by section, with shapes and formula', async () => {
    const { status, stdout, stderr } = await explain('mlp');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^model +linear\(784, 30\), relu\(\), linear\(30, 10\): 23,860 param/m);
    const sections = stdout.match(/^(data|forward|loss|backward|update|state)$/gm);
    expect(sections).toEqual(['data', 'forward', 'loss', 'backward', 'update', 'state']);
    expect(stdout).toMatch(
      /^ +3 {2}linearForward +0\.y \(64, 30\) ← x \(64, 784\), 0\.weight \(784, 30\), 0\.bias \(30\)\n +y = x·W \+ b$/m,
    );
    expect(stdout).toMatch(
      /^Before calls are fused, activations take .* KiB, .* KiB if none did\.$/m,
    );
  });

  test.each(RECIPE_NAMES)('%s fits into 120 columns', async (recipe) => {
    const { stdout } = await explain(recipe);
    for (const line of stdout.split('\n')) expect([...line].length).toBeLessThanOrEqual(120);
  });

  test('breaks lists that are too long between layers, tensors and equations', async () => {
    const [first, second] = (await explain('conv')).stdout.split('\n').slice(1);
    expect(first).toMatch(/^model {7}onImages\(1, 28, 28\), conv2d\(1, 32, 3\),.*relu\(\),$/);
    expect(second).toMatch(/^ {12}maxPool2d\(2\), dropout\(0\.5\), flatten\(\)/);
    const { stdout } = await explain('resnet18');
    expect(stdout).toMatch(
      /8\.shortcut\.1\.y \(64, 4, 4, 128\)\n +← 8\.shortcut\.0\.y .*,\n +8\.shortcut\.1\.\w+ \(128\).*\n +y = γ/,
    );
    expect(stdout).toMatch(/\(1 − β₂\) g²,\n +w ← w − η m̂/);
  });

  test('follows images through a convolution, with what dropout and pooling keep', async () => {
    const { stdout } = await explain('conv');
    for (const tensors of [
      'images (32, 28, 28, 1) ← x (32, 784)',
      '0.y (32, 26, 26, 32) ← images (32, 28, 28, 1), 0.weight (3, 3, 1, 32), 0.bias (32)',
      '2.y (32, 13, 13, 32), 2.index (32, 13, 13, 32) ← 1.y (32, 26, 26, 32)',
      '3.y (32, 13, 13, 32) ← 2.y (32, 13, 13, 32), state (4)',
      '8.y (32, 1600) ← 7.y (32, 5, 5, 64)',
      'd(4.weight) (3, 3, 32, 64) ← 3.y (32, 13, 13, 32), 5.dx (32, 11, 11, 64)',
    ]) {
      expect(stdout).toContain(`  ${tensors}\n`);
    }
    expect((await explain('conv', '--evaluate')).stdout).not.toContain('dropoutForward');
  });

  test('names what is in the branches of a residual block after them', async () => {
    const [listing] = jsonLines(await explain('resnet18', '--json'));
    expect(listing).toMatchObject({ optimizer: 'adam', parameters: 11_175_370, batchSize: 64 });
    const calls = listing.calls as { op: string; outputs: { name: string; shape: number[] }[] }[];
    const outputs = calls.flatMap((call) => call.outputs);
    const shapeOf = (name: string) => outputs.find((output) => output.name === name)?.shape;
    expect(shapeOf('8.body.4.y')).toEqual([64, 4, 4, 128]);
    expect(shapeOf('8.shortcut.1.y')).toEqual([64, 4, 4, 128]);
    expect(shapeOf('d(8.shortcut.0.weight)')).toEqual([1, 1, 64, 128]);
    // In each of eight blocks, forward and backward.
    expect(calls.filter(({ op }) => op === 'add')).toHaveLength(16);
  });

  test('--evaluate normalises by running statistics', async () => {
    const { stdout } = await explain('resnet18', '--evaluate');
    expect(stdout).toContain('1.running_mean (64), 1.running_var (64)');
    expect(stdout).not.toMatch(/batchNorm(Update)?Statistics/);
  });

  test('--json gives the same list as an object', async () => {
    const [listing] = jsonLines(await explain('softmax', '--batch-size', '8', '--json'));
    expect(listing).toMatchObject({
      recipe: 'softmax',
      step: 'training',
      model: 'linear(784, 10)',
      loss: 'softmaxCrossEntropy',
      optimizer: 'sgd',
      parameters: 7850,
      batchSize: 8,
    });
    const calls = listing.calls as Record<string, unknown>[];
    expect(calls.map(({ number }) => number)).toEqual(calls.map((_, i) => i + 1));
    expect(calls.find(({ op }) => op === 'linearBackwardWeight')).toEqual({
      number: expect.any(Number),
      section: 'backward',
      op: 'linearBackwardWeight',
      formula: 'dW = xᵀ·dy',
      outputs: [{ name: 'd(0.weight)', shape: [784, 10], dtype: 'float32', storage: 'persistent' }],
      inputs: [
        { name: 'x', shape: [8, 784], dtype: 'float32', storage: 'activation' },
        { name: 'dz', shape: [8, 10], dtype: 'float32', storage: 'activation' },
      ],
      attributes: {},
    });
    const { planned, separate } = listing.activations as { planned: number; separate: number };
    expect(planned).toBeGreaterThan(8 * 784 * 4);
    expect(planned).toBeLessThanOrEqual(separate);
  });

  test('--evaluate lists the step that evaluates', async () => {
    const [listing] = jsonLines(await explain('nine-or-not', '--evaluate', '--json'));
    const calls = listing.calls as { op: string; section: string }[];
    expect(calls.map(({ section }) => section)).not.toContain('backward');
    expect(calls.map(({ op }) => op)).toContain('countConfusion');
  });
});
