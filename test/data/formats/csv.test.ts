import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCsvDigits } from '../../../src/data/index.js';
import { DataError } from '../../../src/errors.js';

const encode = (text: string) => new TextEncoder().encode(text);
const header = ['label', ...Array.from({ length: 784 }, (_, i) => `pixel${i}`)].join(',');

/** A line of CSV: the label, and pixels that count up from `first`. */
function row(label: number | string, first = 0): string {
  return [label, ...Array.from({ length: 784 }, (_, i) => (first + i) & 255)].join(',');
}

/** `row(3)` with one of its values replaced. */
function rowWith(column: number, value: string): string {
  return row(3).split(',').with(column, value).join(',');
}

async function expectError(text: string, message: string | RegExp): Promise<void> {
  const parsed = parseCsvDigits(encode(text), 'digits.csv');
  await expect(parsed).rejects.toThrow(DataError);
  await expect(parsed).rejects.toThrow(message);
}

describe('parseCsvDigits', () => {
  it('accepts files with and without a header line', async () => {
    const lines = `${row(3, 5)}\n${row(7, 9)}\n`;
    const plain = await parseCsvDigits(encode(lines), 'f');
    const headed = await parseCsvDigits(encode(`${header}\n${lines}`), 'f');
    expect(headed).toEqual(plain);
    expect([...plain.labels]).toEqual([3, 7]);
    expect(plain.images).toMatchObject({ count: 2, height: 28, width: 28 });
    expect([...plain.images.pixels.subarray(0, 3)]).toEqual([5, 6, 7]);
    expect([...plain.images.pixels.subarray(784, 787)]).toEqual([9, 10, 11]);
    expect(plain.images.pixels).toHaveLength(2 * 784);
  });

  it('reads back any digits that were written', async () => {
    const pixels = fc.uint8Array({ minLength: 784, maxLength: 784 });
    const digits = fc.array(fc.tuple(fc.nat(9), pixels), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(digits, async (written) => {
        const text = written.map(([label, image]) => [label, ...image].join(',')).join('\n');
        const read = await parseCsvDigits(encode(text), 'f');
        expect([...read.labels]).toEqual(written.map(([label]) => label));
        expect([...read.images.pixels]).toEqual(written.flatMap(([, image]) => [...image]));
      }),
      { numRuns: 20 },
    );
  });

  it('accepts Windows line ends, spaces, quotes, empty lines and a byte order mark', async () => {
    const odd = `\uFEFF${header}\r\n\r\n${row('"3"').replaceAll(',', ' , ')}\r\n${row(4)}`;
    const read = await parseCsvDigits(encode(odd), 'f');
    expect([...read.labels]).toEqual([3, 4]);
  });

  it.each([
    ['Windows and Unix', ['\r\n', '\n', '\r\n', '\n']],
    ['Unix and Windows', ['\n', '\r\n', '\n', '\r\n']],
    ['old Mac and others', ['\r', '\n', '\r\n', '\r']],
  ])('accepts mixed line ends: %s', async (_, ends) => {
    for (const first of [header, row(5)]) {
      const lines = [first, row(3, 5), row(7, 9), row(1)];
      const text = lines.map((line, i) => line + ends[i]).join('');
      const { labels, images } = await parseCsvDigits(encode(text), 'f');
      expect([...labels]).toEqual(first === header ? [3, 7, 1] : [5, 3, 7, 1]);
      expect([...images.pixels.subarray(-784, -782)]).toEqual([0, 1]);
    }
  });

  it.each(['\n', '\r\n', '\n\n\n', ' \n\t\n', '\uFEFF\n'])(
    'accepts a header after empty first lines %j',
    async (empty) => {
      const { labels } = await parseCsvDigits(
        encode(`${empty}${header}\n${row(3)}\n${row(4)}`),
        'f',
      );
      expect([...labels]).toEqual([3, 4]);
    },
  );

  it.each(['x', 'label', 'a3', '"n"', 'nan', 'E5', '_3'])(
    'rejects %s at the start of a later line, naming the line',
    async (text) => {
      const plain = text.replaceAll('"', '');
      for (const first of [header, row(1)]) {
        const message = `read digits.csv, line 3: expected a label 0 … 9, got "${plain}"`;
        await expectError(`${first}\n${row(2)}\n${row(text)}\n${row(4)}`, message);
        await expectError(`${first}\r\n\r\n${row(text)}`, message);
      }
      // A second header, as where two files were joined.
      await expectError(`${header}\n${row(2)}\n${header}`, 'line 3: expected a label 0 … 9');
    },
  );

  it('accepts an ArrayBuffer', async () => {
    const { buffer } = encode(`${row(3)}\n${row(4)}`);
    expect((await parseCsvDigits(buffer as ArrayBuffer, 'f')).images.count).toBe(2);
  });

  it('accepts a single line of one-digit values without a line end', async () => {
    const text = ['1', ...Array(784).fill('2')].join(',');
    expect((await parseCsvDigits(encode(text), 'f')).images.count).toBe(1);
  });

  it('rejects a wrong number of values, naming the line', async () => {
    const short = row(1).slice(0, row(1).lastIndexOf(','));
    await expectError(
      `${header}\n${row(1)}\n${short}\n`,
      'read digits.csv, line 3: expected a label and 784 pixels, got 784 values',
    );
    await expectError(`${row(1)},5`, 'line 1: expected a label and 784 pixels, got 786 values');
  });

  it.each(['10', '-1', '1.5', '', '12345'])('rejects the label "%s"', async (label) => {
    await expectError(
      `${row(1)}\n${row(label)}\n`,
      `read digits.csv, line 2: expected a label 0 … 9, got "${label}"`,
    );
  });

  it.each(['256', '-1', '0.5', 'x', '', '1e2'])('rejects the pixel "%s"', async (pixel) => {
    await expectError(
      `${row(1)}\n${rowWith(7, pixel)}\n`,
      `read digits.csv, line 2: expected pixel 7 to be 0 … 255, got "${pixel}"`,
    );
  });

  it('rejects text that is not CSV and files without digits', async () => {
    await expectError('', 'read digits.csv: expected at least one line of digits, got none');
    await expectError(`${header}\n`, 'expected at least one line of digits, got none');
    await expectError(`${row(1)}\n3,"4\n`, /read digits\.csv: .*Quote Not Closed.* line 2/);
  });
});

describe('parseCsvDigits on files with the label in the last column', () => {
  const names = Array.from({ length: 784 }, (_, i) => `pixel${i + 1}`);
  /** A digit whose border is background, as in MNIST. */
  const image = (seed: number) =>
    Array.from({ length: 784 }, (_, i) => (i % 28 > 3 && i % 28 < 24 ? (i * seed) % 256 : 0));
  const digits = [5, 0, 4, 1].map((label) => ({ label, image: image(label + 1) }));
  const last = digits.map(({ label, image }) => [...image, label].join(',')).join('\n');
  const first = digits.map(({ label, image }) => [label, ...image].join(',')).join('\n');

  it.each([
    ['OpenML', [...names, 'class']],
    ['upper case', [...names, 'Label']],
    ['quotes within the names', [...names, 'class'].map((name) => `'${name}'`)],
    ['an unknown name after pixels', [...names, 'which']],
  ])('reads it by the header: %s', async (_name, header) => {
    const want = await parseCsvDigits(encode(first), 'f');
    expect(await parseCsvDigits(encode(`${header.join(',')}\n${last}`), 'f')).toEqual(want);
  });

  it.each([
    ['Kaggle', ['label', ...names]],
    [
      'rows and columns',
      ['class', ...names.map((_, i) => `${Math.floor(i / 28) + 1}x${(i % 28) + 1}`)],
    ],
    ['an unknown name before pixels', ['which', ...names]],
  ])('still reads labels in the first column by the header: %s', async (_name, header) => {
    const { labels } = await parseCsvDigits(encode(`${header.join(',')}\n${first}`), 'f');
    expect([...labels]).toEqual([5, 0, 4, 1]);
  });

  it('reads it by the option', async () => {
    const want = await parseCsvDigits(encode(first), 'f', { labelColumn: 'first' });
    expect(await parseCsvDigits(encode(last), 'f', { labelColumn: 'last' })).toEqual(want);
  });

  it('rejects labels that cannot be labels, and names the option', async () => {
    const message = (got: string, other: string) =>
      `read f: expected labels in the ${got} column, got 0 in all lines, and different values 0 … 9 in the ${other} column; pass labelColumn: '${other}'`;
    await expect(parseCsvDigits(encode(last), 'f')).rejects.toThrow(message('first', 'last'));
    await expect(parseCsvDigits(encode(last), 'f')).rejects.toThrow(DataError);
    const wrong = parseCsvDigits(encode(first), 'f', { labelColumn: 'last' });
    await expect(wrong).rejects.toThrow(message('last', 'first'));
    const unclear = `${names.join(',')},pixel785\n${last}`;
    await expect(parseCsvDigits(encode(unclear), 'f')).rejects.toThrow(message('first', 'last'));
  });

  it('rejects an option that contradicts the header', async () => {
    const text = `${names.join(',')},class\n${last}`;
    await expect(parseCsvDigits(encode(text), 'f', { labelColumn: 'first' })).rejects.toThrow(
      new DataError(
        'read f, line 1: expected labels in the first column, got a header with labels last',
      ),
    );
  });

  it('accepts files of one digit', async () => {
    const sevens = digits.map(({ image }) => [7, ...image].join(',')).join('\n');
    expect([...(await parseCsvDigits(encode(sevens), 'f')).labels]).toEqual([7, 7, 7, 7]);
  });
});
