/**
 * `Symbol.asyncDispose`, which `await using` calls. In engines without it, the symbol that compilers
 * use instead.
 */
export const ASYNC_DISPOSE: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');
