import type { Step } from '../step.js';
import type { Tensor, Values } from '../tensor.js';
import {
  compare,
  type Runner,
  restore,
  type Saved,
  save,
  tensorsOf,
  timeRun,
  writtenBy,
} from './auto-trial.js';
import type { BackendInfo, BackendName, Device, Executable } from './device.js';

/** A device that may turn out to be faster. */
export interface Rival {
  readonly name: BackendName;
  /** @throws BackendError that says why the device is not considered */
  open(): Promise<Device>;
}

/** How long a step must have trained before its time is worth a trial. */
const TRIAL_AFTER_MILLISECONDS = 100;
/** Moving pays only if it takes at most this share of the time. */
const CLEARLY_FASTER = 0.9;

/** A compiled step, wherever it runs. */
interface Compiled {
  readonly step: Step;
  runner: Runner;
  /** What its runs took so far, and the most steps that one of them had: see `isDue`. */
  milliseconds: number;
  mostTimes: number;
}

/**
 * Runs steps on one device and, once a training step has run for 100 ms, tries that very step on
 * its rival: both run it a few times from the same state, which is then put back, and the faster
 * one keeps all tensors and goes on. Short runs, evaluation and prediction never open the rival.
 */
export class AutoDevice implements Device {
  #device: Device;
  /** Until it was tried. */
  #rival: Rival | undefined;
  /** The rival's device, while it is tried. */
  #opened: Device | undefined;
  #notes: readonly string[];
  /** Tensors that have values, and those whose values the rival has as well. */
  readonly #held = new Set<Tensor>();
  readonly #copied = new Set<Tensor>();

  /** @param rival the device to try, or why there is none */
  constructor(first: Device, rival: Rival | string) {
    this.#device = first;
    if (typeof rival === 'string') {
      this.#notes = [rival];
      return;
    }
    this.#rival = rival;
    const when = `training has taken ${TRIAL_AFTER_MILLISECONDS} ms`;
    this.#notes = [`auto: starts on ${first.info.backend}, and tries ${rival.name} when ${when}`];
  }

  get info(): BackendInfo {
    const { info } = this.#device;
    return { ...info, notes: [...info.notes, ...this.#notes] };
  }

  get runsAhead(): boolean {
    return this.#device.runsAhead === true;
  }

  async compile(step: Step): Promise<Executable> {
    const runner = await compileOn(this.#device, step);
    for (const tensor of tensorsOf(step)) this.#held.add(tensor);
    const compiled: Compiled = { step, runner, milliseconds: 0, mostTimes: 0 };
    return {
      run: (times) => this.#run(compiled, times),
      close: () => compiled.runner.executable.close(),
    };
  }

  write(tensor: Tensor, values: ArrayLike<number>): void {
    this.#device.write(tensor, values);
    this.#held.add(tensor);
    this.#copied.delete(tensor);
  }

  read(tensor: Tensor): Promise<Values> {
    return this.#device.read(tensor);
  }

  release(tensors: Iterable<Tensor>): void {
    const all = [...tensors];
    this.#device.release(all);
    this.#opened?.release(all);
    for (const tensor of all) {
      this.#held.delete(tensor);
      this.#copied.delete(tensor);
    }
  }

  finish(): Promise<void> {
    return this.#device.finish();
  }

  async close(): Promise<void> {
    this.#held.clear();
    await this.#opened?.close();
    await this.#device.close();
  }

  async #run(compiled: Compiled, times: number): Promise<void> {
    if (this.#rival && isDue(compiled, times)) await this.#tryRival(compiled, times, this.#rival);
    if (compiled.runner.device !== this.#device) {
      compiled.runner = await compileOn(this.#device, compiled.step);
    }
    const began = performance.now();
    await compiled.runner.executable.run(times);
    compiled.milliseconds += performance.now() - began;
    compiled.mostTimes = Math.max(compiled.mostTimes, times);
  }

  /** Moves to the rival if that is faster; where it cannot take part, all stays as it was. */
  async #tryRival(compiled: Compiled, times: number, rival: Rival): Promise<void> {
    // Once is enough, whatever comes of it.
    this.#rival = undefined;
    try {
      this.#opened = await rival.open();
    } catch (error) {
      this.#notes = [reasonOf(error)];
      return;
    }
    const first = this.#device;
    try {
      const saved = await save(first, writtenBy(compiled.step));
      try {
        await this.#compete(compiled, this.#opened, saved, times);
      } catch (error) {
        const failure = `auto: ${rival.name} failed its trial (${reasonOf(error)})`;
        this.#notes = [`${failure}: stays with ${first.info.backend}`];
      }
      // What the trial did is undone. If it is the first that failed, this or the run says so.
      if (this.#device === first) restore(first, saved);
    } finally {
      const loser = this.#device === first ? this.#opened : first;
      this.#opened = undefined;
      this.#copied.clear();
      await loser.close();
    }
  }

  /** Times the step on both devices, and moves if that pays. */
  async #compete(compiled: Compiled, rival: Device, saved: Saved, times: number): Promise<void> {
    await this.#copyTo(rival, tensorsOf(compiled.step));
    const theirs = await compileOn(rival, compiled.step);
    // The first run of all may still compile something.
    await timeRun(theirs, saved, times);
    const [mine, its] = await compare([compiled.runner, theirs], saved, times);
    const first = this.#device.info;
    const pays = its < CLEARLY_FASTER * mine;
    if (pays) {
      await this.#moveTo(rival);
      compiled.runner = theirs;
    }
    const { backend, build } = rival.info;
    const ofFirst = `${formatTime(mine)} ${formatStep(compiled.step)} on ${first.backend}`;
    const ofRival = `${formatTime(its)} on ${backend} (${build})`;
    const decision = pays ? `goes on with ${backend}` : `stays with ${first.backend}`;
    this.#notes = [`auto: ${ofFirst}, ${ofRival}: ${decision}`];
  }

  /** Gives the rival all tensors, and makes it the device. */
  async #moveTo(rival: Device): Promise<void> {
    const missing = () => [...this.#held].filter((tensor) => !this.#copied.has(tensor));
    for (let rest = missing(); rest.length > 0; rest = missing()) {
      await this.#copyTo(rival, rest);
      await rival.finish();
    }
    this.#device = rival;
  }

  async #copyTo(rival: Device, tensors: Iterable<Tensor>): Promise<void> {
    for (const tensor of tensors) {
      // Noted first, so that what is written in the meantime is copied again.
      this.#copied.add(tensor);
      const values = await this.#device.read(tensor);
      if (this.#held.has(tensor)) rival.write(tensor, values);
    }
  }
}

/**
 * Whether a step has trained for long enough, and is now to run about as many times as before: a
 * few steps at the end of an epoch would tell little of the others.
 */
function isDue({ step, milliseconds, mostTimes }: Compiled, times: number): boolean {
  const trains = step.training?.updatesStatistics === true;
  return trains && milliseconds >= TRIAL_AFTER_MILLISECONDS && 2 * times >= mostTimes;
}

async function compileOn(device: Device, step: Step): Promise<Runner> {
  return { device, executable: await device.compile(step) };
}

/** `a step of batch 64`. */
function formatStep({ calls }: Step): string {
  const batchSize = calls.find(({ op }) => op === 'advance')?.attributes.batchSize;
  return batchSize === undefined ? 'a step' : `a step of batch ${batchSize}`;
}

function formatTime(milliseconds: number): string {
  return `${Number(milliseconds.toPrecision(2))} ms`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
