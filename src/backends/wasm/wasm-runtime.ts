import { BackendError, reasonOf } from '../../errors.js';
import { type MemoryPlan, planMemory } from '../../memory-plan.js';
import type { Step } from '../../step.js';
import type { Tensor, Values } from '../../tensor.js';
import type { BackendInfo, Executable, Peaks, Runtime } from '../runtime.js';
import { PADDING } from './constants.js';
import { type CoreExports, createMemory, instantiate, tabulate } from './core.js';
import { fuse } from './fuse.js';
import { type KernelCall, kernelCallOf, touchedBy } from './kernel-call.js';
import { link, linkedSize } from './linker.js';
import { ACTIVATIONS, Heap, purposeOf } from './memory/heap.js';
import { poolMemory } from './memory/memory-pool.js';
import { chooseBuild, loadModule, type WasmBuild } from './module.js';
import { type Partitioning, partitioningOf } from './partitioning.js';
import { turnOnRevectorization } from './revectorize.js';
import { chooseThreads, maySleep, spinsBeforeSleep } from './thread-count.js';
import { tileRows } from './tile-rows.js';
import type { WasmOptions } from './wasm-options.js';
import { WorkerPool } from './worker-pool.js';

interface LinkedStep {
  /** Whether any call is partitioned among threads. */
  needsPool: boolean;
  readonly calls: readonly KernelCall[];
  readonly plan: MemoryPlan;
  readonly address: number;
}

/**
 * Loads the WebAssembly core and starts its threads. Where these do not start, it runs on one thread, unless
 * the caller asked for threads.
 *
 * @throws BackendError when the engine lacks what the core, or the requested number of threads, needs
 */
export async function createWasmRuntime(options: WasmOptions): Promise<Runtime> {
  const build = await chooseBuild(options.build);
  const { threads, note } = await chooseThreads(options.threads);
  const revectorization = options.revectorize ? await turnOnRevectorization() : { on: false };
  const notes = [revectorization.note].filter((text) => text !== undefined);
  if (build === 'simd' && options.build === undefined) {
    notes.push(
      'The engine has no relaxed SIMD: products and sums round separately and run slower.',
    );
  }
  const open = (count: number, remark: string | undefined) => {
    const all = remark === undefined ? notes : [remark, ...notes];
    const info = { build, threads: count, revectorize: revectorization.on, notes: all };
    return openRuntime({ backend: 'wasm', ...info }, options);
  };
  try {
    return await open(threads, note);
  } catch (error) {
    if (threads === 1 || options.threads !== undefined) throw error;
    return open(1, `One thread instead of ${threads}: ${reasonOf(error)}.`);
  }
}

async function openRuntime(
  info: BackendInfo & { readonly build: WasmBuild },
  options: WasmOptions,
): Promise<Runtime> {
  const { build, threads } = info;
  const module = await loadModule(threads > 1 ? `${build}-threads` : build);
  const memory = createMemory(threads);
  let pool: WorkerPool | undefined;
  const core = await instantiate(module, memory, () => pool?.isAlive ?? true);
  const kernels = tabulate(module, core);
  const heap = new Heap(memory, core.heapBase());
  const control = heap.allocate(core.workerPoolBytes(threads));
  // Pairs of strips need tiles of six rows. Engines that spill the accumulators of six rows also spill
  // those of pairs.
  const pairsStrips = options.pairsStrips ?? (info.revectorize === true && tileRows() === 6);
  const rows = pairsStrips ? 6 : (options.tileRows ?? tileRows());
  core.setTileRows(rows);
  core.setPairsStrips(pairsStrips);
  const spins = await spinsBeforeSleep(threads);
  core.joinWorkerPool(control, 0, threads, maySleep(), spins);
  // Loaded before the threads start: nothing would end them after a failure.
  const partition = await partitioningOf(threads, options.worthPartitioning);
  const setup = { module, memory, control, tileRows: rows, pairsStrips, spins };
  pool = await WorkerPool.start(threads, setup, core.fail);
  return new WasmRuntime(info, core, kernels, memory, heap, control, pool, partition);
}

class WasmRuntime implements Runtime {
  readonly info: BackendInfo;
  readonly #core: CoreExports;
  readonly #memory: WebAssembly.Memory;
  readonly #heap: Heap;
  /** Address of the pool's control block. */
  readonly #control: number;
  readonly #pool: WorkerPool;
  readonly #partition: Partitioning;
  readonly #kernels: ReadonlyMap<string, number>;
  readonly #addresses = new Map<Tensor, number>();
  /** One arena for the activations of all steps, since only one step runs at a time. */
  readonly #arena = { address: 0, size: 0 };
  readonly #linked = new Set<LinkedStep>();
  #closed = false;

  constructor(
    info: BackendInfo,
    core: CoreExports,
    kernels: ReadonlyMap<string, number>,
    memory: WebAssembly.Memory,
    heap: Heap,
    control: number,
    pool: WorkerPool,
    partition: Partitioning,
  ) {
    this.info = info;
    this.#core = core;
    this.#memory = memory;
    this.#heap = heap;
    this.#control = control;
    this.#pool = pool;
    this.#partition = partition;
    this.#kernels = kernels;
  }

  get peaks(): Peaks {
    const core = this.#core;
    return {
      multiplyAdds(turns) {
        // With these factors the accumulators never become subnormal, with or without fused multiply-add.
        core.multiplyAdds(turns, 0.999, 0.001);
        return turns * core.operationsPerTurn();
      },
      exponentials(turns) {
        core.exponentials(turns, -1);
        return turns * core.exponentialsPerTurn();
      },
    };
  }

  async compile(step: Step): Promise<Executable> {
    this.#expectOpen();
    const calls = fuse(step.calls.map(kernelCallOf));
    const plan = planMemory(calls.map(touchedBy), PADDING);
    const linked = { calls, plan, address: this.#allocateFor(calls, plan), needsPool: false };
    this.#linked.add(linked);
    this.#link(linked);
    return {
      run: async (times) => {
        this.#expectOpen();
        await this.#run(linked, times);
      },
      runAlone: async (times) => {
        this.#expectOpen();
        if (this.#pool.failure === undefined) await this.#run(linked, times);
        else await this.#runWithoutPool(linked, times);
      },
      close: () => {
        if (this.#linked.delete(linked)) this.#heap.release(linked.address);
      },
    };
  }

  /** @throws BackendError when a thread failed, now or in an earlier run: the results are unusable */
  async #run({ address, calls, needsPool }: LinkedStep, times: number): Promise<void> {
    const run = needsPool ? this.#core.runStep : this.#core.runAlone;
    let finished = false;
    let trap: string | undefined;
    if (this.#pool.failure === undefined) {
      try {
        finished = run(address, calls.length, times) !== 0;
      } catch (error) {
        trap = reasonOf(error);
      }
    }
    if (finished) return;
    const reason = await this.#pool.closeAfterFailure(trap);
    throw new BackendError(`wasm: expected all threads to finish, got a failure of one: ${reason}`);
  }

  /** Runs a step on this thread alone, after the pool has failed. The bits are the same. */
  async #runWithoutPool({ address, calls }: LinkedStep, times: number): Promise<void> {
    await this.#pool.close();
    this.#core.joinWorkerPool(this.#control, 0, 1, false, 0);
    this.#core.runAlone(address, calls.length, times);
  }

  write(tensor: Tensor, values: ArrayLike<number>): void {
    this.#expectOpen();
    this.#viewOf(tensor).set(values);
  }

  async read(tensor: Tensor): Promise<Values> {
    this.#expectOpen();
    return this.#viewOf(tensor).slice();
  }

  release(tensors: Iterable<Tensor>): void {
    for (const tensor of tensors) {
      const address = this.#addresses.get(tensor);
      if (address === undefined) continue;
      this.#heap.release(address);
      this.#addresses.delete(tensor);
    }
  }

  async finish(): Promise<void> {
    this.#expectOpen();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#addresses.clear();
    this.#linked.clear();
    const isUnused = await this.#pool.close();
    if (isUnused) poolMemory(this.#memory, this.info.threads > 1, this.#core.heapBase());
  }

  /** Allocates everything that a step needs, or nothing; returns the address of the linked step. */
  #allocateFor(calls: readonly KernelCall[], plan: MemoryPlan): number {
    const added = calls
      .flatMap(touchedBy)
      .filter((tensor) => tensor.storage === 'persistent' && !this.#addresses.has(tensor));
    try {
      for (const tensor of added) this.#addressOf(tensor);
      this.#growArena(plan.size);
      return this.#heap.allocate(linkedSize(calls));
    } catch (error) {
      this.release(added);
      throw error;
    }
  }

  #addressOf(tensor: Tensor): number {
    let address = this.#addresses.get(tensor);
    if (address === undefined) {
      address = this.#heap.allocate(tensor.byteLength + PADDING, purposeOf(tensor));
      this.#addresses.set(tensor, address);
    }
    return address;
  }

  /** Linked steps contain absolute addresses, so all steps are linked again when the arena moves. */
  #growArena(size: number): void {
    if (size <= this.#arena.size) return;
    const address = this.#heap.allocate(size, ACTIVATIONS);
    this.#heap.release(this.#arena.address);
    this.#arena.address = address;
    this.#arena.size = size;
    for (const linked of this.#linked) this.#link(linked);
  }

  #link(linked: LinkedStep): void {
    const { calls, plan, address } = linked;
    const kernelIndex = (kernel: string) => {
      const index = this.#kernels.get(kernel);
      if (index === undefined)
        throw new BackendError(`wasm: expected a kernel ${kernel}, got none`);
      return index;
    };
    const addressOf = (tensor: Tensor) => {
      const offset = plan.offsets.get(tensor);
      return offset === undefined ? this.#addressOf(tensor) : this.#arena.address + offset;
    };
    const partitions = this.#partition(calls, addressOf);
    linked.needsPool = partitions.some(({ partitioned }) => partitioned);
    link(this.#memory, address, calls, partitions, kernelIndex, addressOf);
  }

  #viewOf(tensor: Tensor): Values {
    const address = this.#addressOf(tensor);
    const { buffer } = this.#memory;
    switch (tensor.dtype) {
      case 'float32':
        return new Float32Array(buffer, address, tensor.size);
      case 'int32':
        return new Int32Array(buffer, address, tensor.size);
      case 'uint8':
        return new Uint8Array(buffer, address, tensor.size);
      default:
        return tensor.dtype satisfies never;
    }
  }

  #expectOpen(): void {
    if (this.#closed) throw new BackendError('wasm: the backend is closed');
  }
}
