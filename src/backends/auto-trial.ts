/** Times a training step on several devices, from the same state. */

import { writtenBy as callWrites, touchedBy } from '../call.js';
import { interleave, summarise } from '../interleave.js';
import type { Step } from '../step.js';
import type { Tensor, Values } from '../tensor.js';
import type { Device, Executable } from './device.js';

/** A step compiled for a device. */
export interface DeviceStep {
  readonly device: Device;
  readonly executable: Executable;
}

/** How often each device is timed, unless the budget runs out. */
const ROUNDS = 3;
/** No further round starts after this time. */
const BUDGET_MILLISECONDS = 1000;

/** Saved values of tensors. */
export type Saved = ReadonlyMap<Tensor, Values>;

/** The tensors that hold a step's state, data and results from one run to the next. */
export function tensorsOf({ calls }: Step): Set<Tensor> {
  return onlyPersistent(calls.flatMap(touchedBy));
}

/** The tensors among them that the step changes. */
export function writtenBy({ calls }: Step): Set<Tensor> {
  return onlyPersistent(calls.flatMap(callWrites));
}

function onlyPersistent(tensors: readonly Tensor[]): Set<Tensor> {
  return new Set(tensors.filter(({ storage }) => storage === 'persistent'));
}

export async function save(device: Device, tensors: Iterable<Tensor>): Promise<Saved> {
  const saved = new Map<Tensor, Values>();
  for (const tensor of tensors) saved.set(tensor, await device.read(tensor));
  return saved;
}

export function restore(device: Device, saved: Saved): void {
  for (const [tensor, values] of saved) device.write(tensor, values);
}

/**
 * Times the same steps on several devices, interleaved. Each run starts from the saved values and
 * ends when the device has finished; afterwards each device holds the saved values again.
 *
 * @param candidates each has run before, so that compilation is not timed
 * @param times steps per run
 * @returns milliseconds per step of each candidate: the median of its runs
 */
export async function compare(
  candidates: readonly DeviceStep[],
  saved: Saved,
  times: number,
): Promise<number[]> {
  const samples = await interleave(
    candidates.map((candidate) => () => timeRun(candidate, saved, times)),
    { rounds: ROUNDS, budget: BUDGET_MILLISECONDS },
  );
  for (const { device } of candidates) restore(device, saved);
  return samples.map((runs) => summarise(runs).median / times);
}

/** Milliseconds of one run of `times` steps from the saved values. */
export async function timeRun(
  { device, executable }: DeviceStep,
  saved: Saved,
  times: number,
): Promise<number> {
  restore(device, saved);
  await device.finish();
  const began = performance.now();
  await executable.run(times);
  await device.finish();
  return performance.now() - began;
}
