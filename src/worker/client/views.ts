/** Views of memory on their way to the worker: a message carries the whole buffer of a view. */

/** Whether an array can move to another thread: it is a view of a whole buffer, which is not shared. */
export function canMove(array: unknown): boolean {
  return (
    ArrayBuffer.isView(array) && !isShared(array) && array.byteLength === array.buffer.byteLength
  );
}

/** Whether a value is a view of shared memory. */
export function isShared(value: unknown): boolean {
  // Not `instanceof`: the class is missing where memory cannot be shared.
  return (
    ArrayBuffer.isView(value) &&
    Object.prototype.toString.call(value.buffer) === '[object SharedArrayBuffer]'
  );
}

/** Copies a typed array that is a part of a larger buffer; other values stay as they are. */
export function withoutRest<Value>(value: Value): Value {
  if (!ArrayBuffer.isView(value) || value instanceof DataView) return value;
  if (isShared(value) || canMove(value)) return value;
  // Not the method of the array: that of Node's Buffer returns a view.
  return Uint8Array.prototype.slice.call(value) as Value;
}
