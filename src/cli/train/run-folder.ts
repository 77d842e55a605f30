/**
 * The folder of a run:
 *
 *   config.json              recipe, settings, seed, backend, data: written first
 *   checkpoint.safetensors   where training stands, to go on from: after every epoch
 *   history.json             the epochs so far: after every epoch
 *   weights.safetensors      what was learned, in PyTorch's names and layouts: at the end
 *
 * Every file is written beside its place and then renamed, so none is ever half there.
 */

import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, reasonOf } from '../../errors.js';
import type { Checkpoint } from '../../training/checkpoint.js';
import { writeBytes } from '../../training/files.js';
import { decodeSafetensors, encodeSafetensors } from '../../training/safetensors.js';
import type { Trainer } from '../../training/trainer.js';
import { note } from '../output/print.js';
import { readJson } from './json-file.js';
import { type RunConfig, readConfig } from './run-config.js';
import type { RunLog, SavedHistory } from './run-log.js';

export const CONFIG_FILE = 'config.json';
const CHECKPOINT_FILE = 'checkpoint.safetensors';
const HISTORY_FILE = 'history.json';
const WEIGHTS_FILE = 'weights.safetensors';

export class RunFolder {
  constructor(readonly path: string) {}

  get weightsPath(): string {
    return join(this.path, WEIGHTS_FILE);
  }

  /**
   * Begins a run.
   *
   * @throws DataError when the folder holds what another run learned
   */
  async begin(config: RunConfig): Promise<void> {
    await explained(this.path, () => mkdir(this.path, { recursive: true }));
    const learned = [CHECKPOINT_FILE, WEIGHTS_FILE].find((file) => existsSync(this.#at(file)));
    if (learned !== undefined) {
      throw new DataError(
        `train: expected a folder without a run for --out, got ${this.path} with ${learned}; ` +
          'go on with --resume, or name another',
      );
    }
    // What an earlier run left that learned nothing.
    await explained(this.#at(HISTORY_FILE), () => rm(this.#at(HISTORY_FILE), { force: true }));
    await this.#write(CONFIG_FILE, `${JSON.stringify(config, null, 2)}\n`);
  }

  readConfig(): Promise<RunConfig> {
    return readConfig(this.#at(CONFIG_FILE));
  }

  /** @throws DataError when there is none, or it is corrupt */
  async readCheckpoint(): Promise<Checkpoint> {
    const path = this.#at(CHECKPOINT_FILE);
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path);
    } catch (cause) {
      throw new DataError(
        `resume: expected a checkpoint at ${path}, got "${reasonOf(cause)}"; leave --resume out to begin anew`,
        { cause },
      );
    }
    return decodeSafetensors(bytes, path);
  }

  /** The epochs so far; none where they are lost, since training goes on without them. */
  async readHistory(): Promise<SavedHistory | undefined> {
    const saved = (await readJson(this.#at(HISTORY_FILE)).catch(() => null)) as SavedHistory | null;
    if (Array.isArray(saved?.epochs) && Number.isFinite(saved.trainSeconds)) return saved;
    note(`${this.#at(HISTORY_FILE)} cannot be read: the history begins here`);
    return undefined;
  }

  /** The history goes first: going on from the checkpoint drops what it has too much. */
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

/** Says of an error which place could not be written. */
async function explained(path: string, write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (cause) {
    throw new Error(`write ${path}: expected room and permission, got "${reasonOf(cause)}"`, {
      cause,
    });
  }
}
