import type { Normalization } from '../data/dataset.js';
import { TrainingError } from '../errors.js';
import { ASYNC_DISPOSE } from '../platform/async-dispose.js';
import { afterDrop, cancelAfterDrop } from '../platform/dropped.js';
import { expectPath, expectPlace } from '../platform/places.js';
import type { Bytes, FileHandle, PlatformUrl } from '../platform/types.js';
import type { Shape } from '../tensor.js';
import type { Engine } from './engine/engine.js';
import type { Run } from './run/run.js';
import { type RunPosition, START } from './run/run-settings.js';
import { type Checkpoint, checkpointValues, readPosition } from './serialization/checkpoint.js';
import { metadataOf, normalizationOf } from './serialization/metadata.js';
import {
  decodeSafetensors,
  encodeSafetensors,
  type TensorData,
} from './serialization/safetensors.js';
import { checkState, onlyWeights, stateTensors } from './serialization/state.js';

/** Parameters and buffers by name, in PyTorch's names and layouts: a linear weight is (O, I). */
export type State = Map<string, TensorData>;

/** The model of a trainer on its backend: reads, replaces, saves and releases its weights. */
export abstract class TrainedModel {
  /** Keeps Vue from wrapping this object in a proxy, which cannot read private fields. */
  protected readonly __v_skip = true;
  /** Examples per update. */
  readonly batchSize: number;
  /** Seed of weights, shuffles and dropout. */
  readonly seed: number;
  protected readonly engine: Engine;
  protected normalization: Normalization | undefined;
  protected position: RunPosition = { ...START };
  protected isFitting = false;
  protected run: Run | undefined;

  protected constructor(
    engine: Engine,
    batchSize: number,
    seed: number,
    normalization: Normalization | undefined,
  ) {
    this.engine = engine;
    this.batchSize = batchSize;
    this.seed = seed;
    this.normalization = normalization;
    // The engine does not hold the trainer. A backend that was closed has already released its memory.
    afterDrop(this, () => engine.close().catch(() => {}));
  }

  /** Number of scalars that training changes. */
  get parameterCount(): number {
    return this.engine.setup.model.parameters.reduce((sum, { size }) => sum + size, 0);
  }

  /** Copies the parameters and buffers, in PyTorch's names and layouts. */
  async state(): Promise<State> {
    return this.engine.access.during('state', () => this.#read());
  }

  /**
   * Replaces all parameters and buffers. Ignores `num_batches_tracked` and other integers of a
   * PyTorch `state_dict` that the model does not have.
   *
   * @throws ShapeError when names or shapes differ from the model's; nothing is changed
   * @throws DataError for numbers that are not finite; nothing is changed
   * @throws TrainingError while `fit` runs, unless it waits for `onStep` or `onEpoch`
   */
  async loadState(state: ReadonlyMap<string, { shape: Shape; data: ArrayLike<number> }>) {
    await this.engine.access.during('loadState', () => this.#replace('loadState', state));
  }

  /**
   * Encodes the weights, with the normalisation as metadata, as a `.safetensors` file, which PyTorch
   * reads as a `state_dict`.
   */
  async encode(): Promise<Bytes> {
    return this.engine.access.during('encode', async () => {
      // Before the first await: the normalisation must be that of the weights.
      const metadata = metadataOf(this.normalization);
      return encodeSafetensors(await this.#read(), metadata);
    });
  }

  /**
   * Loads weights from the bytes of a `.safetensors` file, written by `encode` or by PyTorch.
   *
   * @param source the file's name, for messages; `safetensors` by default
   * @throws DataError when the bytes are not a valid file
   * @throws ShapeError, DataError or TrainingError as `loadState` does
   */
  async decode(bytes: Uint8Array | ArrayBuffer, source?: string): Promise<void> {
    await this.engine.access.during('decode', async () => {
      const { tensors, metadata } = decodeSafetensors(bytes, source);
      const replaced = this.#replace('decode', tensors);
      // Together with the request, so that a later `predict` sees both.
      this.normalization = normalizationOf(metadata) ?? this.normalization;
      await replaced;
    });
  }

  /**
   * Writes the weights to a `.safetensors` file. A failure leaves no partial file. In Node, follows links
   * and keeps the file's mode.
   *
   * @param place a path or URL of a file in Node; in a page, a `FileSystemFileHandle`, such as
   *   `showSaveFilePicker()` returns
   * @throws TypeError for a path in a page, where `encode` returns the bytes; the file system's error
   */
  async save(place: string | PlatformUrl | FileHandle): Promise<void> {
    expectPlace('save', place);
    const bytes = await this.encode();
    const { writeBytes } = await import('../platform/files.js');
    await writeBytes(place, bytes);
  }

  /**
   * Loads weights from a `.safetensors` file, named by a path (Node) or a URL. In a page, a URL may be
   * relative to that of the page.
   *
   * @throws the file system's or the network's error; DataError, ShapeError or TrainingError as
   *   `decode` does
   */
  async load(path: string | PlatformUrl): Promise<void> {
    expectPath('load', path);
    // Before the file is read: the answer must not depend on how long that takes.
    this.#expectNoUpdates('load');
    const { readBytes } = await import('../platform/files.js');
    await this.decode(await readBytes(path), String(path));
  }

  /**
   * Copies everything that `fit` needs to continue a run: weights, the optimizer's moments and the
   * position in the run. May be called while `fit` runs.
   *
   * @example
   *   const { tensors, metadata } = await trainer.checkpoint();
   *   await writeFile('run.safetensors', encodeSafetensors(tensors, metadata));
   */
  async checkpoint(): Promise<Checkpoint> {
    return this.engine.access.during('checkpoint', async () => {
      const { trainedTensors } = this.engine;
      // Requested together, so that the position and the values belong to the same step.
      const position = this.run?.upcoming ?? { ...this.position };
      const values = await this.engine.read(trainedTensors);
      return checkpointValues(this, trainedTensors, values, await position);
    });
  }

  /**
   * Restores a checkpoint. `fit` with `resume` then continues the run as if it had never stopped.
   *
   * @throws TrainingError when the checkpoint has another seed or batch size, or while `fit` runs
   * @throws ShapeError when names or shapes of its tensors differ from this trainer's
   * @throws DataError for a missing or invalid position, and numbers that are not finite
   */
  async restore(checkpoint: Checkpoint): Promise<void> {
    await this.engine.access.during('restore', async () => {
      if (this.isFitting) throw runInProgress('restore');
      const { trainedTensors } = this.engine;
      const position = readPosition(checkpoint, this);
      const values = checkState('restore', trainedTensors, checkpoint.tensors);
      const written = this.engine.write(
        trainedTensors,
        trainedTensors.map(({ name }) => values.get(name) ?? []),
      );
      // Together with the request, so that a later `checkpoint` or `fit` sees both.
      this.position = position;
      await written;
    });
  }

  /**
   * Releases the trainer's memory on the backend once its running calls have ended, and refuses later
   * ones. A running `fit` rejects after its current steps. Closing it twice is harmless.
   *
   * @example await using trainer = new Trainer(backend, { … }); // closed at the end of the block
   */
  close(): Promise<void> {
    cancelAfterDrop(this);
    return this.engine.close();
  }

  /** Closes the trainer at the end of an `await using` block. */
  [ASYNC_DISPOSE](): Promise<void> {
    return this.close();
  }

  #expectNoUpdates(operation: string): void {
    if (this.isFitting && !this.run?.isPaused) throw runInProgress(operation);
  }

  async #read(): Promise<State> {
    const entries = stateTensors(this.engine.setup.model);
    const values = await this.engine.read(entries.map(({ tensor }) => tensor));
    return new Map(
      entries.map((entry, i) => [
        entry.name,
        { shape: entry.pytorchShape, data: entry.toPytorch(values[i]) },
      ]),
    );
  }

  /**
   * Checks weights, and requests their replacement.
   *
   * @throws as `loadState` does, before anything has changed
   */
  #replace(
    operation: string,
    state: ReadonlyMap<string, { shape: Shape; data: ArrayLike<number> }>,
  ): Promise<void> {
    this.#expectNoUpdates(operation);
    const entries = stateTensors(this.engine.setup.model);
    const expected = entries.map(({ name, pytorchShape: shape }) => ({ name, shape }));
    const values = checkState(operation, expected, onlyWeights(operation, state, expected));
    return this.engine.write(
      entries.map(({ tensor }) => tensor),
      entries.map((entry) => entry.fromPytorch(values.get(entry.name) ?? [])),
    );
  }
}

function runInProgress(operation: string): TrainingError {
  return new TrainingError(
    `${operation}: expected no run in progress, got one; wait for fit to end`,
  );
}
