/**
 * Whether Node's built-in modules are available. Everywhere, `process` is a property of `globalThis`: some
 * bundlers add an imitation to pages that use the name alone.
 */
export const inNode = globalThis.process?.versions?.node !== undefined;

/**
 * Loads one of Node's built-in modules. Bundlers for browsers must not see its name: the import of a
 * run-time value stays as it is. Newer versions of Node have a function for it, which also works where
 * `import()` does not, as in a single executable.
 *
 * @example const fs = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
 */
export async function nodeModule<Module>(name: `node:${string}`): Promise<Module> {
  const builtin = globalThis.process.getBuiltinModule?.(name);
  return (builtin ?? (await import(/* webpackIgnore: true */ /* @vite-ignore */ name))) as Module;
}

/**
 * One of Node's built-in modules, at once; undefined elsewhere and in Node before 20.16. It has the classes
 * that jsdom hides.
 */
export function builtinModule<Module>(name: `node:${string}`): Module | undefined {
  return inNode ? (globalThis.process.getBuiltinModule?.(name) as Module | undefined) : undefined;
}
