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
    expect(stdout).toMatch(/^Activations take .* KiB, .* KiB if each had its own\.$/m);
  });

  test.each(RECIPE_NAMES)('%s fits into 120 columns', async (recipe) => {
    const { stdout } = await explain(recipe);
    for (const line of stdout.split('\n')) expect([...line].length).toBeLessThanOrEqual(120);
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
