/**
 * Memories of closed backends, which later ones use again: the engine frees a memory only with a
 * garbage collection, which a program that holds few other objects may never need. The references are
 * weak, so a collection still frees memories that are not in use.
 */
const pooled: { readonly memory: WeakRef<WebAssembly.Memory>; readonly isShared: boolean }[] = [];

/** Removes the smallest memory of a closed backend from the pool; undefined if there is none. */
export function reuseMemory(isShared: boolean): WebAssembly.Memory | undefined {
  let smallest: WebAssembly.Memory | undefined;
  let at = -1;
  for (let i = pooled.length - 1; i >= 0; i--) {
    const memory = pooled[i].memory.deref();
    if (!memory) {
      pooled.splice(i, 1);
      if (at > i) at--;
    } else if (pooled[i].isShared === isShared && sizeOf(memory) < sizeOf(smallest)) {
      smallest = memory;
      at = i;
    }
  }
  if (at >= 0) pooled.splice(at, 1);
  return smallest;
}

/**
 * Adds a memory that nothing uses any more to the pool.
 *
 * @param staticBytes bytes of the module's static data, which a new instance expects to be zero
 */
export function poolMemory(
  memory: WebAssembly.Memory,
  isShared: boolean,
  staticBytes: number,
): void {
  new Uint8Array(memory.buffer, 0, staticBytes).fill(0);
  pooled.push({ memory: new WeakRef(memory), isShared });
}

/** Bytes of a memory; more than any has if there is none. */
function sizeOf(memory: WebAssembly.Memory | undefined): number {
  return memory?.buffer.byteLength ?? Infinity;
}
