import { relaxedSimd, simd } from 'wasm-feature-detect';
import { BackendError, reasonOf } from '../../errors.js';
import { inflate } from '../../platform/inflate.js';

/** The builds of the core, in order of preference. */
export const BUILDS = ['relaxed', 'simd'] as const;
export type WasmBuild = (typeof BUILDS)[number];

/** A build for one thread, or for several threads with a shared memory. */
export type WasmFile = WasmBuild | `${WasmBuild}-threads`;

/**
 * The builds as modules: programs that bundle the library contain them, whatever they do with files.
 * The names are literals, so that bundlers find them.
 */
const MODULES: Readonly<Record<WasmFile, () => Promise<{ readonly default: string }>>> = {
  simd: () => import('virtual:wasm/simd'),
  'simd-threads': () => import('virtual:wasm/simd-threads'),
  relaxed: () => import('virtual:wasm/relaxed'),
  'relaxed-threads': () => import('virtual:wasm/relaxed-threads'),
};

/** Loads a build: its bytes, compressed (zlib), in base64. */
export async function loadBuild(build: WasmFile): Promise<string> {
  return (await MODULES[build]()).default;
}

let load = loadBuild;

/** Has builds loaded by another function, in a thread that contains none. */
export function loadBuildsBy(other: typeof loadBuild): void {
  load = other;
}

const isSupported: Readonly<Record<WasmBuild, () => Promise<boolean>>> = {
  simd,
  relaxed: relaxedSimd,
};

/** The shortest module: magic number and version. */
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/** Why this program cannot run WebAssembly, to follow "got"; undefined if it can. */
function whyNoWebAssembly(): string | undefined {
  if (typeof WebAssembly === 'undefined') {
    return 'an engine without it, as in Lockdown Mode or with --jitless; use another engine';
  }
  try {
    new WebAssembly.Module(EMPTY_MODULE);
    return undefined;
  } catch {
    return "a Content-Security-Policy that forbids it; add 'wasm-unsafe-eval' to script-src";
  }
}

/** The builds that this engine can run, in order of preference. */
export async function supportedBuilds(): Promise<WasmBuild[]> {
  const supported: WasmBuild[] = [];
  if (whyNoWebAssembly() !== undefined) return supported;
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
  const missing = whyNoWebAssembly();
  if (missing !== undefined) {
    throw new BackendError(
      `wasm: expected WebAssembly, got ${missing}, or use the reference backend`,
    );
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
 * @throws BackendError when it cannot be loaded or compiled
 */
export function loadModule(build: WasmFile): Promise<WebAssembly.Module> {
  const known = compiled.get(build);
  if (known) return known;
  const module = compile(build);
  compiled.set(build, module);
  // Forget a failure, so that the next call tries again.
  module.catch(() => compiled.delete(build));
  return module;
}

async function compile(build: WasmFile): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(await inflate(await load(build)));
  } catch (cause) {
    throw new BackendError(`wasm: expected to load the ${build} build, got: ${reasonOf(cause)}`, {
      cause,
    });
  }
}
