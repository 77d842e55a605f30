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
