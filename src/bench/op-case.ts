import type { Executable, Runtime } from '../backends/runtime.js';
import { additionsOf } from '../call.js';
import type { Timing } from '../interleave.js';
import type { Step } from '../step.js';
import type { Tensor, Values } from '../tensor.js';
import { type Candidate, identify } from './candidate.js';
import { fittingSample, medianOf, millisecondsOf, type Workload, workloadOf } from './harness.js';
import { type Peak, timeWithPeaks } from './peaks.js';
import type { Transfer } from './result.js';

/** A step of one or a few ops, with operands. Every candidate runs the same step. */
export interface OpCase {
  readonly step: Step;
  /** Written before the first run: operands, and numbers that the outputs must replace. */
  readonly values: ReadonlyMap<Tensor, Float32Array | Int32Array>;
  /** Read back after a run, in this order. */
  readonly outputs: readonly Tensor[];
  /** Compares the outputs with the reference. */
  isRight(outputs: readonly Values[]): boolean;
}

export interface OpOutcome extends ReturnType<typeof identify> {
  readonly ms: Timing;
  /** Kernels of one run by the device's timestamps, if it has them: a median. */
  readonly kernelMs?: number;
  /** The first run on a newly opened backend, including compilation. */
  readonly coldMs: number;
  readonly transfer: Transfer;
  readonly roofFraction?: number;
  readonly verified: boolean;
}

/** Most samples of figures that are not interleaved. */
const MOST_SAMPLES = 5;

/**
 * Verifies a case on every candidate, then times it: cold, warm and interleaved with its peaks, by
 * the device's timestamps, and the transfer of operands and results.
 */
export async function benchOp(
  candidates: readonly Candidate[],
  opCase: OpCase,
  peaksOf: (candidate: Candidate) => Promise<readonly Peak[]>,
  repeat: number,
): Promise<OpOutcome[]> {
  const cold: number[] = [];
  for (const candidate of candidates) cold.push(await coldMilliseconds(candidate, opCase));
  const opened: OpenCase[] = [];
  for (const { backend } of candidates) opened.push(await openCase(backend.runtime, opCase));
  const peaks = await Promise.all(candidates.map(peaksOf));
  const timed = await timeWithPeaks(opened, peaks, repeat);
  const samples = Math.min(repeat, MOST_SAMPLES);
  const outcomes: OpOutcome[] = [];
  for (const [i, candidate] of candidates.entries()) {
    const { executable, verified, release } = opened[i];
    const kernelMs = await kernelMilliseconds(executable, timed[i].ms.median, samples);
    const transfer = await measureTransfer(candidate.backend.runtime, opCase, samples);
    release();
    const kernels = kernelMs === undefined ? {} : { kernelMs };
    outcomes.push({
      ...identify(candidate),
      ...timed[i],
      ...kernels,
      coldMs: cold[i],
      transfer,
      verified,
    });
  }
  return outcomes;
}

/** A case that is compiled on a runtime and has run once. */
export interface OpenCase extends Workload {
  readonly executable: Executable;
  readonly verified: boolean;
  release(): void;
}

export async function openCase(runtime: Runtime, opCase: OpCase): Promise<OpenCase> {
  const executable = await firstRun(runtime, opCase);
  const verified = opCase.isRight(await readAll(runtime, opCase.outputs));
  return {
    executable,
    verified,
    ...workloadOf(executable, runtime),
    release() {
      executable.close();
      runtime.release(new Set([...opCase.values.keys(), ...opCase.outputs]));
    },
  };
}

async function firstRun(runtime: Runtime, { step, values }: OpCase): Promise<Executable> {
  const executable = await runtime.compile(step);
  for (const [tensor, numbers] of values) runtime.write(tensor, numbers);
  await executable.run(1);
  await runtime.finish();
  return executable;
}

async function coldMilliseconds({ open }: Candidate, opCase: OpCase): Promise<number> {
  const backend = await open();
  try {
    return await millisecondsOf(() => firstRun(backend.runtime, opCase));
  } finally {
    await backend.close();
  }
}

/** @param milliseconds of one run */
async function kernelMilliseconds(
  executable: Executable,
  milliseconds: number,
  samples: number,
): Promise<number | undefined> {
  const { kernelMilliseconds: measure } = executable;
  if (!measure) return undefined;
  const times = fittingSample(milliseconds);
  return medianOf(samples, async () => (await measure.call(executable, times)) / times);
}

async function measureTransfer(
  runtime: Runtime,
  { values, outputs }: OpCase,
  samples: number,
): Promise<Transfer> {
  const operands = [...values].filter(([tensor]) => !outputs.includes(tensor));
  const upload = async () => {
    for (const [tensor, numbers] of operands) runtime.write(tensor, numbers);
    await runtime.finish();
  };
  return {
    uploadBytes: bytesOf(operands.map(([tensor]) => tensor)),
    uploadMs: await medianOf(samples, () => millisecondsOf(upload)),
    readbackBytes: bytesOf(outputs),
    readbackMs: await medianOf(samples, () => millisecondsOf(() => readAll(runtime, outputs))),
  };
}

function bytesOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

async function readAll(runtime: Runtime, tensors: readonly Tensor[]): Promise<Values[]> {
  const values: Values[] = [];
  for (const tensor of tensors) values.push(await runtime.read(tensor));
  return values;
}

/** Floating-point operations of a step whose calls are GEMMs: two per multiply-add. */
export function operationsOf({ calls }: Step): number {
  return 2 * calls.reduce((sum, call) => sum + additionsOf(call), 0);
}
