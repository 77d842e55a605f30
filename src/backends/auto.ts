import { reasonOf } from '../errors.js';
import type { Step } from '../step.js';
import type { Tensor, Values } from '../tensor.js';
import {
  compare,
  type RuntimeStep,
  restore,
  type Saved,
  save,
  tensorsOf,
  timeRun,
  writtenBy,
} from './auto-trial.js';
import type { BackendInfo, BackendName, Executable, Runtime } from './runtime.js';

/** A runtime that may be faster than the current one. */
export interface Candidate {
  readonly name: BackendName;
  /** @throws BackendError with the reason why the runtime is not considered */
  open(): Promise<Runtime>;
}

/** How long a step must have trained before the candidate is tried. */
const TRIAL_AFTER_MILLISECONDS = 100;
/** The candidate must take at most this fraction of the current runtime's time. */
const CLEARLY_FASTER = 0.9;

/** A step, compiled for the runtime that currently runs it. */
interface AutoStep {
  readonly step: Step;
  current: RuntimeStep;
  /** Total time of its runs so far, and the most steps in one run: see `isDue`. */
  milliseconds: number;
  mostTimes: number;
}

/**
 * Runs steps on one runtime and, once a training step has run for 100 ms, tries that step on a
 * candidate: both runtimes run it a few times from the same state, which is then restored. The
 * faster runtime receives all tensors and runs everything from then on. Short runs, evaluation and
 * prediction never open the candidate.
 */
export class AutoRuntime implements Runtime {
  #runtime: Runtime;
  /** Undefined after its trial. */
  #candidate: Candidate | undefined;
  /** The candidate's runtime during its trial. */
  #opened: Runtime | undefined;
  #notes: readonly string[];
  /** Tensors that have values, and those among them whose values the candidate has as well. */
  readonly #held = new Set<Tensor>();
  readonly #copied = new Set<Tensor>();

  /** @param candidate the runtime to try, or the reason why there is none */
  constructor(first: Runtime, candidate: Candidate | string) {
    this.#runtime = first;
    if (typeof candidate === 'string') {
      this.#notes = [candidate];
      return;
    }
    this.#candidate = candidate;
    const when = `training has taken ${TRIAL_AFTER_MILLISECONDS} ms`;
    this.#notes = [
      `auto: starts on ${first.info.backend}, and tries ${candidate.name} when ${when}`,
    ];
  }

  get info(): BackendInfo {
    const { info } = this.#runtime;
    return { ...info, notes: [...info.notes, ...this.#notes] };
  }

  get runsAhead(): boolean {
    return this.#runtime.runsAhead === true;
  }

  get wait(): number {
    return this.#runtime.wait ?? 0;
  }

  async compile(step: Step): Promise<Executable> {
    const current = await compileOn(this.#runtime, step);
    for (const tensor of tensorsOf(step)) this.#held.add(tensor);
    const autoStep: AutoStep = { step, current, milliseconds: 0, mostTimes: 0 };
    return {
      run: (times) => this.#run(autoStep, times),
      runAlone: (times) => {
        const { executable } = autoStep.current;
        return executable.runAlone?.(times) ?? executable.run(times);
      },
      close: () => autoStep.current.executable.close(),
    };
  }

  write(tensor: Tensor, values: ArrayLike<number>): void {
    this.#runtime.write(tensor, values);
    this.#held.add(tensor);
    this.#copied.delete(tensor);
  }

  read(tensor: Tensor): Promise<Values> {
    return this.#runtime.read(tensor);
  }

  release(tensors: Iterable<Tensor>): void {
    const all = [...tensors];
    this.#runtime.release(all);
    this.#opened?.release(all);
    for (const tensor of all) {
      this.#held.delete(tensor);
      this.#copied.delete(tensor);
    }
  }

  finish(): Promise<void> {
    return this.#runtime.finish();
  }

  async close(): Promise<void> {
    this.#held.clear();
    await this.#opened?.close();
    await this.#runtime.close();
  }

  async #run(autoStep: AutoStep, times: number): Promise<void> {
    const candidate = this.#candidate;
    if (candidate && isDue(autoStep, times)) await this.#tryCandidate(autoStep, times, candidate);
    if (autoStep.current.runtime !== this.#runtime) {
      autoStep.current = await compileOn(this.#runtime, autoStep.step);
    }
    const began = performance.now();
    await autoStep.current.executable.run(times);
    autoStep.milliseconds += performance.now() - began;
    autoStep.mostTimes = Math.max(autoStep.mostTimes, times);
  }

  /** Moves to the candidate if it is faster; if its trial fails, nothing changes. */
  async #tryCandidate(autoStep: AutoStep, times: number, candidate: Candidate): Promise<void> {
    // Try the candidate only once.
    this.#candidate = undefined;
    try {
      this.#opened = await candidate.open();
    } catch (error) {
      this.#notes = [reasonOf(error)];
      return;
    }
    const first = this.#runtime;
    try {
      const saved = await save(first, writtenBy(autoStep.step));
      try {
        await this.#compareWith(this.#opened, autoStep, saved, times);
      } catch (error) {
        const failure = `auto: ${candidate.name} failed its trial (${reasonOf(error)})`;
        this.#notes = [`${failure}: stays with ${first.info.backend}`];
      }
      // Undo the trial's steps. If the first runtime failed, this or the next run throws.
      if (this.#runtime === first) restore(first, saved);
    } finally {
      const loser = this.#runtime === first ? this.#opened : first;
      this.#opened = undefined;
      this.#copied.clear();
      await loser.close();
    }
  }

  /** Times the step on both runtimes, and moves to the candidate if it is clearly faster. */
  async #compareWith(
    candidate: Runtime,
    autoStep: AutoStep,
    saved: Saved,
    times: number,
  ): Promise<void> {
    await this.#copyTo(candidate, tensorsOf(autoStep.step));
    const onCandidate = await compileOn(candidate, autoStep.step);
    // Warm up: the first run may still compile.
    await timeRun(onCandidate, saved, times);
    const [time, candidateTime] = await compare([autoStep.current, onCandidate], saved, times);
    const first = this.#runtime.info;
    const isFaster = candidateTime < CLEARLY_FASTER * time;
    if (isFaster) {
      await this.#moveTo(candidate);
      autoStep.current = onCandidate;
    }
    const { backend, build } = candidate.info;
    const onFirst = `${formatTime(time)} ${formatStep(autoStep.step)} on ${first.backend}`;
    const decision = isFaster ? `goes on with ${backend}` : `stays with ${first.backend}`;
    this.#notes = [
      `auto: ${onFirst}, ${formatTime(candidateTime)} on ${backend} (${build}): ${decision}`,
    ];
  }

  /** Copies all tensors to the candidate, which becomes the current runtime. */
  async #moveTo(candidate: Runtime): Promise<void> {
    const missing = () => [...this.#held].filter((tensor) => !this.#copied.has(tensor));
    for (let tensors = missing(); tensors.length > 0; tensors = missing()) {
      await this.#copyTo(candidate, tensors);
      await candidate.finish();
    }
    this.#runtime = candidate;
  }

  async #copyTo(candidate: Runtime, tensors: Iterable<Tensor>): Promise<void> {
    for (const tensor of tensors) {
      // Recorded before the read, so that a write during the read makes it copy the tensor again.
      this.#copied.add(tensor);
      const values = await this.#runtime.read(tensor);
      if (this.#held.has(tensor)) candidate.write(tensor, values);
    }
  }
}

/**
 * Whether a step has trained for long enough, and now runs about as many times as before: a few
 * steps at the end of an epoch would not represent the others.
 */
function isDue({ step, milliseconds, mostTimes }: AutoStep, times: number): boolean {
  const trains = step.training?.updatesStatistics === true;
  return trains && milliseconds >= TRIAL_AFTER_MILLISECONDS && 2 * times >= mostTimes;
}

async function compileOn(runtime: Runtime, step: Step): Promise<RuntimeStep> {
  return { runtime, executable: await runtime.compile(step) };
}

/** `a step of batch 64`. */
function formatStep({ calls }: Step): string {
  const batchSize = calls.find(({ op }) => op === 'advance')?.attributes.batchSize;
  return batchSize === undefined ? 'a step' : `a step of batch ${batchSize}`;
}

function formatTime(milliseconds: number): string {
  return `${Number(milliseconds.toPrecision(2))} ms`;
}
