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
import { DataError, reasonOf } from '../../../errors.js';
import { createFolder, writeBytes } from '../../../platform/files.js';
import type { Checkpoint } from '../../../training/serialization/checkpoint.js';
import {
  decodeSafetensors,
  encodeSafetensors,
} from '../../../training/serialization/safetensors.js';
import type { Trainer } from '../../../training/trainer.js';
import { note } from '../../output/print.js';
import { readJson } from './json-file.js';
import { removeLeftovers } from './leftovers.js';
import { type RunConfig, readConfig } from './run-config.js';
import { lockRun, type RunLock } from './run-lock.js';
import type { RunLog, SavedHistory } from './run-log.js';

export const CONFIG_FILE = 'config.json';
const CHECKPOINT_FILE = 'checkpoint.safetensors';
const HISTORY_FILE = 'history.json';
export const WEIGHTS_FILE = 'weights.safetensors';

const FILES = [CONFIG_FILE, CHECKPOINT_FILE, HISTORY_FILE, WEIGHTS_FILE];

export class RunFolder {
  #lock: RunLock | undefined;

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
  }

  /**
   * Locks the folder of a run to resume, and reads its config.json.
   *
   * @throws DataError when the folder has no valid config.json, or is in use
   */
  async resume(): Promise<RunConfig> {
    // A missing folder fails with the error of its config.json.
    if (existsSync(this.path)) await this.#open();
    return readConfig(this.#at(CONFIG_FILE));
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

  /** @throws DataError when the checkpoint is missing or corrupt */
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
    return decodeSafetensors(bytes, path);
  }

  /** The history so far; undefined if the file is unreadable, since training can go on without it. */
  async readHistory(): Promise<SavedHistory | undefined> {
    const saved = (await readJson(this.#at(HISTORY_FILE)).catch(() => null)) as SavedHistory | null;
    if (Array.isArray(saved?.epochs) && Number.isFinite(saved.trainSeconds)) return saved;
    note(`cannot read ${this.#at(HISTORY_FILE)}; the history begins with the next epoch`);
    return undefined;
  }

  /** Writes the history first: resuming drops records of epochs after the checkpoint. */
  async saveProgress(trainer: Trainer, log: RunLog): Promise<void> {
    await this.saveHistory(log);
    const { tensors, metadata } = await trainer.checkpoint();
    await this.#write(CHECKPOINT_FILE, encodeSafetensors(tensors, metadata));
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
