import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gunzip, parseIdxImages, parseIdxLabels } from '../../../src/data/index.js';
import { DataError } from '../../../src/errors.js';
import { idxBytes } from '../idx-bytes.js';

describe('parseIdxImages', () => {
  it('reads back sizes and pixels that were written', () => {
    const size = fc.integer({ min: 1, max: 6 });
    const anyImages = fc.tuple(size, size, size).chain(([count, height, width]) => {
      const length = count * height * width;
      const pixels = fc.uint8Array({ minLength: length, maxLength: length });
      return fc.record({
        count: fc.constant(count),
        height: fc.constant(height),
        width: fc.constant(width),
        pixels,
      });
    });
    fc.assert(
      fc.property(anyImages, (images) => {
        const { count, height, width, pixels } = images;
        const file = idxBytes(2051, [count, height, width], pixels);
        expect(parseIdxImages(file, 'images')).toEqual(images);
      }),
    );
  });

  it('rejects every length except the correct one, naming the file', () => {
    const whole = idxBytes(2051, [2, 3, 2], new Uint8Array(12).fill(9));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), (length) => {
        fc.pre(length !== whole.length);
        const bytes = new Uint8Array(length);
        bytes.set(whole.subarray(0, length));
        expect(() => parseIdxImages(bytes, 'some/file')).toThrow(DataError);
        expect(() => parseIdxImages(bytes, 'some/file')).toThrow('some/file');
      }),
    );
  });

  it('rejects another magic number, naming both', () => {
    const labels = idxBytes(2049, [4], [1, 2, 3, 4]);
    expect(() => parseIdxImages(labels, 'train-images')).toThrow(
      new DataError('read train-images: expected IDX images with magic number 2051, got 2049'),
    );
  });

  it('rejects a truncated header', () => {
    const header = idxBytes(2051, [2], []);
    expect(() => parseIdxImages(header, 'f')).toThrow(
      /read f: expected an IDX header of 16 bytes, got 8 bytes; the file is truncated/,
    );
    expect(() => parseIdxImages(new Uint8Array(0), 'f')).toThrow(/got 0 bytes/);
  });

  it('rejects missing pixels, naming both lengths', () => {
    const bytes = idxBytes(2051, [2, 2, 2], [1, 2, 3, 4, 5]);
    expect(() => parseIdxImages(bytes, 'f')).toThrow(
      new DataError(
        'read f: expected 2 × 2 × 2 = 8 bytes after the header, got 5; the file is truncated, download it again',
      ),
    );
  });

  it('rejects surplus bytes', () => {
    const bytes = idxBytes(2051, [1, 1, 2], [1, 2, 3]);
    expect(() => parseIdxImages(bytes, 'f')).toThrow(
      new DataError(
        'read f: expected 1 × 1 × 2 = 2 bytes after the header, got 3; the file has surplus bytes',
      ),
    );
  });

  it('rejects a size of zero', () => {
    expect(() => parseIdxImages(idxBytes(2051, [0, 28, 28], []), 'f')).toThrow(
      new DataError('read f: expected sizes of at least 1, got 0 × 28 × 28'),
    );
    expect(() => parseIdxImages(idxBytes(2051, [3, 28, 0], []), 'f')).toThrow('3 × 28 × 0');
  });

  it('reads from the middle of a larger buffer', () => {
    const file = idxBytes(2051, [1, 1, 2], [8, 9]);
    const padded = new Uint8Array(file.length + 6);
    padded.set(file, 3);
    const { pixels } = parseIdxImages(padded.subarray(3, 3 + file.length), 'f');
    expect([...pixels]).toEqual([8, 9]);
  });
});

describe('parseIdxLabels', () => {
  it('reads back labels that were written', () => {
    expect([...parseIdxLabels(idxBytes(2049, [3], [7, 0, 9]), 'labels')]).toEqual([7, 0, 9]);
  });

  it('rejects another magic number and a wrong number of labels', () => {
    expect(() => parseIdxLabels(idxBytes(2051, [1, 1, 1], [1]), 'f')).toThrow(
      'read f: expected IDX labels with magic number 2049, got 2051',
    );
    expect(() => parseIdxLabels(idxBytes(2049, [0], []), 'f')).toThrow('at least 1, got 0');
    expect(() => parseIdxLabels(idxBytes(2049, [3], [1, 2]), 'f')).toThrow('truncated');
    expect(() => parseIdxLabels(idxBytes(2049, [1], [1, 2]), 'f')).toThrow('surplus');
  });
});

describe('gunzip', () => {
  // Noise does not compress, so the packed file can be truncated at many lengths.
  const content = Uint8Array.from({ length: 5000 }, (_, i) => (i * i * 31 + (i >> 3) * 7) & 255);

  it('unpacks gzip files and returns other files unchanged', async () => {
    expect(await gunzip(new Uint8Array(gzipSync(content)), 'f.gz')).toEqual(content);
    expect(await gunzip(content, 'f')).toBe(content);
    expect(await gunzip(new Uint8Array(0), 'f')).toHaveLength(0);
  });

  it('reads a file of several members', async () => {
    const members = [content.subarray(0, 7), content.subarray(7, 7), content.subarray(7)];
    const packed = new Uint8Array(Buffer.concat(members.map((part) => gzipSync(part))));
    expect(await gunzip(packed, 'f.gz')).toEqual(content);
  });

  it.each([[[0]], [Array(512).fill(0)], [[1, 2, 3]], [[0x1f]], [[0x1f, 0x8c, 8]]])(
    'ignores bytes behind its end: %j',
    async (behind) => {
      const packed = new Uint8Array([...gzipSync(content), ...behind]);
      expect(await gunzip(packed, 'f.gz')).toEqual(content);
    },
  );

  it('ignores bytes behind several members with all optional fields', async () => {
    const optional = (flags: number, fields: readonly number[]) => {
      const packed = gzipSync(content);
      packed[3] = flags;
      return Buffer.concat([packed.subarray(0, 10), Uint8Array.from(fields), packed.subarray(10)]);
    };
    const packed = new Uint8Array(
      Buffer.concat([
        optional(8, [97, 98, 0]),
        optional(16 + 4, [3, 0, 9, 9, 9, 104, 105, 0]),
        optional(4 + 8, [0, 0, 0]),
        Uint8Array.of(5, 6),
      ]),
    );
    const unpacked = await gunzip(packed, 'f.gz');
    expect(unpacked).toEqual(new Uint8Array(Buffer.concat([content, content, content])));
    for (const cut of [11, 12, packed.length / 3, packed.length - 3]) {
      await expect(gunzip(packed.slice(0, cut), 'f.gz')).rejects.toThrow(DataError);
    }
  });

  it('rejects a second member that is cut off', async () => {
    const packed = gzipSync(content);
    const cut = new Uint8Array([...packed, ...packed.subarray(0, 2000)]);
    await expect(gunzip(cut, 'f.gz')).rejects.toThrow(DataError);
  });

  it('and the parsers accept an ArrayBuffer', async () => {
    const { buffer } = new Uint8Array(gzipSync(idxBytes(2049, [3], [7, 0, 9])));
    const unpacked = await gunzip(buffer, 'f.gz');
    expect([...parseIdxLabels(unpacked.slice().buffer, 'f')]).toEqual([7, 0, 9]);
    const images = idxBytes(2051, [1, 1, 2], [5, 6]).slice().buffer as ArrayBuffer;
    expect([...parseIdxImages(images, 'f').pixels]).toEqual([5, 6]);
  });

  it('rejects a file truncated at any length, naming it', async () => {
    const packed = new Uint8Array(gzipSync(content));
    for (const length of [2, 9, 10, 100, packed.length - 8, packed.length - 1]) {
      const cut = gunzip(packed.slice(0, length), 'data/f.gz');
      await expect(cut).rejects.toThrow(DataError);
      await expect(cut).rejects.toThrow(/^unpack data\/f\.gz: .* delete it and download it again$/);
    }
  });

  it('rejects a file whose content does not match its checksum', async () => {
    const packed = new Uint8Array(gzipSync(content));
    packed[packed.length - 6] ^= 1;
    await expect(gunzip(packed, 'f.gz')).rejects.toThrow(DataError);
  });
});
