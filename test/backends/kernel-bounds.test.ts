/*
 * Kernels work on whole vectors, so they may read and write up to PADDING bytes after a tensor. These
 * tests place each tensor of each kernel at the end of the memory, where an access beyond it traps. All
 * other memory holds NaN, so a result that depends on it is NaN.
 */
import { describe, expect, it } from 'vitest';
import { PADDING } from '../../src/backends/wasm/constants.js';
import { fuse } from '../../src/backends/wasm/fuse.js';
import {
  type KernelCall,
  type KernelName,
  kernelCallOf,
  touchedBy,
} from '../../src/backends/wasm/kernel-call.js';
import { link, linkedSize } from '../../src/backends/wasm/linker.js';
import { BUILDS, loadModule, supportedBuilds } from '../../src/backends/wasm/module.js';
import type { Call } from '../../src/call.js';
import { type KernelCase, kernelCaseOf } from '../../src/gradcheck/case.js';
import { kernelsIn } from '../../src/gradcheck/index.js';
import { ALIGNMENT, roundUp } from '../../src/memory-plan.js';
import type { OpCases } from '../../src/ops/cases.js';
import { CASES, OPS, type OpName } from '../../src/ops/registry.js';
import { RandomStream } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
import type { Tensor, Values } from '../../src/tensor.js';
import { CHAINS, stepOf } from './chains.js';

const SUPPORTED = await supportedBuilds();
const PAGES = 80;
/** Read as a float32, four of these bytes are NaN. */
const FILL = 0xff;
const DRAWS = 4;
/** Most bytes of the tensors of a call; the rest of the memory is for scratch memory. */
const LARGEST = 1 << 20;
const ARRAYS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };

type Core = Readonly<Record<KernelName, (args: number) => void>> & {
  heapBase(): number;
  workerPoolBytes(count: number): number;
  joinWorkerPool(
    control: number,
    number: number,
    count: number,
    sleeps: boolean,
    spins: number,
  ): void;
};

async function instantiate(build: (typeof BUILDS)[number]) {
  const memory = new WebAssembly.Memory({ initial: PAGES });
  const module = await loadModule(build);
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  return { memory, core: exports as unknown as Core };
}

/** The calls of a case in order, each with the values of its tensors before it. */
function operandsOf(kernelCase: KernelCase): [Call, ReadonlyMap<Tensor, Values>][] {
  const step = new Step();
  kernelCase.append(step);
  const values = new Map<Tensor, Values>();
  const valuesOf = (tensor: Tensor) => {
    const known = values.get(tensor) ?? kernelCase.values.get(tensor)?.slice();
    const found = known ?? new ARRAYS[tensor.dtype](tensor.size);
    values.set(tensor, found);
    return found;
  };
  return step.calls.map((call) => {
    const roles = Object.entries(call.tensors);
    const before = new Map(roles.map(([, tensor]) => [tensor, valuesOf(tensor).slice()]));
    const byRole = Object.fromEntries(roles.map(([role, tensor]) => [role, valuesOf(tensor)]));
    call.definition.reference(byRole, call.sizes, call.attributes);
    return [call, before] as const;
  });
}

/** Runs a call with `last` at the end of the memory; returns its tensors' bytes. */
function runCall(
  { memory, core }: Awaited<ReturnType<typeof instantiate>>,
  kernelCall: KernelCall,
  before: ReadonlyMap<Tensor, Values>,
  last: Tensor,
): Map<Tensor, Uint8Array> {
  const bytes = new Uint8Array(memory.buffer);
  const pool = roundUp(core.heapBase(), ALIGNMENT);
  const list = pool + roundUp(core.workerPoolBytes(1), ALIGNMENT);
  core.joinWorkerPool(pool, 0, 1, true, 0);
  bytes.fill(FILL, pool);
  let next = list + roundUp(linkedSize([kernelCall]), ALIGNMENT) + ALIGNMENT;
  const addresses = new Map<Tensor, number>();
  for (const [tensor, values] of before) {
    const room = roundUp(tensor.byteLength + PADDING, ALIGNMENT);
    const address = tensor === last ? bytes.length - room : next;
    addresses.set(tensor, address);
    // The gap between two tensors is larger than the padding that kernels may access.
    if (tensor !== last) next += room + ALIGNMENT;
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), address);
  }
  expect(next, 'bytes that this test needs').toBeLessThan(bytes.length - last.byteLength - PADDING);
  link(
    memory,
    list,
    [kernelCall],
    [{ partitioned: false, afterBarrier: false }],
    () => 0,
    (tensor) => addresses.get(tensor) as number,
  );
  const args = new DataView(memory.buffer).getUint32(list + 4, true);
  core[kernelCall.kernel](args);

  const results = new Map<Tensor, Uint8Array>();
  for (const [tensor, address] of addresses) {
    const room = roundUp(tensor.byteLength + PADDING, ALIGNMENT);
    const guards = [bytes.subarray(address - ALIGNMENT, address)];
    if (tensor !== last) guards.push(bytes.subarray(address + room, address + room + ALIGNMENT));
    if (guards.some((guard) => guard.some((byte) => byte !== FILL))) {
      expect.fail(`${kernelCall.kernel} wrote beside ${tensor.name} (${tensor.shape})`);
    }
    results.set(tensor, bytes.slice(address, address + tensor.byteLength));
  }
  return results;
}

/** Runs a call with each of its tensors at the end in turn. The results must be the same bits. */
function runAtEveryEnd(
  environment: Awaited<ReturnType<typeof instantiate>>,
  call: KernelCall,
  before: ReadonlyMap<Tensor, Values>,
  title: string,
): Map<Tensor, Uint8Array> {
  const [first, ...others] = before.keys();
  const want = runCall(environment, call, before, first);
  for (const last of others) {
    for (const [tensor, bytes] of runCall(environment, call, before, last)) {
      const same = bytes.every((byte, i) => byte === want.get(tensor)?.[i]);
      const placing = `${title}, ${call.kernel} with ${last.name} at the end`;
      expect(same, `${placing}: the same bits in ${tensor.name}`).toBe(true);
    }
  }
  return want;
}

/** Chains that are fused into one kernel and fit into the memory, with the values of their tensors. */
function fusedCalls(): [KernelCall, ReadonlyMap<Tensor, Values>][] {
  return CHAINS.flatMap((chain) => {
    const calls = fuse(stepOf(chain, 'activation').calls.map(kernelCallOf));
    const bytes = calls.flatMap(touchedBy).reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (calls.length > 1 || bytes > LARGEST) return [];
    const before = touchedBy(calls[0]).map(
      (tensor) =>
        [tensor, chain.inputs.get(tensor) ?? new ARRAYS[tensor.dtype](tensor.size)] as const,
    );
    return [[calls[0], new Map(before)]];
  });
}

function drawn(cases: OpCases): KernelCase[] {
  return Array.from({ length: DRAWS }, (_, seed) => {
    const random = new RandomStream(seed, 0);
    const { gradients = [], kernels = [] } = cases.draw(random);
    return [...gradients, ...kernels].map((each) => kernelCaseOf(each, random));
  }).flat();
}

describe.each(BUILDS)('kernels of the %s build', (build) => {
  const isMissing = !SUPPORTED.includes(build);

  it.skipIf(isMissing)(
    isMissing ? 'cannot run on this engine' : 'exist for every op, and have cases',
    async () => {
      const { core } = await instantiate(build);
      const covered = CASES.flatMap(kernelsIn);
      for (const op of Object.keys(OPS) as OpName[]) {
        expect(typeof core[op], op).toBe('function');
        expect(covered, 'ops with cases').toContain(op);
      }
    },
  );

  it.skipIf(isMissing).each(CASES)(
    '$name: stay within their tensors and the padding, and read no result from it',
    async (cases) => {
      const environment = await instantiate(build);
      for (const kernelCase of drawn(cases)) {
        for (const [call, before] of operandsOf(kernelCase)) {
          const want = runAtEveryEnd(environment, kernelCallOf(call), before, kernelCase.title);
          for (const role of call.definition.outputs) {
            const tensor = call.tensors[role];
            if (tensor.dtype !== 'float32') continue;
            const bytes = want.get(tensor) as Uint8Array;
            const at = new Float32Array(bytes.buffer).findIndex(Number.isNaN);
            expect(at, `${kernelCase.title}, ${call.op}: where ${role} is NaN`).toBe(-1);
          }
        }
      }
    },
  );

  it.skipIf(isMissing)('that are fused stay within their tensors too', async () => {
    const environment = await instantiate(build);
    const calls = fusedCalls();
    expect(new Set(calls.map(([{ kernel }]) => kernel)).size).toBeGreaterThanOrEqual(6);
    for (const [call, before] of calls) {
      const results = runAtEveryEnd(environment, call, before, 'a chain');
      for (const tensor of call.outputs.filter(({ dtype }) => dtype === 'float32')) {
        const values = new Float32Array((results.get(tensor) as Uint8Array).buffer);
        expect(values.findIndex(Number.isNaN), `${call.kernel}: where ${tensor.name} is NaN`).toBe(
          -1,
        );
      }
    }
  });
});
