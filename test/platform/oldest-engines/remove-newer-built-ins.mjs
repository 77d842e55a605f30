/**
 * Removes what the oldest engines of package.json's `browserslist` lack: everything after ES2021, and
 * functions of the platform that Chrome 91 does not have. Preloaded with `--import`.
 */

const TypedArray = Object.getPrototypeOf(Uint8Array);
const LIST = ['at', 'findLast', 'findLastIndex', 'toReversed', 'toSorted', 'toSpliced', 'with'];
const SETS = ['union', 'intersection', 'difference', 'symmetricDifference'];
const SUBSETS = ['isSubsetOf', 'isSupersetOf', 'isDisjointFrom'];
const BUFFER = [
  'resizable',
  'maxByteLength',
  'resize',
  'transfer',
  'transferToFixedLength',
  'detached',
];

const NEWER = [
  [Array.prototype, LIST],
  [TypedArray.prototype, LIST],
  [String.prototype, ['at', 'isWellFormed', 'toWellFormed']],
  [Array, ['fromAsync']],
  [Object, ['hasOwn', 'groupBy']],
  [Map, ['groupBy']],
  [Map.prototype, ['getOrInsert', 'getOrInsertComputed']],
  [Set.prototype, [...SETS, ...SUBSETS]],
  [Promise, ['withResolvers', 'try']],
  [Error, ['isError']],
  [Math, ['f16round', 'sumPrecise']],
  [RegExp, ['escape']],
  [ArrayBuffer.prototype, BUFFER],
  [SharedArrayBuffer.prototype, ['growable', 'maxByteLength', 'grow']],
  [Atomics, ['waitAsync', 'pause']],
  [Uint8Array, ['fromBase64', 'fromHex']],
  [Uint8Array.prototype, ['toBase64', 'toHex', 'setFromBase64', 'setFromHex']],
  [AbortSignal, ['any', 'timeout']],
  [AbortSignal.prototype, ['throwIfAborted']],
  [process, ['getBuiltinModule']],
  [globalThis, ['structuredClone', 'Iterator', 'Float16Array', 'navigator', 'DisposableStack']],
];
for (const [owner, names] of NEWER) for (const name of names) delete owner[name];

/** Without the option `cause`. */
const BuiltInError = globalThis.Error;
globalThis.Error = new Proxy(BuiltInError, {
  construct: (target, [message], newTarget) => Reflect.construct(target, [message], newTarget),
});

for (const [owner, names] of NEWER) {
  const left = names.find((name) => name in owner);
  if (left !== undefined) throw new BuiltInError(`expected to remove ${left}, got a refusal`);
}
