const registry = new FinalizationRegistry<() => void>((task) => task());

/**
 * Calls `task` after a garbage collection has found that the program has dropped an object.
 *
 * @param task must not hold the object
 */
export function afterDrop(object: object, task: () => void): void {
  registry.register(object, task, object);
}

/** Cancels the task of `afterDrop`. */
export function cancelAfterDrop(object: object): void {
  registry.unregister(object);
}
