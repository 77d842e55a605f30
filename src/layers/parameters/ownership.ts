import { formatDescription } from '../../description.js';
import { ShapeError } from '../../errors.js';
import type { Layer } from '../layer.js';

/**
 * Layers that belong to a model or a trainer. In a second one, their parameters would be renamed and
 * their gradients overwritten.
 */
const owned = new WeakSet<Layer>();

/** Whether a layer belongs to a model or a trainer. */
export function isOwned(layer: Layer): boolean {
  return owned.has(layer);
}

/** Marks a layer as belonging to a model or a trainer. */
export function own(layer: Layer): void {
  owned.add(layer);
}

/** A layer that a model is made of. */
export interface Part {
  readonly layer: Layer;
  /** Its place in the model, for messages: `layer 2`. */
  readonly role: string;
  /** Prefix for the names of its parameters and buffers; none by default. */
  readonly prefix?: string;
}

/**
 * Makes layers the parts of a model, all or none.
 *
 * @param operation the function that makes the model, for messages
 * @throws ShapeError for a layer that already belongs to a model or a trainer, or is given twice
 */
export function adopt(operation: string, parts: readonly Part[]): void {
  parts.forEach(({ layer, role }, i) => {
    if (isOwned(layer) || parts.slice(0, i).some((part) => part.layer === layer)) {
      throw new ShapeError(
        `${operation}: expected layers that belong to no model yet, got ${formatDescription(layer.description)} as ${role}, which already does; create another one`,
      );
    }
  });
  for (const { layer, prefix } of parts) {
    own(layer);
    if (prefix === undefined) continue;
    for (const named of [...layer.parameters, ...(layer.buffers ?? [])]) named.prefix(prefix);
  }
}
