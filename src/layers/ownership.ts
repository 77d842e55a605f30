import { ShapeError } from '../errors.js';
import type { Layer } from './layer.js';

/** Layers that a model or a trainer holds: their parameters bear its names, or hold its values. */
const owned = new WeakSet<Layer>();

export function isOwned(layer: Layer): boolean {
  return owned.has(layer);
}

/** Marks a layer as held, so that nothing else takes it. */
export function own(layer: Layer): void {
  owned.add(layer);
}

/** A layer that a model is made of. */
export interface Part {
  readonly layer: Layer;
  /** What it is there, for messages: `layer 2`. */
  readonly role: string;
  /** Put in front of the names of its parameters and buffers; they stay as they are without one. */
  readonly prefix?: string;
}

/**
 * Makes layers the parts of a model, all or none.
 *
 * @param operation what makes the model, for messages
 * @throws ShapeError when a layer is given that a model or a trainer has already, or the same one twice
 */
export function adopt(operation: string, parts: readonly Part[]): void {
  parts.forEach(({ layer, role }, i) => {
    if (isOwned(layer) || parts.slice(0, i).some((part) => part.layer === layer)) {
      throw new ShapeError(
        `${operation}: expected layers of its own, got ${layer.description} as ${role}, which a model has already; make another one`,
      );
    }
  });
  for (const { layer, prefix } of parts) {
    own(layer);
    if (prefix === undefined) continue;
    for (const named of [...layer.parameters, ...(layer.buffers ?? [])]) named.prefix(prefix);
  }
}
