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
/** An address where nobody listens. */
const NOWHERE = 'http://127.0.0.1:2/';

beforeEach(() => {
  vi.stubEnv('HANDGRAD_MNIST', undefined);
});

describe('a download of MNIST', () => {
  it('goes to the cache folder once, and is read from there afterwards', async () => {
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

  it('reports progress up to the whole of each file', async () => {
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

  it('that breaks goes on at the next mirror from where it stopped', async () => {
    const cacheDirectory = await temporaryFolder();
    const broken = await startMirror(packed, breakAfter(300));
    const good = await startMirror(packed);
    await loadMnist({ cacheDirectory, checksums, baseUrls: [broken.url, good.url] });
    expect(good.requests[0]).toEqual({ path: `${first}.gz`, range: 'bytes=300-' });
    expect((await readdir(cacheDirectory)).sort()).toEqual(names);
  });

  it('that broke goes on in the next run, whose progress counts what was there', async () => {
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

  it('starts over where the mirror knows no Range requests', async () => {
    const part = new Uint8Array(firstPacked.length + 50).fill(1);
    const cacheDirectory = await temporaryFolder({ [`${first}.gz.part`]: part });
    const mirror = await startMirror(packed, serveWhole);
    await loadMnist({ cacheDirectory, checksums, baseUrls: [mirror.url] });
    expect(await readFile(join(cacheDirectory, `${first}.gz`))).toEqual(Buffer.from(firstPacked));
  });

  it('starts over when what was there turns out not to belong to the file', async () => {
    const cacheDirectory = await temporaryFolder({ [`${first}.gz.part`]: new Uint8Array(100) });
    const mirror = await startMirror(packed);
    await loadMnist({ cacheDirectory, checksums, baseUrls: [mirror.url] });
    const ranges = mirror.requests.filter(({ path }) => path === `${first}.gz`);
    expect(ranges.map(({ range }) => range)).toEqual(['bytes=100-', undefined]);
  });

  it('of which all had arrived is only checked and renamed', async () => {
    const cacheDirectory = await temporaryFolder({ [`${first}.gz.part`]: firstPacked });
    const mirror = await startMirror(packed);
    await loadMnist({ cacheDirectory, checksums, baseUrls: [mirror.url] });
    expect(mirror.requests.filter(({ path }) => path === `${first}.gz`)).toHaveLength(1);
    expect((await readdir(cacheDirectory)).sort()).toEqual(names);
  });

  it('with a wrong checksum is thrown away, and the next mirror tried', async () => {
    const cacheDirectory = await temporaryFolder();
    const other = new Uint8Array(gzipSync(Buffer.from('something else')));
    const wrong = await startMirror({ ...packed, [`${first}.gz`]: other });
    const good = await startMirror(packed);
    const baseUrls = [wrong.url, good.url];
    await loadMnist({ cacheDirectory, checksums, baseUrls });
    expect(good.requests).toEqual([{ path: `${first}.gz`, range: undefined }]);
    expect((await readdir(cacheDirectory)).sort()).toEqual(names);
  });

  it('with a wrong checksum everywhere is an error that names both sums and leaves nothing', async () => {
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

  it('that arrives corrupt leaves nothing either', async () => {
    const cacheDirectory = await temporaryFolder();
    const mirror = await startMirror({ [`${first}.gz`]: firstPacked.subarray(0, 200) });
    await expect(loadMnist({ cacheDirectory, checksums, baseUrls: [mirror.url] })).rejects.toThrow(
      /expected a whole gzip file, got 200 bytes/,
    );
    expect(await readdir(cacheDirectory)).toEqual([]);
  });

  it('takes the second mirror when the first lacks the file or does not answer', async () => {
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

  it('without a network says what each mirror did and how to mend it', async () => {
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

  it('stops at once when aborted, with the reason, and keeps what has arrived', async () => {
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

  it('is not begun when the signal is aborted already', async () => {
    const mirror = await startMirror(packed);
    const signal = AbortSignal.abort(new Error('never mind'));
    await expect(loadMnist({ baseUrls: [mirror.url], signal })).rejects.toThrow('never mind');
    expect(mirror.requests).toEqual([]);
  });

  it('is not begun with download: false', async () => {
    const mirror = await startMirror(packed);
    const cacheDirectory = await temporaryFolder();
    const loading = loadMnist({ cacheDirectory, baseUrls: [mirror.url], download: false });
    await expect(loading).rejects.toThrow(DataError);
    await expect(loading).rejects.toThrow(
      /loadMnist: expected the MNIST files in .*, got no train-images-idx3-ubyte, .*allow the download/,
    );
    expect(mirror.requests).toEqual([]);
  });

  it('may run twice at once into one folder', async () => {
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

  it('into a folder that cannot be made is an error that does not blame the mirrors', async () => {
    const folder = await temporaryFolder({ file: 'not a folder' });
    const mirror = await startMirror(packed);
    const loading = loadMnist({
      cacheDirectory: join(folder, 'file', 'cache'),
      checksums,
      baseUrls: [mirror.url],
    });
    await expect(loading).rejects.toThrow(DataError);
    await expect(loading).rejects.toThrow(/expected to write to .*cache, got "ENOTDIR.*make room/);
    expect(mirror.requests).toEqual([]);
  });

  // /dev/full refuses every write as a full disk does; only Linux has it.
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

  it('goes to the cache folder of the platform where none is given', async () => {
    const home = await temporaryFolder();
    for (const variable of ['HOME', 'XDG_CACHE_HOME', 'LOCALAPPDATA']) vi.stubEnv(variable, home);
    const mirror = await startMirror(packed);
    await loadMnist({ checksums, baseUrls: [mirror.url] });
    const found = await readdir(home, { recursive: true });
    const names = found.filter((path) => path.endsWith('.gz'));
    expect(names).toHaveLength(4);
    expect(names.every((path) => path.includes('handgrad'))).toBe(true);
  });

  it('uses the fetch it is given', async () => {
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

  it('is unpacked already where the server sends it so', async () => {
    const cacheDirectory = await temporaryFolder();
    const encoded: Answer = (_request, response, bytes) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bytes);
    };
    const mirror = await startMirror(packed, encoded);
    const { train } = await loadMnist({ cacheDirectory, checksums, baseUrls: [mirror.url] });
    expect(train.size).toBe(30);
  });

  it('that was damaged in the cache later is an error that names the file', async () => {
    const cacheDirectory = await temporaryFolder(packed);
    await writeFile(join(cacheDirectory, `${first}.gz`), firstPacked.subarray(0, 100));
    const loading = loadMnist({ cacheDirectory, checksums });
    await expect(loading).rejects.toThrow(join(cacheDirectory, `${first}.gz`));
    await expect(loading).rejects.toThrow(/delete it and fetch it again/);
  });
});
