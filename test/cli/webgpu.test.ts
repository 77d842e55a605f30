import { expect, test } from 'vitest';
import { describeWithGpu } from '../webgpu.js';
import { useDigits } from './folders.js';
import { handgrad, jsonLines } from './run.js';

const digits = useDigits();

describeWithGpu('on a GPU', () => {
  test('train lowers the loss, and names the adapter', async () => {
    const settings = ['--backend', 'webgpu', '--epochs', '2', '--data', digits.path];
    const args = ['train', 'softmax', ...settings];
    const outcome = await handgrad([...args, '--json']);
    expect(outcome.status).toBe(0);
    const [start, first, second] = jsonLines(outcome);
    const note = `note: ${start.build} computes on the CPU: the wasm backend is faster.\n`;
    expect(outcome.stderr.includes(note)).toBe(/swiftshader|llvmpipe/i.test(String(start.build)));
    expect(start).toMatchObject({ backend: 'webgpu', build: expect.stringMatching(/\w/) });
    expect(second.trainLoss).toBeLessThan(first.trainLoss as number);
    const { stdout } = await handgrad(args);
    expect(stdout).toContain(`backend   webgpu (${start.build})\n`);
  });

  test('uses the named adapter, or lists the adapters', async () => {
    const [{ webgpu }] = jsonLines(await handgrad(['info', '--json']));
    const { adapter } = webgpu as { adapter: string };
    const args = ['train', 'line', '--backend', 'webgpu', '--epochs', '1', '--json', '--adapter'];
    const [start] = jsonLines(await handgrad([...args, adapter.toLowerCase()]));
    expect(start).toMatchObject({ backend: 'webgpu', build: adapter });
    const { status, stderr } = await handgrad([...args, 'Abacus']);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^handgrad: webgpu: expected an adapter whose name contains "Abacus", got /m,
    );
    expect(stderr).toContain(adapter);
  });

  test('bench times it beside the CPU, and with its own options', async () => {
    const backends = ['--backends', 'wasm,webgpu', '--without-robustness', '--measured-tiles'];
    const args = ['bench', 'matmul', '--sizes', '8x9x10', '--repeat', '1', ...backends];
    const [{ results, notes }] = jsonLines(await handgrad([...args, '--json'])) as [
      { results: Record<string, unknown>[]; notes: string[] },
    ];
    expect(results.map(({ backend, variant, verified }) => [backend, variant, verified])).toEqual([
      ['wasm', undefined, true],
      ['webgpu', undefined, true],
      ['webgpu', 'without bounds checks', true],
      ['webgpu', 'measured tiles', true],
    ]);
    expect(notes).toContainEqual(expect.stringMatching(/^Cold: the first run/));
    for (const { kernelMs, roofFraction } of results.slice(1)) {
      expect(roofFraction).toBeGreaterThan(0);
      expect(notes.some((note) => note.startsWith('Kernels: '))).toBe(kernelMs !== undefined);
    }
  });

  test('bench prints the columns of a GPU, and explains them', async () => {
    const args = ['matmul', '--sizes', '8x9x10', '--backends', 'webgpu', '--repeat', '1'];
    const { stdout } = await handgrad(['bench', ...args]);
    expect(stdout).toMatch(/ cold +upload +read back +rate +of peak +verified$/m);
    expect(stdout).toMatch(/\(\d[\d.e-]* GB\/s\) .* GFLOP\/s .*yes$/m);
    expect(stdout).toMatch(/^Cold: /m);
  });

  test('train with auto ends with the timings of both backends, if it runs long enough', async () => {
    const args = ['train', 'mlp-deep', '--batch-size', '4', '--epochs', '30'];
    const { status, stdout } = await handgrad([...args, '--data', digits.path, '--verbose']);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /images\/s\n(auto: [\d.]+ ms a step of batch 4 on wasm, .*|webgpu: .* computes on the CPU: not considered)\n$/,
    );
  });
});
