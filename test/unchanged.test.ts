/**
 * Compares the bits of every recipe's weights after some steps with recorded ones.
 * Run with RECORD=1 to record.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { supportedBuilds } from '../src/backends/wasm/module.js';
import { syntheticDigits } from '../src/data/index.js';
import {
  type BackendOptions,
  createBackend,
  RECIPE_NAMES,
  type RecipeName,
  train,
} from '../src/index.js';

const FILE = new URL('unchanged.json', import.meta.url);
const recorded: Record<string, string> = existsSync(FILE)
  ? JSON.parse(readFileSync(FILE, 'utf8'))
  : {};
const data = syntheticDigits({ trainSize: 12_800, testSize: 100 });
const builds = await supportedBuilds();

type Configuration = readonly [
  title: string,
  backend: 'wasm' | 'reference',
  options: BackendOptions,
];
const CONFIGURATIONS: Configuration[] = [
  ...(['simd', 'relaxed'] as const)
    .filter((build) => builds.includes(build))
    .flatMap((build) =>
      [1, 2].map(
        (threads): Configuration => [`wasm ${build}, ${threads}`, 'wasm', { build, threads }],
      ),
    ),
  ['reference', 'reference', {}],
];

function settingsOf(name: RecipeName, backend: string) {
  if (name === 'resnet18') return { steps: 3, batchSize: 8 };
  if (backend === 'reference' && name.startsWith('conv')) return { steps: 50, batchSize: 4 };
  return { steps: 50 };
}

describe.each(CONFIGURATIONS)('%s', (title, backendName, options) => {
  it.each(RECIPE_NAMES)(
    '%s',
    async (name) => {
      const backend = await createBackend(backendName, options);
      const { steps, ...others } = settingsOf(name, backendName);
      const { trainer } = await train(name, {
        backend,
        data,
        epochs: 60,
        ...others,
        onStep: ({ step }) => step < steps,
      });
      const hash = createHash('sha256');
      for (const [key, { data: values }] of await trainer.state()) {
        hash.update(key);
        hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      }
      await backend.close();
      const key = `${title}: ${name}`;
      const digest = hash.digest('hex');
      if (process.env.RECORD) {
        recorded[key] = digest;
        writeFileSync(FILE, `${JSON.stringify(recorded, null, 1)}\n`);
      } else expect(digest).toBe(recorded[key]);
    },
    600_000,
  );
});
