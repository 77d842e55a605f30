/** Whether Node's own modules are there. */
export const inNode = typeof process !== 'undefined' && process.versions?.node !== undefined;

/**
 * Imports one of Node's modules. The name is seen at run time only, so that bundlers for browsers
 * leave the import alone instead of stopping at a module they do not have.
 *
 * @example const fs = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
 */
export function nodeModule<Module>(name: `node:${string}`): Promise<Module> {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ name);
}
