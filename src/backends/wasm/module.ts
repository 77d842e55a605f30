import { relaxedSimd, simd } from 'wasm-feature-detect';
import { BackendError, reasonOf } from '../../errors.js';
import { nodeModule } from '../../platform/node.js';

/** The builds of the core, in order of preference. */
export const BUILDS = ['relaxed', 'simd'] as const;
export type WasmBuild = (typeof BUILDS)[number];

/** A build for one thread, or for several threads with a shared memory. */
export type WasmFile = WasmBuild | `${WasmBuild}-threads`;

/** The files of the builds, beside this code. The URLs are literals, so that bundlers find the assets. */
const LOCATIONS: Readonly<Record<WasmFile, URL>> = {
  simd: new URL('./simd.wasm', import.meta.url),
  'simd-threads': new URL('./simd-threads.wasm', import.meta.url),
  relaxed: new URL('./relaxed.wasm', import.meta.url),
  'relaxed-threads': new URL('./relaxed-threads.wasm', import.meta.url),
};

const isSupported: Readonly<Record<WasmBuild, () => Promise<boolean>>> = {
  simd,
  relaxed: relaxedSimd,
};

/** The builds that this engine can run, in order of preference. */
export async function supportedBuilds(): Promise<WasmBuild[]> {
  const supported: WasmBuild[] = [];
  for (const build of BUILDS) if (await isSupported[build]()) supported.push(build);
  return supported;
}

/**
 * The requested build, or the best one that this engine can run.
 *
 * @throws BackendError when the engine lacks what the build needs
 */
export async function chooseBuild(wanted: WasmBuild | undefined): Promise<WasmBuild> {
  if (wanted !== undefined && !BUILDS.includes(wanted)) {
    throw new BackendError(`wasm: expected a build of ${BUILDS.join(' or ')}, got ${wanted}`);
  }
  const supported = await supportedBuilds();
  const chosen = wanted ?? supported[0];
  if (chosen === undefined || !supported.includes(chosen)) {
    throw new BackendError(
      chosen === 'relaxed' && supported.includes('simd')
        ? 'wasm: expected an engine with WebAssembly relaxed SIMD (Node 21, Chrome 114), got one without; use the simd build'
        : 'wasm: expected an engine with WebAssembly SIMD (Node 16, Chrome 91, Firefox 89, Safari 16.4), got one without; use the reference backend',
    );
  }
  return chosen;
}

const compiled = new Map<WasmFile, Promise<WebAssembly.Module>>();

/** Makes the next `loadModule` compile again, after the engine's flags have changed. */
export function forgetModules(): void {
  compiled.clear();
}

/**
 * Loads and compiles a build, once per process.
 *
 * @param source the build's bytes, for programs that contain their own copy
 * @throws BackendError when the bytes cannot be read or compiled
 */
export function loadModule(build: WasmFile, source?: BufferSource): Promise<WebAssembly.Module> {
  if (source) return compile(build, 'in the given source', async () => source);
  const known = compiled.get(build);
  if (known) return known;
  const module = compile(build, `at ${LOCATIONS[build]}`, () => readBytes(LOCATIONS[build]));
  compiled.set(build, module);
  // A file that could not be read now may be readable next time.
  module.catch(() => compiled.delete(build));
  return module;
}

async function compile(
  build: WasmFile,
  where: string,
  read: () => Promise<BufferSource>,
): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(await read());
  } catch (cause) {
    throw new BackendError(`wasm: expected the ${build} build ${where}, got: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** Reads a file or a URL; Node's `fetch` does not support file URLs. */
async function readBytes(location: URL): Promise<BufferSource> {
  if (location.protocol === 'file:') {
    const { readFile } = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
    return readFile(location);
  }
  const response = await fetch(location);
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  return response.arrayBuffer();
}
