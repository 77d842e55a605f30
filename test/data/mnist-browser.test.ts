import { createContext, Script } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it, vi } from 'vitest';
import { type DownloadProgress, loadMnist } from '../../src/data/index.js';
import { DataError } from '../../src/errors.js';
import { checksumsOf, smallMnist } from './idx-bytes.js';
import { startMirror } from './mirror-server.js';

vi.mock('../../src/platform/node.js', () => ({
  inNode: false,
  nodeModule: () => {
    throw new Error('a browser has no such module');
  },
}));

const files = smallMnist();
const checksums = checksumsOf(files);
const packed = Object.fromEntries(
  Object.entries(files).map(([name, bytes]) => [`${name}.gz`, new Uint8Array(gzipSync(bytes))]),
);

describe('loadMnist in a browser', () => {
  it('downloads the files from baseUrls, and tries the next mirror after a failure', async () => {
    const empty = await startMirror({});
    const mirror = await startMirror(packed);
    const seen: DownloadProgress[] = [];
    const { train, test } = await loadMnist({
      baseUrls: [empty.url, mirror.url],
      checksums,
      onProgress: (progress) => seen.push(progress),
    });
    expect([train.size, test.size]).toEqual([30, 20]);
    expect(train.inputs).toEqual(files['train-images-idx3-ubyte'].subarray(16));
    expect(seen.filter(({ received, total }) => received === total)).toHaveLength(4);
  });

  it('rejects files with another checksum', async () => {
    const mirror = await startMirror(packed);
    const loading = loadMnist({ baseUrls: [mirror.url] });
    await expect(loading).rejects.toThrow(DataError);
    await expect(loading).rejects.toThrow(/expected SHA-256 ba8910\w+, got \w+/);
  });

  it('fails with a hint if the page cannot compute SHA-256', async () => {
    const mirror = await startMirror(packed);
    vi.stubGlobal('crypto', undefined);
    const loading = loadMnist({ baseUrls: [mirror.url], checksums });
    await expect(loading).rejects.toThrow(/expected crypto\.subtle .* serve the page over https/);
    vi.unstubAllGlobals();
  });

  it('rejects options that browsers do not support', async () => {
    await expect(loadMnist({ directory: 'data' })).rejects.toThrow(
      'loadMnist: expected neither directory nor download: false in a browser, got a directory; pass baseUrls instead',
    );
    await expect(loadMnist({ download: false })).rejects.toThrow('got download: false');
  });

  it('rejects with the signal’s reason when aborted', async () => {
    const mirror = await startMirror(packed);
    const abort = new AbortController();
    const loading = loadMnist({
      baseUrls: [mirror.url],
      checksums,
      signal: abort.signal,
      onProgress: () => abort.abort(new Error('enough')),
    });
    await expect(loading).rejects.toThrow('enough');
    expect(mirror.requests).toHaveLength(1);
  });
});

describe('handgrad/data', () => {
  it('can be bundled for browsers, and draws digits and parses CSV without Node', async () => {
    const { outputFiles } = await build({
      entryPoints: ['src/data/index.ts'],
      bundle: true,
      write: false,
      platform: 'browser',
      format: 'iife',
      globalName: 'data',
      logLevel: 'silent',
    });
    // A new realm has the language's built-in objects but none of Node's.
    const realm = createContext({ csv: ['7', ...Array(784).fill('5')].join(',') });
    const script = `${outputFiles[0].text}
      const bytes = Uint8Array.from(csv, (character) => character.charCodeAt(0));
      data.parseCsvDigits(bytes, 'f').then(({ labels }) =>
        [typeof process, labels[0], data.syntheticDigits({ trainSize: 3, testSize: 1 }).train.size]);`;
    expect(await new Script(script).runInContext(realm)).toEqual(['undefined', 7, 3]);
  });
});
