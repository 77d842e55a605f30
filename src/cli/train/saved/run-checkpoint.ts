/**
 * The checkpoint of a run's folder: that of the trainer, and in its metadata
 *
 *   run      the settings and the data of the run, which config.json must agree with
 *   sha256   of all else, since a changed bit in a weight would otherwise go unnoticed
 */

import { createHash } from 'node:crypto';
import { DataError, quoted } from '../../../errors.js';
import { isObject } from '../../../options.js';
import type { Checkpoint } from '../../../training/serialization/checkpoint.js';
import {
  decodeSafetensors,
  encodeSafetensors,
} from '../../../training/serialization/safetensors.js';
import { identityOf, type RunConfig } from './run-config.js';

/** Encodes the checkpoint of a run. */
export function encodeCheckpoint(checkpoint: Checkpoint, config: RunConfig): Uint8Array {
  const { tensors } = checkpoint;
  const metadata = { ...checkpoint.metadata, run: JSON.stringify(identityOf(config)) };
  return encodeSafetensors(tensors, { ...metadata, sha256: digestOf({ tensors, metadata }) });
}

/**
 * Decodes the checkpoint of a run.
 *
 * @param path the file's name, for messages
 * @throws DataError when the file is corrupt, or belongs to a run with another configuration
 */
export function decodeCheckpoint(bytes: Uint8Array, path: string, config: RunConfig): Checkpoint {
  const { tensors, metadata: all } = decodeSafetensors(bytes, path);
  const { sha256, ...metadata } = all;
  if (sha256 !== digestOf({ tensors, metadata })) {
    throw new DataError(
      `resume: expected ${path} as train --out wrote it, got other bytes; it is damaged, or from another program`,
    );
  }
  const saved: unknown = JSON.parse(metadata.run ?? 'null');
  const now = identityOf(config);
  const names = new Set([...Object.keys(isObject(saved) ? saved : {}), ...Object.keys(now)]);
  for (const name of names) {
    const [before, after] = [isObject(saved) ? saved[name] : undefined, now[name]];
    if (JSON.stringify(before) === JSON.stringify(after)) continue;
    throw new DataError(
      `resume: expected ${name} ${quoted(before)} in config.json, as when ${path} was written, got ${quoted(after)}; restore it, or start a new run in another folder`,
    );
  }
  return { tensors, metadata };
}

function digestOf({ tensors, metadata }: Checkpoint): string {
  const shapes = [...tensors].map(([name, { shape }]) => [name, shape]);
  const hash = createHash('sha256').update(JSON.stringify([metadata, shapes]));
  for (const { data } of tensors.values()) {
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}
