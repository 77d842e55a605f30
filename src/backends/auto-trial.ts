/** Times a training step on several runtimes, from the same state. */

import { writtenBy as callWrites, touchedBy } from '../call.js';
import { interleave, summarise } from '../interleave.js';
import type { Step } from '../step.js';
import type { Tensor, Values } from '../tensor.js';
import type { Executable, Runtime } from './runtime.js';

/** A step compiled for a runtime. */
export interface RuntimeStep {
  readonly runtime: Runtime;
  readonly executable: Executable;
}

/** Runs of each runtime, unless the budget runs out. */
const ROUNDS = 3;
/** No round starts after this time. */
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

export async function save(runtime: Runtime, tensors: Iterable<Tensor>): Promise<Saved> {
  const saved = new Map<Tensor, Values>();
  for (const tensor of tensors) saved.set(tensor, await runtime.read(tensor));
  return saved;
}

export function restore(runtime: Runtime, saved: Saved): void {
  for (const [tensor, values] of saved) runtime.write(tensor, values);
}

/**
 * Times the same steps on several runtimes, interleaved. Each run starts from the saved values and
 * ends when the runtime has finished; afterwards each runtime holds the saved values again.
 *
 * @param candidates each has run before, so that compilation is not timed
 * @param times steps per run
 * @returns milliseconds per step of each candidate: the median of its runs
 */
export async function compare(
  candidates: readonly RuntimeStep[],
  saved: Saved,
  times: number,
): Promise<number[]> {
  const samples = await interleave(
    candidates.map((candidate) => () => timeRun(candidate, saved, times)),
    { rounds: ROUNDS, budget: BUDGET_MILLISECONDS },
  );
  for (const { runtime } of candidates) restore(runtime, saved);
  return samples.map((runs) => summarise(runs).median / times);
}

/** Milliseconds of one run of `times` steps from the saved values. */
export async function timeRun(
  { runtime, executable }: RuntimeStep,
  saved: Saved,
  times: number,
): Promise<number> {
  restore(runtime, saved);
  await runtime.finish();
  const began = performance.now();
  await executable.run(times);
  await runtime.finish();
  return performance.now() - began;
}
