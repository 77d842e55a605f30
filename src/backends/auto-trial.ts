import { writtenBy as callWrites, type Step, touchedBy } from '../step.js';
import type { Tensor, Values } from '../tensor.js';
import type { Device, Executable } from './device.js';

/** A step compiled for a device. */
export interface Runner {
  readonly device: Device;
  readonly executable: Executable;
}

/** How often each device is timed, unless that takes too long. */
const ROUNDS = 3;
/** After so much time no further round begins. */
const ENOUGH_MILLISECONDS = 1000;

/** Values of some tensors at one moment. */
export type Saved = ReadonlyMap<Tensor, Values>;

/** The tensors that hold a step's state, data and results from one run to the next. */
export function tensorsOf({ calls }: Step): Set<Tensor> {
  return onlyPersistent(calls.flatMap(touchedBy));
}

/** Those among them that the step changes. */
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
 * Times the same steps on several devices in turn, A B A B …, so that a machine whose speed drifts
 * drifts for all of them alike. Each run begins with the saved values, and is over when the device
 * is done; they are left as they were.
 *
 * @param runners of which each has run before, so that its compilers have settled
 * @returns milliseconds of one of the `times` steps on each: the median of its runs
 */
export async function compare(
  runners: readonly Runner[],
  saved: Saved,
  times: number,
): Promise<number[]> {
  const samples: number[][] = runners.map(() => []);
  const began = performance.now();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, runner] of runners.entries()) {
      samples[i].push((await timeRun(runner, saved, times)) / times);
    }
    if (performance.now() - began > ENOUGH_MILLISECONDS) break;
  }
  for (const { device } of runners) restore(device, saved);
  return samples.map((all) => all.sort((a, b) => a - b)[all.length >> 1]);
}

/** Milliseconds of one run from the saved values. */
export async function timeRun(
  { device, executable }: Runner,
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
