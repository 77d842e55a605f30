/* Warnings that Dawn, the Vulkan loader and drivers print must not reach the user. */
import { existsSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { useFolder } from '../../cli/folders.js';
import { handgrad, jsonLines, type RunOptions } from '../../cli/run.js';
import { inNode } from '../in-node.js';

const folder = useFolder(async (path) => {
  const driver = (library: string) =>
    JSON.stringify({
      file_format_version: '1.0.0',
      ICD: { library_path: library, api_version: '1.3.0' },
    });
  await mkdir(`${path}/no-loader`);
  await writeFile(`${path}/no-loader/libvulkan.so.1`, '');
  await mkdir(`${path}/no-driver`);
  await writeFile(`${path}/broken.json`, '{ "ICD":');
  await writeFile(`${path}/nameless.json`, '{}');
  await writeFile(`${path}/gone.json`, driver('./gone.so'));
  await writeFile(`${path}/text.so`, 'no library');
  await writeFile(`${path}/text.json`, driver('./text.so'));
  await writeFile(`${path}/mathematics.json`, driver('libm.so.6'));
});

/** The software GPU that comes with Chromium. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';

interface Case {
  readonly title: string;
  /** The environment variables, with paths relative to the test's folder. */
  readonly variables: Readonly<Record<string, string>>;
  /** What `info` says, after "WebGPU: expected a GPU adapter, got "; the folder is left out. */
  readonly found: string;
}

const drivers = (...files: string[]) => {
  const paths = files.map((file) => (file.startsWith('/') ? file : `FOLDER/${file}`)).join(':');
  return { VK_DRIVER_FILES: paths, VK_ICD_FILENAMES: paths };
};

const LIBRARIES =
  'install the libraries that it needs (NVIDIA: libegl1, libgl1 and libxext6), or reinstall the driver';

const WITHOUT: readonly Case[] = [
  {
    title: 'no Vulkan loader',
    variables: { LD_LIBRARY_PATH: 'FOLDER/no-loader' },
    found:
      'no Vulkan loader (FOLDER/no-loader/libvulkan.so.1: file too short); install it (the package libvulkan1 or vulkan-loader) and a GPU driver',
  },
  {
    title: 'no driver',
    variables: drivers('no-driver'),
    found: 'a Vulkan loader without a driver for a GPU of this machine; install the driver',
  },
  {
    title: 'a driver file that is not JSON',
    variables: drivers('broken.json'),
    found: 'a Vulkan driver that cannot be loaded (FOLDER/broken.json: ',
  },
  {
    title: 'a driver file without a library',
    variables: drivers('nameless.json'),
    found:
      'a Vulkan driver that cannot be loaded (FOLDER/nameless.json: it names no library_path); correct VK_DRIVER_FILES',
  },
  {
    title: 'a driver whose library is gone',
    variables: drivers('gone.json'),
    found:
      'a Vulkan driver that cannot be loaded (FOLDER/gone.json: its library FOLDER/gone.so does not exist); correct VK_DRIVER_FILES',
  },
  {
    title: 'a driver whose library is not one',
    variables: drivers('text.json'),
    found: `a Vulkan driver that does not start (FOLDER/./text.so); ${LIBRARIES}`,
  },
  {
    // As NVIDIA's does where a library that it needs is missing.
    title: 'a driver that lacks the functions of one',
    variables: drivers('mathematics.json'),
    found: `a Vulkan driver that does not start (libm.so.6); ${LIBRARIES}`,
  },
];

const inFolder = (text: string) => text.replaceAll('FOLDER', folder.path);

function environment({ variables }: Pick<Case, 'variables'>): RunOptions {
  const entries = Object.entries(variables).map(([name, value]) => [name, inFolder(value)]);
  return { env: Object.fromEntries(entries) };
}

/** Long enough for the trial of `auto`. */
const AUTO = 'train mlp-deep --data synthetic --epochs 20 --threads 1'.split(' ');

/** Opens the webgpu backend in a program that uses the library. */
const PROGRAM = `
  import { createBackend } from './dist/index.js';
  const opening = [createBackend('webgpu'), createBackend('webgpu', { adapter: 'any' })];
  for (const { status, reason } of await Promise.allSettled(opening)) {
    console.log(reason?.name ?? status, reason?.message);
  }`;
const ROOT = new URL('../../..', import.meta.url).pathname;

// Only on Linux can a missing driver or loader be simulated in this way.
const hasVulkan = process.platform === 'linux' && (await findsLoader());

async function findsLoader(): Promise<boolean> {
  const [{ webgpu }] = jsonLines(await handgrad(['info', '--json']));
  const { reason = '' } = webgpu as { reason?: string };
  return !/no Vulkan loader|package webgpu/.test(reason);
}

describe.runIf(hasVulkan).each(WITHOUT)('with $title', ({ found, ...rest }) => {
  const expected = () => `expected a GPU adapter, got ${inFolder(found)}`;

  test('info says so, and prints nothing else', async () => {
    const { status, stdout, stderr } = await handgrad(['info'], environment(rest));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`\n  WebGPU: ${expected()}`);
    expect(stdout).toMatch(/^GPU +none: see below$/m);
    expect(stdout).not.toMatch(/warning/i);
  });

  test('auto prints nothing about it, unless asked', async () => {
    const quiet = await handgrad(AUTO, environment(rest));
    expect(quiet).toMatchObject({ status: 0, stderr: '' });
    expect(quiet.stdout).toMatch(/ images\/s\n$/);
    const verbose = await handgrad([...AUTO, '--verbose'], environment(rest));
    expect(verbose).toMatchObject({ status: 0, stderr: '' });
    expect(verbose.stdout).toContain(` images/s\nwebgpu: ${expected()}`);
  });

  test('webgpu fails with one line that says so', async () => {
    const args = ['train', 'line', '--backend', 'webgpu'];
    const { status, stdout, stderr } = await handgrad(args, environment(rest));
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(`handgrad: webgpu: ${expected()}`);
    expect(stderr).toMatch(/^[^\n]*, or use the wasm backend\n$/);
  });

  test('the library rejects with that sentence, and prints nothing', async () => {
    const { stdout, stderr } = await inNode(PROGRAM, ROOT, environment(rest).env);
    expect(stderr).toBe('');
    expect(stdout.match(/^BackendError webgpu: expected a GPU adapter, got /gm)).toHaveLength(2);
    expect(stdout).toContain(expected());
  });
});

describe.runIf(hasVulkan && existsSync(SWIFTSHADER))('with a software GPU', () => {
  test.each([
    ['alone', [SWIFTSHADER]],
    ['and a driver file that is not JSON', ['broken.json', SWIFTSHADER]],
    ['and a driver whose library is gone', [SWIFTSHADER, 'gone.json', 'text.json']],
  ])('%s, webgpu runs and prints only notes', async (_, files) => {
    const where = environment({ variables: drivers(...files) });
    const args = ['train', 'line', '--epochs', '1', '--backend', 'webgpu', '--json'];
    const outcome = await handgrad(args, where);
    expect(outcome.stderr).toMatch(/^(note: SwiftShader [^\n]* computes on the CPU: [^\n]*\n)?$/);
    expect(jsonLines(outcome)[0]).toMatchObject({ backend: 'webgpu' });
    const auto = await handgrad(AUTO, where);
    expect(auto).toMatchObject({ status: 0, stderr: '' });
    expect(auto.stdout).toMatch(/ images\/s\n$/);
    const info = await handgrad(['info', '--json'], where);
    expect(info.stderr).toBe('');
    expect(jsonLines(info)[0]).toMatchObject({ webgpu: { found: true, isSoftware: true } });
  });
});

const LLVMPIPE = '/usr/share/vulkan/icd.d/lvp_icd.json';

/* Mesa's software driver is on most desktops with Linux, and Dawn warns about its limits. */
describe.runIf(hasVulkan && existsSync(LLVMPIPE))(
  'with a software GPU that Dawn warns about',
  () => {
    test('auto prints nothing', async () => {
      const outcome = await handgrad(
        [...AUTO, '--verbose'],
        environment({ variables: drivers(LLVMPIPE) }),
      );
      expect(outcome).toMatchObject({ status: 0, stderr: '' });
      expect(outcome.stdout).toMatch(
        /\nwebgpu: [^\n]*llvmpipe[^\n]* computes on the CPU: not considered/,
      );
    });

    test('info describes it, and prints nothing else', async () => {
      const where = environment({ variables: drivers(LLVMPIPE) });
      const { status, stdout, stderr } = await handgrad(['info'], where);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(/llvmpipe[^\n]* computes on the CPU/);
      expect(stdout).not.toMatch(/warning/i);
    });

    test.runIf(existsSync(SWIFTSHADER))('another GPU is used, and nothing printed', async () => {
      const variables = drivers(LLVMPIPE, SWIFTSHADER);
      const { status, stdout, stderr } = await handgrad(['info'], environment({ variables }));
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toContain('SwiftShader');
    });
  },
);

/* A fake package webgpu, whose native part misbehaves. */
describe.each([
  [
    'crashes',
    `process.kill(process.pid, 'SIGSEGV'); await new Promise(() => setInterval(() => {}, 1e6));`,
    'BackendError webgpu: expected a GPU adapter, got a GPU driver that crashed with SIGSEGV; reinstall the driver, or use the wasm backend',
  ],
  [
    'prints warnings and has no adapter',
    `writeSync(1, 'INFO: native'); writeSync(2, 'WARNING: native'); return null;`,
    'BackendError webgpu: expected a GPU adapter, got none; install a Vulkan, Metal or Direct3D 12 driver, or use the wasm backend',
  ],
  [
    'fails in JavaScript',
    `throw new Error('no binary for this system');`,
    'BackendError webgpu: expected a GPU adapter, got: no binary for this system',
  ],
])('a driver that %s', (title, body, message) => {
  test('is an error of createBackend alone', async () => {
    const path = folder.at(title.replaceAll(' ', '-'));
    await cp(new URL('../../../dist', import.meta.url), `${path}/dist`, { recursive: true });
    await mkdir(`${path}/node_modules/webgpu`, { recursive: true });
    await writeFile(
      `${path}/node_modules/webgpu/package.json`,
      '{"type":"module","exports":"./index.js"}',
    );
    await writeFile(
      `${path}/node_modules/webgpu/index.js`,
      `import { writeSync } from 'node:fs';
       export const globals = {};
       export const create = () => ({ async requestAdapter() { ${body} } });`,
    );
    const { stdout, stderr } = await inNode(
      PROGRAM.replace(", createBackend('webgpu', { adapter: 'any' })", ''),
      path,
    );
    expect(stderr).toBe('');
    expect(stdout).toBe(`${message}\n`);
  });
});
