import type { Device, Executable } from '../src/backends/device.js';
import type { Step } from '../src/step.js';
import type { Tensor, Values } from '../src/tensor.js';
import type { Contender } from './contender.js';
import {
  type Contestant,
  contestantOf,
  fittingSample,
  medianOf,
  millisecondsOf,
  type Timing,
} from './harness.js';
import { type Roof, raceUnderRoofs } from './roofs.js';

/** A step of one op or a few, with its operands. Every backend computes the same one. */
export interface OpCase {
  readonly step: Step;
  /** What is written before the first run: operands, and numbers that outputs have to replace. */
  readonly values: ReadonlyMap<Tensor, Float32Array | Int32Array>;
  /** What is read back, in this order. */
  readonly outputs: readonly Tensor[];
  /** Compares the outputs with the reference. */
  isRight(outputs: readonly Values[]): boolean;
}

/** Operands on their way to the device, and results on their way back. */
export interface Transfer {
  readonly uploadBytes: number;
  readonly uploadMs: number;
  readonly readbackBytes: number;
  readonly readbackMs: number;
}

export interface OpOutcome {
  readonly ms: Timing;
  /** Time of the kernels alone, by the device's own clock where it has one; a median. */
  readonly kernelMs?: number;
  /** The first run on a backend just opened, with all that is compiled for it. */
  readonly coldMs: number;
  readonly transfer: Transfer;
  readonly roofFraction?: number;
  readonly verified: boolean;
}

/** Enough for a median of what is not raced. */
const MOST_SAMPLES = 5;

/**
 * Verifies a case on every contender, then times it: cold, warm beside its roofs, by the device's
 * own clock, and without computing anything, to and fro.
 */
export async function benchOp(
  contenders: readonly Contender[],
  opCase: OpCase,
  roofsOf: (contender: Contender) => Promise<readonly Roof[]>,
  repeat: number,
): Promise<OpOutcome[]> {
  const cold: number[] = [];
  for (const contender of contenders) cold.push(await coldMilliseconds(contender, opCase));
  const opened: OpenCase[] = [];
  for (const { backend } of contenders) opened.push(await openCase(backend.device, opCase));
  const roofs = await Promise.all(contenders.map(roofsOf));
  const raced = await raceUnderRoofs(opened, roofs, repeat);
  const samples = Math.min(repeat, MOST_SAMPLES);
  const outcomes: OpOutcome[] = [];
  for (const [i, { backend }] of contenders.entries()) {
    const { executable, verified, release } = opened[i];
    const kernelMs = await kernelMilliseconds(executable, raced[i].ms.median, samples);
    const transfer = await measureTransfer(backend.device, opCase, samples);
    release();
    const kernels = kernelMs === undefined ? {} : { kernelMs };
    outcomes.push({ ...raced[i], ...kernels, coldMs: cold[i], transfer, verified });
  }
  return outcomes;
}

/** A case that is compiled on a device, and has run once. */
export interface OpenCase extends Contestant {
  readonly executable: Executable;
  readonly verified: boolean;
  release(): void;
}

export async function openCase(device: Device, opCase: OpCase): Promise<OpenCase> {
  const executable = await firstRun(device, opCase);
  const verified = opCase.isRight(await readAll(device, opCase.outputs));
  return {
    executable,
    verified,
    ...contestantOf(executable, device),
    release() {
      executable.close();
      device.release(new Set([...opCase.values.keys(), ...opCase.outputs]));
    },
  };
}

async function firstRun(device: Device, { step, values }: OpCase): Promise<Executable> {
  const executable = await device.compile(step);
  for (const [tensor, numbers] of values) device.write(tensor, numbers);
  await executable.run(1);
  await device.finish();
  return executable;
}

async function coldMilliseconds({ open }: Contender, opCase: OpCase): Promise<number> {
  const backend = await open();
  try {
    return await millisecondsOf(() => firstRun(backend.device, opCase));
  } finally {
    await backend.close();
  }
}

/** @param milliseconds that one run takes */
async function kernelMilliseconds(
  executable: Executable,
  milliseconds: number,
  samples: number,
): Promise<number | undefined> {
  const { kernelMilliseconds: timed } = executable;
  if (!timed) return undefined;
  const times = fittingSample(milliseconds);
  return medianOf(samples, async () => (await timed.call(executable, times)) / times);
}

async function measureTransfer(
  device: Device,
  { values, outputs }: OpCase,
  samples: number,
): Promise<Transfer> {
  const operands = [...values].filter(([tensor]) => !outputs.includes(tensor));
  const upload = async () => {
    for (const [tensor, numbers] of operands) device.write(tensor, numbers);
    await device.finish();
  };
  return {
    uploadBytes: bytesOf(operands.map(([tensor]) => tensor)),
    uploadMs: await medianOf(samples, () => millisecondsOf(upload)),
    readbackBytes: bytesOf(outputs),
    readbackMs: await medianOf(samples, () => millisecondsOf(() => readAll(device, outputs))),
  };
}

function bytesOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

async function readAll(device: Device, tensors: readonly Tensor[]): Promise<Values[]> {
  const values: Values[] = [];
  for (const tensor of tensors) values.push(await device.read(tensor));
  return values;
}
