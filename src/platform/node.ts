/** Whether Node's built-in modules are available. */
export const inNode = typeof process !== 'undefined' && process.versions?.node !== undefined;

/**
 * Imports one of Node's built-in modules. The name is a run-time value, so that bundlers for
 * browsers leave the import as it is instead of failing on a missing module.
 *
 * @example const fs = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
 */
export function nodeModule<Module>(name: `node:${string}`): Promise<Module> {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ name);
}
