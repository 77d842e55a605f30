/* Jest, in its environments of Node and of jsdom. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { installIn, type Project } from '../project.js';

/** A test in Jest. It imports the library before or after the fake timers are installed. */
const program = (environment: string) => `/** @jest-environment ${environment} */
import { jest } from '@jest/globals';
import { createBackend, linear, relu, sequential, sgd, softmaxCrossEntropy, Trainer } from 'handgrad';
import { syntheticDigits } from 'handgrad/data';

const { train, test: held } = syntheticDigits({ trainSize: 640, testSize: 64 });

async function trainMlp(name) {
  const backend = await createBackend(name);
  const trainer = new Trainer(backend, {
    model: sequential(linear(784, 30), relu(), linear(30, 10)),
    loss: softmaxCrossEntropy(),
    optimizer: sgd({ learningRate: 0.1 }),
    batchSize: 64,
  });
  const { epochs } = await trainer.fit(train, { epochs: 2, validation: held, onProgress: () => {} });
  await trainer.decode(await trainer.encode());
  await backend.close();
  return epochs;
}

test('runs in ${environment}', () => {
  expect(typeof document).toBe('${environment === 'jsdom' ? 'object' : 'undefined'}');
});

test.each(['wasm', 'auto', 'reference'])('%s trains', async (name) => {
  const [first, second] = await trainMlp(name);
  expect(second.trainLoss).toBeLessThan(first.trainLoss);
});

test('trains under fake timers', async () => {
  jest.useFakeTimers();
  expect(await trainMlp('wasm')).toHaveLength(2);
});
`;

const ENVIRONMENTS = ['node', 'jsdom'] as const;

let project: Project;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'handgrad-jest-'));
  const dependencies = { jest: '^30.0.0', 'jest-environment-jsdom': '^30.0.0' };
  const manifest = { name: 'program', type: 'module', private: true, dependencies };
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ ...manifest, jest: { transform: {} } }),
  );
  for (const environment of ENVIRONMENTS) {
    await writeFile(join(folder, `${environment}.test.js`), program(environment));
  }
  project = await installIn(folder);
});

afterAll(() => project?.remove());

it.each(
  ENVIRONMENTS.flatMap(
    (environment) =>
      [
        [environment, false],
        [environment, true],
      ] as const,
  ),
)('trains in Jest with %s (fake timers everywhere: %s)', async (environment, enableGlobally) => {
  const flags = ['--runTestsByPath', `${environment}.test.js`];
  const config = JSON.stringify({ transform: {}, fakeTimers: { enableGlobally } });
  const jest = join('node_modules', 'jest', 'bin', 'jest.js');
  const node = ['--experimental-vm-modules', jest, '--config', config, ...flags];
  expect(await project.run('node', ...node)).toMatch(/Tests: +5 passed, 5 total/);
});
