/* Folders, where the system creates them and where it refuses. */
import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createFolder } from '../../src/platform/files.js';
import { useFolder } from '../cli/folders.js';

const folder = useFolder();

const isFolder = async (path: string) => (await stat(path)).isDirectory();

describe('createFolder', () => {
  it('creates a folder with its parents', async () => {
    await createFolder(folder.at('a/b/c'));
    expect(await isFolder(folder.at('a/b/c'))).toBe(true);
  });

  it('accepts relative paths, trailing slashes and dots', async () => {
    await createFolder(`${relative('', folder.path)}/d/./e/../f/`);
    expect(await readdir(folder.at('d'))).toEqual(['f']);
  });

  it('accepts a folder that exists, or a link to one', async () => {
    await createFolder(folder.path);
    await symlink(folder.path, folder.at('link'));
    await createFolder(folder.at('link'));
    await createFolder(folder.at('link/below'));
    expect(await isFolder(folder.at('below'))).toBe(true);
    await createFolder('/');
  });

  it('creates the same folder many times at once', async () => {
    await Promise.all(Array.from({ length: 20 }, () => createFolder(folder.at('many/times/over'))));
    expect(await isFolder(folder.at('many/times/over'))).toBe(true);
  });

  it('fails where a file is in the way', async () => {
    await writeFile(folder.at('file'), '');
    await expect(createFolder(folder.at('file'))).rejects.toThrow(/EEXIST/);
    await expect(createFolder(folder.at('file/below'))).rejects.toThrow(/ENOTDIR/);
    await expect(createFolder(folder.at('file/far/below'))).rejects.toThrow(/ENOTDIR/);
  });

  // Node's own mkdir({ recursive: true }) never returns for these.
  it
    .runIf(process.platform === 'linux')
    .each(['/proc/nope', '/proc/nope/a/b', '/proc/self/fd/a/b'])(
    'fails where the system allows no folder: %s',
    async (path) => {
      await expect(createFolder(path)).rejects.toThrow(/ENOENT/);
    },
  );
});

it("no program of ours uses Node's recursive mkdir", async () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const wrong: string[] = [];
  for (const top of ['src', 'scripts', 'bench', 'examples']) {
    for (const file of await readdir(`${root}${top}`, { recursive: true })) {
      if (/node_modules/.test(file) || !/\.m?[jt]s$/.test(file)) continue;
      const text = await readFile(`${root}${top}/${file}`, 'utf8');
      if (/mkdir(Sync)?\([^)]*recursive/.test(text)) wrong.push(`${top}/${file}`);
    }
  }
  expect(wrong).toEqual([]);
});
