import { BackendError } from '../../errors.js';
import { reuseMemory } from './memory/memory-pool.js';

/** What assembly/index.ts exports, apart from the kernels. */
export interface CoreExports {
  readonly table: WebAssembly.Table;
  heapBase(): number;
  /** Bytes that a pool of `threads` threads needs. */
  workerPoolBytes(threads: number): number;
  setTileRows(rows: number): void;
  setPairsStrips(pairs: boolean): void;
  joinWorkerPool(
    control: number,
    number: number,
    threads: number,
    maySleep: boolean,
    spins: number,
  ): void;
  /** Returns 0 when a thread failed. */
  runStep(list: number, calls: number, times: number): number;
  runAlone(list: number, calls: number, times: number): number;
  /** Makes the other threads leave the pool: none waits for another any more. */
  fail(): void;
  multiplyAdds(turns: number, factor: number, addend: number): number;
  operationsPerTurn(): number;
  exponentials(turns: number, x: number): number;
  exponentialsPerTurn(): number;
}

/**
 * The memory of a closed backend, or a new one. A shared memory must state its maximum: the whole
 * range of 32-bit addresses.
 */
export function createMemory(threads: number): WebAssembly.Memory {
  const reused = reuseMemory(threads > 1);
  if (reused) return reused;
  try {
    if (threads === 1) return new WebAssembly.Memory({ initial: 2 });
    return new WebAssembly.Memory({ initial: 2, maximum: 65_536, shared: true });
  } catch (cause) {
    throw new BackendError(
      'wasm: expected up to 10 GiB of address space for a memory of 4 GiB, got a refusal from the engine; raise the limit (ulimit -v), close other backends, or use the reference backend',
      { cause },
    );
  }
}

/** @param poolIsAlive whether no worker has ended; the core asks while it waits for them */
export async function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  poolIsAlive: () => boolean,
): Promise<CoreExports> {
  const instance = await WebAssembly.instantiate(module, { env: { memory, poolIsAlive } });
  return instance.exports as unknown as CoreExports;
}

/**
 * Appends the functions of the core, the kernels among them, to its table; returns the index of each. Every
 * thread does so in the same order.
 */
export function tabulate(module: WebAssembly.Module, core: CoreExports): Map<string, number> {
  const functions = core as unknown as Readonly<Record<string, () => void>>;
  return new Map(
    WebAssembly.Module.exports(module)
      .filter(({ kind }) => kind === 'function')
      .map(({ name }) => [name, core.table.grow(1, functions[name])]),
  );
}
