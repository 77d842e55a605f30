/* Atomic writes: through links, with the modes of existing files, and into devices. */
import { execFileSync } from 'node:child_process';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { writeBytes } from '../../src/platform/files.js';
import { useFolder } from '../cli/folders.js';

const folder = useFolder();

const modeOf = async (path: string) => ((await stat(path)).mode & 0o7777).toString(8);
const isPosix = process.platform !== 'win32';
const isRoot = process.getuid?.() === 0;

afterEach(() => vi.restoreAllMocks());

describe('writeBytes', () => {
  it.each(['EACCES', 'EINVAL', 'EISDIR', 'ENOTSUP', 'EPERM'])(
    'succeeds where a folder cannot be synchronised: %s',
    async (code) => {
      const files = process.getBuiltinModule('node:fs/promises');
      const { open } = files;
      vi.spyOn(files, 'open').mockImplementation(async (path, ...rest) => {
        if (path === folder.path) throw Object.assign(new Error(code), { code });
        return open(path, ...rest);
      });
      await writeBytes(folder.at(`unsynchronised-${code}`), code);
      expect(await readFile(folder.at(`unsynchronised-${code}`), 'utf8')).toBe(code);
    },
  );

  it('rejects where a folder fails to synchronise', async () => {
    const files = process.getBuiltinModule('node:fs/promises');
    const { open } = files;
    vi.spyOn(files, 'open').mockImplementation(async (path, ...rest) => {
      if (path === folder.path) throw Object.assign(new Error('a broken disk'), { code: 'EIO' });
      return open(path, ...rest);
    });
    await expect(writeBytes(folder.at('broken'), 'x')).rejects.toThrow('a broken disk');
  });

  it('creates a file, and replaces one', async () => {
    const path = folder.at('plain');
    for (const content of ['first', 'second, longer', '3']) {
      await writeBytes(path, content);
      expect(await readFile(path, 'utf8')).toBe(content);
    }
  });

  it.runIf(isPosix).each([0o600, 0o640, 0o664, 0o755, 0o400])(
    'keeps mode %o of an existing file',
    async (mode) => {
      const path = folder.at(`mode-${mode}`);
      await writeFile(path, 'before');
      await chmod(path, mode);
      await writeBytes(path, 'after');
      expect(await readFile(path, 'utf8')).toBe('after');
      expect(await modeOf(path)).toBe(mode.toString(8));
    },
  );

  it.runIf(isRoot)('keeps the owner of an existing file', async () => {
    const path = folder.at('owned');
    await writeFile(path, 'before');
    await chown(path, 12_345, 23_456);
    await chmod(path, 0o4750);
    await writeBytes(path, 'after');
    expect(await stat(path)).toMatchObject({ uid: 12_345, gid: 23_456 });
    expect(await modeOf(path)).toBe('4750');
  });

  it.runIf(isPosix)('never lets others read the content of a private file', async () => {
    const path = folder.at('private');
    await writeFile(path, 'before');
    await chmod(path, 0o600);
    const file = await open(path);
    const handles = Object.getPrototypeOf(file);
    await file.close();
    const modes: string[] = [];
    vi.spyOn(handles, 'writeFile').mockImplementation(async function (this: typeof file) {
      modes.push(((await this.stat()).mode & 0o777).toString(8));
    });
    await writeBytes(path, 'after');
    expect(modes).toEqual(['600']);
  });

  it.runIf(isPosix)('follows a chain of links to a file, also in another folder', async () => {
    await mkdir(folder.at('elsewhere'));
    await writeFile(folder.at('elsewhere/real'), 'before');
    await symlink('elsewhere/real', folder.at('link'));
    await symlink(folder.at('link'), folder.at('link-to-link'));
    await writeBytes(folder.at('link-to-link'), 'after');
    expect(await readFile(folder.at('elsewhere/real'), 'utf8')).toBe('after');
    expect(await readlink(folder.at('link'))).toBe('elsewhere/real');
    expect((await lstat(folder.at('link-to-link'))).isSymbolicLink()).toBe(true);
    expect(await readdir(folder.at('elsewhere'))).toEqual(['real']);
  });

  it.runIf(isPosix)('creates the file behind a link to nothing', async () => {
    await mkdir(folder.at('deep/er'), { recursive: true });
    await symlink('../new', folder.at('deep/er/dangling'));
    await writeBytes(folder.at('deep/er/dangling'), 'made');
    expect(await readFile(folder.at('deep/new'), 'utf8')).toBe('made');
    expect(await readlink(folder.at('deep/er/dangling'))).toBe('../new');
  });

  it.runIf(isPosix)('fails for links in a circle', async () => {
    await symlink('b', folder.at('a'));
    await symlink('a', folder.at('b'));
    await expect(writeBytes(folder.at('a'), 'x')).rejects.toThrow(/ELOOP/);
  });

  it.runIf(isPosix && isRoot)('writes into a device instead of replacing it', async () => {
    // A copy of /dev/null, which a fault would otherwise replace for the whole machine.
    const device = folder.at('null');
    execFileSync('mknod', [device, 'c', '1', '3']);
    await writeBytes(device, 'x');
    expect((await stat(device)).isCharacterDevice()).toBe(true);
  });

  it.runIf(isPosix)('writes into a pipe instead of replacing it', async () => {
    const pipe = folder.at('pipe');
    execFileSync('mkfifo', [pipe]);
    const [content] = await Promise.all([readFile(pipe, 'utf8'), writeBytes(pipe, 'through')]);
    expect(content).toBe('through');
    expect((await stat(pipe)).isFIFO()).toBe(true);
  });

  it('synchronises the file before it renames it, and the folder after that', async () => {
    const path = folder.at('durable');
    const file = await open(folder.path);
    const handles = Object.getPrototypeOf(file);
    await file.close();
    const seen: string[] = [];
    vi.spyOn(handles, 'sync').mockImplementation(async function (this: typeof file) {
      const isFolder = (await this.stat()).isDirectory();
      const exists = await stat(path).then(
        () => true,
        () => false,
      );
      seen.push(`${isFolder ? 'folder' : 'file'} ${exists ? 'after' : 'before'} the rename`);
    });
    await writeBytes(path, 'x');
    const folders = process.platform === 'win32' ? [] : ['folder after the rename'];
    expect(seen).toEqual(['file before the rename', ...folders]);
  });

  it('gives each write a temporary file of its own, also in another thread', async () => {
    const files = process.getBuiltinModule('node:fs/promises');
    const opened = vi.spyOn(files, 'open');
    vi.resetModules();
    // As another thread has it: with a state of its own.
    const again = await import('../../src/platform/files.js');
    expect(again.writeBytes).not.toBe(writeBytes);
    for (const write of [writeBytes, again.writeBytes]) await write(folder.at('threads'), 'x');
    const created = opened.mock.calls.filter(([, flags]) => flags !== undefined);
    expect(created).toHaveLength(2);
    expect(new Set(created.map(([path]) => path))).toHaveLength(2);
    // An existing file is never written to.
    expect(created.map(([, flags]) => flags)).toEqual(['wx', 'wx']);
  });

  it('leaves the file as it was when writing fails', async () => {
    const path = folder.at('kept');
    await writeBytes(path, 'before');
    const bad = { length: 1 } as unknown as Uint8Array;
    await expect(writeBytes(path, bad)).rejects.toThrow();
    expect(await readFile(path, 'utf8')).toBe('before');
    const left = (await readdir(folder.path)).filter((name) => name.endsWith('.part'));
    expect(left).toEqual([]);
  });
});
