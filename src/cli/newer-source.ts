import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folders of a clone that a build is made of. */
const FOLDERS = ['src', 'assembly', 'shaders'];

/**
 * The source that changed last, by its path in the clone, if it changed after the build that runs;
 * undefined in an installed package, which has no sources.
 *
 * @param program the program that was built; by default the one that runs
 */
export async function newerSource(
  program: string = fileURLToPath(import.meta.url),
): Promise<string | undefined> {
  const root = resolve(program, '../..');
  if (!FOLDERS.every((folder) => existsSync(join(root, folder)))) return undefined;
  const listings = FOLDERS.map(async (folder) => {
    const entries = await readdir(join(root, folder), { recursive: true });
    return entries.filter((name) => /\.(ts|wgsl)$/.test(name)).map((name) => join(folder, name));
  });
  const changes = (await Promise.all(listings)).flat().map(async (path) => {
    return { path, time: (await stat(join(root, path))).mtimeMs };
  });
  const latest = (await Promise.all(changes)).reduce((a, b) => (b.time > a.time ? b : a));
  return latest.time > (await stat(program)).mtimeMs ? latest.path : undefined;
}
