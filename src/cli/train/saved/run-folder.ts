/**
 * The folder of a run:
 *
 *   config.json              recipe, settings, seed, backend, data; written first
 *   checkpoint.safetensors   the training state to resume from; written after every epoch
 *   history.json             losses and metrics of the epochs; written after every epoch
 *   weights.safetensors      the parameters, in PyTorch's names and layouts; written at the end
 *
 * Every file is written under a temporary name and then renamed, so no file is ever incomplete. While a
 * process trains, `run.1.lock` keeps others out (src/cli/train/saved/run-lock.ts).
 */

import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, reasonOf, TrainingError } from '../../../errors.js';
import { createFolder, writeBytes } from '../../../platform/files.js';
import type { Checkpoint } from '../../../training/serialization/checkpoint.js';
import type { Trainer } from '../../../training/trainer.js';
import { note } from '../../output/print.js';
import { readJson } from './json-file.js';
import { removeLeftovers } from './leftovers.js';
import { decodeCheckpoint, encodeCheckpoint } from './run-checkpoint.js';
import { type RunConfig, readConfig } from './run-config.js';
import { lockRun, type RunLock } from './run-lock.js';
import type { RunLog } from './run-log.js';
import { expectHistory, type SavedHistory } from './saved-history.js';

export const CONFIG_FILE = 'config.json';
const CHECKPOINT_FILE = 'checkpoint.safetensors';
const HISTORY_FILE = 'history.json';
export const WEIGHTS_FILE = 'weights.safetensors';

const FILES = [CONFIG_FILE, CHECKPOINT_FILE, HISTORY_FILE, WEIGHTS_FILE];

export class RunFolder {
  #lock: RunLock | undefined;
  #config: RunConfig | undefined;

  constructor(readonly path: string) {}

  get weightsPath(): string {
    return join(this.path, WEIGHTS_FILE);
  }

  /**
   * Creates the folder, locks it and writes config.json.
   *
   * @throws DataError when the folder holds a checkpoint or weights of another run, or is in use
   */
  async begin(config: RunConfig): Promise<void> {
    await explained(this.path, () => createFolder(this.path));
    await this.#open();
    const existing = [CHECKPOINT_FILE, WEIGHTS_FILE].find((file) => existsSync(this.#at(file)));
    if (existing !== undefined) {
      throw new DataError(
        `train: expected a folder without a run for --out, got ${this.path} with ${existing}; ` +
          'continue it with --resume, or choose another folder',
      );
    }
    // A run that failed in its first epoch leaves a history, but neither checkpoint nor weights.
    await explained(this.#at(HISTORY_FILE), () => rm(this.#at(HISTORY_FILE), { force: true }));
    await this.#write(CONFIG_FILE, `${JSON.stringify(config, null, 2)}\n`);
    this.#config = config;
  }

  /**
   * Locks the folder of a run to resume, and reads its config.json.
   *
   * @throws DataError when the folder has no valid config.json, or is in use
   */
  async resume(): Promise<RunConfig> {
    // A missing folder fails with the error of its config.json.
    if (existsSync(this.path)) await this.#open();
    this.#config = await readConfig(this.#at(CONFIG_FILE));
    return this.#config;
  }

  /** Unlocks the folder. */
  async close(): Promise<void> {
    await this.#lock?.release();
    this.#lock = undefined;
  }

  /** Locks the folder, and deletes the temporary files of runs that were killed. */
  async #open(): Promise<void> {
    await explained(this.path, async () => {
      this.#lock = await lockRun(this.path);
      for (const file of FILES) await removeLeftovers(this.#at(file));
    });
  }

  /** @throws DataError when the checkpoint is missing, corrupt or of another configuration */
  async readCheckpoint(): Promise<Checkpoint> {
    const path = this.#at(CHECKPOINT_FILE);
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path);
    } catch (cause) {
      throw new DataError(
        `resume: expected a checkpoint at ${path}, got "${reasonOf(cause)}"; omit --resume to start a new run`,
        { cause },
      );
    }
    return decodeCheckpoint(bytes, path, this.#expectConfig());
  }

  /**
   * The history so far; undefined if there is no file, since training can go on without it.
   *
   * @param completed epochs that the checkpoint has completed
   * @throws DataError when the file does not fit the checkpoint and config.json
   */
  async readHistory(completed: number): Promise<SavedHistory | undefined> {
    const path = this.#at(HISTORY_FILE);
    if (!existsSync(path)) {
      note(`found no ${path}; the history begins with the next epoch`);
      return undefined;
    }
    const { epochs } = this.#expectConfig().settings;
    return expectHistory(path, await readJson(path), completed, epochs);
  }

  /** Writes the history first: resuming drops records of epochs after the checkpoint. */
  async saveProgress(trainer: Trainer, log: RunLog): Promise<void> {
    await this.saveHistory(log);
    const bytes = encodeCheckpoint(await trainer.checkpoint(), this.#expectConfig());
    await this.#write(CHECKPOINT_FILE, bytes);
  }

  async saveHistory(log: RunLog): Promise<void> {
    await this.#write(HISTORY_FILE, `${JSON.stringify(log, null, 2)}\n`);
  }

  async saveWeights(trainer: Trainer): Promise<void> {
    await explained(this.weightsPath, () => trainer.save(this.weightsPath));
  }

  async #write(file: string, content: Uint8Array | string): Promise<void> {
    await explained(this.#at(file), () => writeBytes(this.#at(file), content));
  }

  #expectConfig(): RunConfig {
    if (this.#config) return this.#config;
    throw new TrainingError('train: expected a folder after begin or resume, got one before');
  }

  #at(file: string): string {
    return join(this.path, file);
  }
}

/** Adds the path to the message of a write error. */
async function explained(path: string, write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new Error(`write ${path}: expected free space and permission, got "${reasonOf(cause)}"`, {
      cause,
    });
  }
}
