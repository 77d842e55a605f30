/* Watches how much memory code asks for. */

const NAMES = [
  ...['ArrayBuffer', 'Uint8Array', 'Uint8ClampedArray', 'Int32Array', 'Uint32Array'],
  ...['Float32Array', 'Float64Array', 'Uint16Array', 'Int16Array', 'Int8Array'],
] as const;

/**
 * Counts the bytes of the typed arrays that a task creates by their length, and of its Buffers.
 *
 * @returns the task's result, and the bytes
 */
export async function allocationsOf<Result>(
  task: () => Promise<Result>,
): Promise<[Result, number]> {
  let bytes = 0;
  const restore: (() => void)[] = [];
  for (const name of NAMES) {
    const original = globalThis[name] as unknown as {
      new (...args: unknown[]): object;
      BYTES_PER_ELEMENT?: number;
    };
    const watched: typeof original = new Proxy(original, {
      construct(target, args, newTarget): object {
        if (typeof args[0] === 'number') bytes += args[0] * (target.BYTES_PER_ELEMENT ?? 1);
        return Reflect.construct(target, args, newTarget === watched ? target : newTarget);
      },
    });
    Object.assign(globalThis, { [name]: watched });
    restore.push(() => Object.assign(globalThis, { [name]: original }));
  }
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
    const original = Buffer[name];
    Buffer[name] = ((size: number, ...rest: []) => {
      bytes += size;
      return original.call(Buffer, size, ...rest);
    }) as typeof original;
    restore.push(() => Object.assign(Buffer, { [name]: original }));
  }
  try {
    const result = await task();
    return [result, bytes];
  } finally {
    for (const undo of restore) undo();
  }
}
