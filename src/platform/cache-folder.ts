import { nodeModule } from './node.js';

/**
 * The folder where this platform keeps files that programs can download again:
 * `~/Library/Caches/handgrad` on macOS, `%LOCALAPPDATA%\handgrad\Cache` on Windows, and
 * `$XDG_CACHE_HOME/handgrad` or `~/.cache/handgrad` elsewhere (XDG Base Directory Specification).
 * Node only.
 */
export async function defaultCacheFolder(): Promise<string> {
  const { join } = await nodeModule<typeof import('node:path')>('node:path');
  const { homedir } = await nodeModule<typeof import('node:os')>('node:os');
  const { env, platform } = globalThis.process;
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'handgrad');
  if (platform === 'win32') {
    return join(env.LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'handgrad', 'Cache');
  }
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'handgrad');
}
