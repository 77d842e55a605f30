/*
 * src/backends/wasm/sharing.ts states which kernels threads share. These tests first run the share of each
 * of three threads on one instance of the core, one after another, to see what each share computes. Then
 * three real threads must compute the same bits as one.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { PADDING } from '../../../src/backends/wasm/constants.js';
import {
  type CoreExports,
  createMemory,
  instantiate,
  tabulate,
} from '../../../src/backends/wasm/core.js';
import { fuse } from '../../../src/backends/wasm/fuse.js';
import {
  type KernelCall,
  type KernelName,
  kernelCallOf,
  touchedBy,
} from '../../../src/backends/wasm/kernel-call.js';
import { link, linkedSize } from '../../../src/backends/wasm/linker.js';
import { loadModule } from '../../../src/backends/wasm/module.js';
import { SHARING } from '../../../src/backends/wasm/sharing.js';
import { createWasmRuntime } from '../../../src/backends/wasm/wasm-runtime.js';
import { kernelCaseOf } from '../../../src/gradcheck/case.js';
import { ALIGNMENT, roundUp } from '../../../src/memory-plan.js';
import { CASES } from '../../../src/ops/registry.js';
import { RandomStream } from '../../../src/random/threefry.js';
import { Step } from '../../../src/step.js';
import type { Tensor, Values } from '../../../src/tensor.js';
import { CHAINS, stepOf } from '../chains.js';

const THREADS = 3;
const DRAWS = 4;
/** Bytes of a memory that holds the tensors of any case, beside the scratch memory of all threads. */
const MEMORY_BYTES = 64 * 2 ** 20;

interface Program {
  readonly title: string;
  readonly step: Step;
  readonly values: ReadonlyMap<Tensor, Values>;
}

/** The cases of gradcheck, and chains of calls that are fused. */
const PROGRAMS: readonly Program[] = [
  ...CASES.flatMap((cases) =>
    Array.from({ length: DRAWS }, (_, seed) => {
      const random = new RandomStream(seed, 0);
      const { gradients = [], kernels = [] } = cases.draw(random);
      return [...gradients, ...kernels].map((declaration) => {
        const { title, values, append } = kernelCaseOf(declaration, random);
        const step = new Step();
        append(step);
        return { title, step, values };
      });
    }).flat(),
  ),
  ...CHAINS.map((chain) => ({
    title: chain.kernels.join(', '),
    step: stepOf(chain, 'activation'),
    values: chain.inputs,
  })),
];

/** The bytes of a call's outputs after a run. */
type Outputs = readonly Uint8Array[];

/** One instance of the core, with the tensors of one program in its memory. */
class Laboratory {
  readonly #core: CoreExports;
  readonly #kernels: ReadonlyMap<string, number>;
  readonly #memory: WebAssembly.Memory;
  readonly #control: number;
  readonly #addresses = new Map<Tensor, number>();
  #list = 0;

  constructor(core: CoreExports, kernels: ReadonlyMap<string, number>, memory: WebAssembly.Memory) {
    this.#core = core;
    this.#kernels = kernels;
    this.#memory = memory;
    this.#control = roundUp(core.heapBase(), ALIGNMENT);
  }

  load(calls: readonly KernelCall[], values: ReadonlyMap<Tensor, Values>): void {
    this.#addresses.clear();
    let next = this.#control + roundUp(this.#core.workerPoolBytes(THREADS), ALIGNMENT);
    this.#list = next;
    next += Math.max(...calls.map((call) => roundUp(linkedSize([call]), ALIGNMENT)));
    for (const tensor of new Set(calls.flatMap(touchedBy))) {
      const room = roundUp(tensor.byteLength + PADDING, ALIGNMENT);
      this.#addresses.set(tensor, next);
      this.#bytes(next, room).fill(0);
      const { buffer, byteOffset, byteLength } = values.get(tensor) ?? new Uint8Array(0);
      this.#bytes(next, byteLength).set(new Uint8Array(buffer, byteOffset, byteLength));
      next += room;
    }
    expect(next, 'memory of this test').toBeLessThanOrEqual(this.#memory.buffer.byteLength);
  }

  /** Runs the shares of some of three threads, one after another, from the state before the call. */
  runShares(call: KernelCall, threads: readonly number[]): Outputs {
    return this.#run(call, true, threads, THREADS);
  }

  runAlone(call: KernelCall): Outputs {
    return this.#run(call, false, [0], 1);
  }

  outputsOf({ outputs }: KernelCall): Outputs {
    return outputs.map((tensor) => this.#bytesOf(tensor).slice());
  }

  restore({ outputs }: KernelCall, values: Outputs): void {
    outputs.forEach((tensor, i) => {
      this.#bytesOf(tensor).set(values[i]);
    });
  }

  #run(call: KernelCall, partitioned: boolean, threads: readonly number[], count: number): Outputs {
    const before = this.outputsOf(call);
    const addressOf = (tensor: Tensor) => this.#addresses.get(tensor) as number;
    const index = this.#kernels.get(call.kernel) as number;
    const partition = { partitioned, afterBarrier: false };
    link(this.#memory, this.#list, [call], [partition], () => index, addressOf);
    for (const thread of threads) {
      this.#core.joinWorkerPool(this.#control, thread, count, false, 0);
      // After a failure, no thread waits at the barriers within kernels.
      this.#core.fail();
      this.#core.runAlone(this.#list, 1, 1);
    }
    const after = this.outputsOf(call);
    this.restore(call, before);
    return after;
  }

  #bytesOf(tensor: Tensor): Uint8Array {
    return this.#bytes(this.#addresses.get(tensor) as number, tensor.byteLength);
  }

  #bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, address, length);
  }
}

const isSame = (a: Outputs, b: Outputs) => a.every((bytes, i) => Buffer.compare(bytes, b[i]) === 0);

/**
 * Runs every call of every program; counts, for each kernel, the calls that some thread leaves
 * incomplete, because it computes only its share.
 */
async function sharedCalls(): Promise<Map<KernelName, number>> {
  const memory = createMemory(THREADS);
  memory.grow(Math.ceil((MEMORY_BYTES - memory.buffer.byteLength) / 65_536));
  const module = await loadModule('simd-threads');
  const core = await instantiate(module, memory, () => true);
  const laboratory = new Laboratory(core, tabulate(module, core), memory);
  const found = new Map<KernelName, number>();
  const lists = PROGRAMS.flatMap(({ title, step, values }) => {
    const calls = step.calls.map(kernelCallOf);
    return [calls, fuse(calls)].map((list) => ({ title, calls: list, values }));
  });
  for (const { title, calls, values } of lists) {
    laboratory.load(calls, values);
    for (const call of calls) {
      const want = laboratory.runAlone(call);
      // Thread 0 combines the results of the others, so it runs last.
      const threads = [2, 1, 0];
      const shares = threads.map((thread) => laboratory.runShares(call, [thread]));
      const context = `${call.kernel} of ${title}`;
      if (SHARING[call.kernel].threads === 'all') {
        const all = laboratory.runShares(call, threads);
        expect(isSame(all, want), `${context}: all shares together`).toBe(true);
        const isIncomplete = shares.some((share) => !isSame(share, want));
        found.set(call.kernel, (found.get(call.kernel) ?? 0) + (isIncomplete ? 1 : 0));
      } else {
        for (const share of shares) {
          expect(isSame(share, want), `${context}: ignores the share`).toBe(true);
        }
        found.set(call.kernel, 0);
      }
      laboratory.restore(call, want);
    }
  }
  return found;
}

const KERNELS = Object.keys(SHARING) as readonly KernelName[];

describe('the shares of three threads', () => {
  let shared: Map<KernelName, number>;
  beforeAll(async () => {
    shared = await sharedCalls();
  });

  it.each(KERNELS)('of %s are as sharing.ts states', (kernel) => {
    expect(shared.has(kernel), 'has a case').toBe(true);
    if (SHARING[kernel].threads === 'all') {
      expect(shared.get(kernel), 'calls that one thread leaves incomplete').toBeGreaterThan(0);
    }
  });
});

/** The persistent tensors of every program after a run on `threads` threads. */
async function resultsOn(threads: number): Promise<[title: string, bytes: Buffer][]> {
  const runtime = await createWasmRuntime({ threads, worthPartitioning: 0 });
  const results: [string, Buffer][] = [];
  for (const { title, step, values } of PROGRAMS) {
    const calls = step.calls.map(kernelCallOf);
    const tensors = new Set(calls.flatMap(touchedBy).filter((t) => t.storage === 'persistent'));
    for (const [tensor, numbers] of values) runtime.write(tensor, numbers);
    const executable = await runtime.compile(step);
    await executable.run(1);
    for (const tensor of tensors) {
      const { buffer, byteOffset, byteLength } = await runtime.read(tensor);
      results.push([
        `${tensor.name} of ${title}`,
        Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength),
      ]);
    }
    executable.close();
    runtime.release(tensors);
  }
  await runtime.close();
  return results;
}

it('every kernel computes the same bits on three threads as on one', async () => {
  const [one, three] = await Promise.all([resultsOn(1), resultsOn(THREADS)]);
  for (const [i, [title, bytes]] of three.entries()) {
    expect(Buffer.compare(bytes, one[i][1]), title).toBe(0);
  }
});
