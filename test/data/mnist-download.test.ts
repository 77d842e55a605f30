import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type DownloadProgress, loadMnist, type MnistFile } from '../../src/data/index.js';
import { DataError } from '../../src/errors.js';
import { checksumsOf, smallMnist, temporaryFolder } from './idx-bytes.js';
import { type Answer, breakAfter, serveRange, serveWhole, startMirror } from './mirror-server.js';

const files = smallMnist();
const checksums = checksumsOf(files);
const packed = Object.fromEntries(
  Object.entries(files).map(([name, bytes]) => [`${name}.gz`, new Uint8Array(gzipSync(bytes))]),
);
const names = Object.keys(packed).sort();
const first = 'train-images-idx3-ubyte' satisfies MnistFile;
const firstPacked = packed[`${first}.gz`];
/** An address where no server listens. */
const NOWHERE = 'http://127.0.0.1:2/';

beforeEach(() => {
  vi.stubEnv('HANDGRAD_MNIST', undefined);
});

describe('a download of MNIST', () => {
  it('is stored in the cache folder and read from there afterwards', async () => {
    const cacheDirectory = join(await temporaryFolder(), 'not', 'there', 'yet');
    const mirror = await startMirror(packed);
    const options = { cacheDirectory, checksums, baseUrls: [mirror.url] };
    const { train, test } = await loadMnist(options);
    expect(train.inputs).toEqual(files['train-images-idx3-ubyte'].subarray(16));
    expect(test.size).toBe(20);
    expect((await readdir(cacheDirectory)).sort()).toEqual(names);
    await loadMnist({ ...options, baseUrls: [NOWHERE], download: false });
    expect(mirror.requests).toHaveLength(4);
  });

  it('fetches only the files that are missing', async () => {
    const { [`${first}.gz`]: _, ...others } = packed;
    const cacheDirectory = await temporaryFolder(others);
    const mirror = await startMirror(packed);
    await loadMnist({ cacheDirectory, checksums, baseUrls: [mirror.url] });
    expect(mirror.requests.map(({ path }) => path)).toEqual([`${first}.gz`]);
  });

  it('reports progress up to the size of each file', async () => {
    const mirror = await startMirror(packed);
    const seen: DownloadProgress[] = [];
    await loadMnist({
      cacheDirectory: await temporaryFolder(),
      checksums,
      baseUrls: [mirror.url],
      onProgress: (progress) => seen.push(progress),
    });
    expect(seen.filter(({ received, total }) => received === total)).toHaveLength(4);
    expect(seen.findLast(({ file }) => file === first)).toEqual({
      file: first,
      received: firstPacked.length,
      total: firstPacked.length,
    });
  });

  it('resumes from the next mirror after an interruption', async () => {
    const cacheDirectory = await temporaryFolder();
    const broken = await startMirror(packed, breakAfter(300));
    const good = await startMirror(packed);
    await loadMnist({ cacheDirectory, checksums, baseUrls: [broken.url, good.url] });
    expect(good.requests[0]).toEqual({ path: `${first}.gz`, range: 'bytes=300-' });
    expect((await readdir(cacheDirectory)).sort()).toEqual(names);
  });

  it('resumes in the next call, and counts earlier bytes as progress', async () => {
    const cacheDirectory = await temporaryFolder();
    const broken = await startMirror(packed, breakAfter(300));
    await expect(loadMnist({ cacheDirectory, checksums, baseUrls: [broken.url] })).rejects.toThrow(
      DataError,
    );
    expect(await readdir(cacheDirectory)).toEqual([`${first}.gz.part`]);

    const good = await startMirror(packed);
    const seen: DownloadProgress[] = [];
    await loadMnist({
      cacheDirectory,
      checksums,
      baseUrls: [good.url],
      onProgress: (progress) => seen.push(progress),
    });
    expect(good.requests[0].range).toBe('bytes=300-');
    expect(seen[0].received).toBeGreaterThan(300);
    expect(seen[0].total).toBe(firstPacked.length);
    expect((await readdir(cacheDirectory)).sort()).toEqual(names);
  });

  it('starts over if the mirror does not support Range requests', async () => {
    const part = new Uint8Array(firstPacked.length + 50).fill(1);
    const cacheDirectory = await temporaryFolder({ [`${first}.gz.part`]: part });
    const mirror = await startMirror(packed, serveWhole);
    await loadMnist({ cacheDirectory, checksums, baseUrls: [mirror.url] });
    expect(await readFile(join(cacheDirectory, `${first}.gz`))).toEqual(Buffer.from(firstPacked));
  });

  it('starts over if the partial file has other content', async () => {
    const cacheDirectory = await temporaryFolder({ [`${first}.gz.part`]: new Uint8Array(100) });
    const mirror = await startMirror(packed);
    await loadMnist({ cacheDirectory, checksums, baseUrls: [mirror.url] });
    const ranges = mirror.requests.filter(({ path }) => path === `${first}.gz`);
    expect(ranges.map(({ range }) => range)).toEqual(['bytes=100-', undefined]);
  });

  it('only checks and renames a complete partial file', async () => {
    const cacheDirectory = await temporaryFolder({ [`${first}.gz.part`]: firstPacked });
    const mirror = await startMirror(packed);
    await loadMnist({ cacheDirectory, checksums, baseUrls: [mirror.url] });
    expect(mirror.requests.filter(({ path }) => path === `${first}.gz`)).toHaveLength(1);
    expect((await readdir(cacheDirectory)).sort()).toEqual(names);
  });

  it('discards a file with a wrong checksum and tries the next mirror', async () => {
    const cacheDirectory = await temporaryFolder();
    const other = new Uint8Array(gzipSync(Buffer.from('something else')));
    const wrong = await startMirror({ ...packed, [`${first}.gz`]: other });
    const good = await startMirror(packed);
    const baseUrls = [wrong.url, good.url];
    await loadMnist({ cacheDirectory, checksums, baseUrls });
    expect(good.requests).toEqual([{ path: `${first}.gz`, range: undefined }]);
    expect((await readdir(cacheDirectory)).sort()).toEqual(names);
  });

  it('fails if all mirrors have a wrong checksum, names both checksums and leaves no file', async () => {
    const cacheDirectory = await temporaryFolder();
    const mirror = await startMirror(packed);
    const loading = loadMnist({
      cacheDirectory,
      checksums: { ...checksums, [first]: 'cafe' },
      baseUrls: [mirror.url],
    });
    await expect(loading).rejects.toThrow(DataError);
    await expect(loading).rejects.toThrow(
      `check ${first}: expected SHA-256 cafe, got ${checksums[first]}`,
    );
    expect(await readdir(cacheDirectory)).toEqual([]);
  });

  it('leaves no file if the content is corrupt', async () => {
    const cacheDirectory = await temporaryFolder();
    const mirror = await startMirror({ [`${first}.gz`]: firstPacked.subarray(0, 200) });
    await expect(loadMnist({ cacheDirectory, checksums, baseUrls: [mirror.url] })).rejects.toThrow(
      /expected a complete gzip file, got 200 bytes/,
    );
    expect(await readdir(cacheDirectory)).toEqual([]);
  });

  it('uses the second mirror when the first lacks the file or does not respond', async () => {
    const empty = await startMirror({});
    const good = await startMirror(packed);
    for (const bad of [empty.url, NOWHERE]) {
      const cacheDirectory = await temporaryFolder();
      const { train } = await loadMnist({
        cacheDirectory,
        checksums,
        baseUrls: [bad, good.url.replace(/\/$/, '')],
      });
      expect(train.size).toBe(30);
    }
  });

  it('fails without a network, with the reason for each mirror and a hint', async () => {
    const cacheDirectory = await temporaryFolder();
    const empty = await startMirror({});
    const loading = loadMnist({ cacheDirectory, checksums, baseUrls: [NOWHERE, empty.url] });
    await expect(loading).rejects.toThrow(DataError);
    await expect(loading).rejects.toThrow(/127\.0\.0\.1:2\/.*ECONNREFUSED/);
    await expect(loading).rejects.toThrow(`${empty.url}${first}.gz (HTTP status 404)`);
    await expect(loading).rejects.toThrow(
      /point HANDGRAD_MNIST, --data or loadMnist\(\{ directory \}\) at a folder with the four MNIST files, or use syntheticDigits\(\)$/,
    );
    expect(await readdir(cacheDirectory)).toEqual([]);
  });

  it('stops when aborted, rejects with the reason and keeps the received content', async () => {
    const cacheDirectory = await temporaryFolder();
    const stuck: Answer = (_request, response, bytes) => {
      response.writeHead(200, { 'content-length': bytes?.length ?? 0 });
      response.write(bytes?.subarray(0, 300));
    };
    const mirrors = [await startMirror(packed, stuck), await startMirror(packed)];
    const abort = new AbortController();
    const reason = new Error('enough');
    const loading = loadMnist({
      cacheDirectory,
      checksums,
      baseUrls: mirrors.map(({ url }) => url),
      signal: abort.signal,
      onProgress: () => abort.abort(reason),
    });
    await expect(loading).rejects.toBe(reason);
    expect(mirrors[1].requests).toEqual([]);
    expect(await readdir(cacheDirectory)).toEqual([`${first}.gz.part`]);
    expect(await readFile(join(cacheDirectory, `${first}.gz.part`))).toHaveLength(300);
  });

  it('does not start if the signal is already aborted', async () => {
    const mirror = await startMirror(packed);
    const signal = AbortSignal.abort(new Error('never mind'));
    await expect(loadMnist({ baseUrls: [mirror.url], signal })).rejects.toThrow('never mind');
    expect(mirror.requests).toEqual([]);
  });

  it('does not start with download: false', async () => {
    const mirror = await startMirror(packed);
    const cacheDirectory = await temporaryFolder();
    const loading = loadMnist({ cacheDirectory, baseUrls: [mirror.url], download: false });
    await expect(loading).rejects.toThrow(DataError);
    await expect(loading).rejects.toThrow(
      /loadMnist: expected the MNIST files in .*, got no train-images-idx3-ubyte, .*allow the download/,
    );
    expect(mirror.requests).toEqual([]);
  });

  it('can run twice concurrently in one folder', async () => {
    const cacheDirectory = await temporaryFolder();
    const dribble: Answer = (request, response, bytes) => {
      setTimeout(() => serveRange(request, response, bytes), 30 * Math.random());
    };
    const mirror = await startMirror(packed, dribble);
    const options = { cacheDirectory, checksums, baseUrls: [mirror.url] };
    const loaded = await Promise.all([loadMnist(options), loadMnist(options), loadMnist(options)]);
    expect(loaded.map(({ train }) => train.size)).toEqual([30, 30, 30]);
    expect((await readdir(cacheDirectory)).sort()).toEqual(names);
  });

  it('fails if the folder cannot be created, without trying the mirrors', async () => {
    const folder = await temporaryFolder({ file: 'not a folder' });
    const mirror = await startMirror(packed);
    const loading = loadMnist({
      cacheDirectory: join(folder, 'file', 'cache'),
      checksums,
      baseUrls: [mirror.url],
    });
    await expect(loading).rejects.toThrow(DataError);
    await expect(loading).rejects.toThrow(/expected to write to .*cache, got "ENOTDIR.*free space/);
    expect(mirror.requests).toEqual([]);
  });

  // Writes to /dev/full fail like those to a full disk; only Linux has it.
  it.skipIf(process.platform !== 'linux')(
    'onto a full disk is an error that says so and asks no second mirror (needs /dev/full of Linux)',
    async () => {
      const cacheDirectory = await temporaryFolder();
      await symlink('/dev/full', join(cacheDirectory, `${first}.gz.part`));
      const mirrors = [await startMirror(packed), await startMirror(packed)];
      const baseUrls = mirrors.map(({ url }) => url);
      const loading = loadMnist({ cacheDirectory, checksums, baseUrls });
      await expect(loading).rejects.toThrow(DataError);
      await expect(loading).rejects.toThrow(/ENOSPC/);
      expect(mirrors[1].requests).toEqual([]);
    },
  );

  it('uses the platform’s cache folder by default', async () => {
    const home = await temporaryFolder();
    for (const variable of ['HOME', 'XDG_CACHE_HOME', 'LOCALAPPDATA']) vi.stubEnv(variable, home);
    const mirror = await startMirror(packed);
    await loadMnist({ checksums, baseUrls: [mirror.url] });
    const found = await readdir(home, { recursive: true });
    const names = found.filter((path) => path.endsWith('.gz'));
    expect(names).toHaveLength(4);
    expect(names.every((path) => path.includes('handgrad'))).toBe(true);
  });

  it('uses the fetch option', async () => {
    const asked: string[] = [];
    const given: typeof fetch = async (url) => {
      asked.push(String(url));
      return new Response(packed[String(url).split('/').at(-1) ?? '']);
    };
    const cacheDirectory = await temporaryFolder();
    await loadMnist({ cacheDirectory, checksums, fetch: given });
    expect(asked[0]).toBe(`https://ossci-datasets.s3.amazonaws.com/mnist/${first}.gz`);
    expect(asked).toHaveLength(4);
  });

  it('accepts content that the server sends unpacked', async () => {
    const cacheDirectory = await temporaryFolder();
    const encoded: Answer = (_request, response, bytes) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bytes);
    };
    const mirror = await startMirror(packed, encoded);
    const { train } = await loadMnist({ cacheDirectory, checksums, baseUrls: [mirror.url] });
    expect(train.size).toBe(30);
  });

  it('names a file that was damaged in the cache', async () => {
    const cacheDirectory = await temporaryFolder(packed);
    await writeFile(join(cacheDirectory, `${first}.gz`), firstPacked.subarray(0, 100));
    const loading = loadMnist({ cacheDirectory, checksums });
    await expect(loading).rejects.toThrow(join(cacheDirectory, `${first}.gz`));
    await expect(loading).rejects.toThrow(/delete it and download it again/);
  });
});
