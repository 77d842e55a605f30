/**
 * Digits as comma-separated values, a common form of MNIST: one image per line,
 *
 *   label, pixel 1, …, pixel 784        label 0 … 9, pixels 0 … 255, row-major
 *
 * with or without a header line.
 */

import { expectFile } from '../../checks.js';
import { DataError, reasonOf } from '../../errors.js';
import type { LabelledImages } from '../image-dataset.js';

const SIDE = 28;
const PIXELS = SIDE * SIDE;

/**
 * Parses digits in the format of `mnist_train.csv`.
 *
 * @param bytes the unpacked file, ASCII or UTF-8
 * @param file  its name, for messages
 * @returns images of 28×28 bytes with their labels
 * @throws DataError with the line number, for a wrong number of values or a value out of range
 */
export async function parseCsvDigits(bytes: Uint8Array, file: string): Promise<LabelledImages> {
  expectFile('parseCsvDigits', bytes, file);
  // The browser build also runs in Node, slightly faster than the build for Node.
  const { parse } = await import('csv-parse/browser/esm/sync');
  const rows = new DigitRows(bytes, file);
  try {
    // Each row is converted to bytes at once: 60,000 rows of 785 strings would not fit in memory.
    parse(withoutByteOrderMark(bytes), {
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
      on_record: (fields: string[], { lines }) => {
        rows.add(fields, lines);
        return null;
      },
    });
  } catch (error) {
    throw error instanceof DataError ? error : malformed(error, file);
  }
  return rows.finish();
}

/** Rows read so far, in arrays large enough for the whole file. */
class DigitRows {
  readonly #file: string;
  readonly #pixels: Uint8Array;
  readonly #labels: Uint8Array;
  #count = 0;

  constructor(bytes: Uint8Array, file: string) {
    this.#file = file;
    // Each value takes at least one digit, and each separator one character.
    const capacity = Math.ceil(bytes.length / (2 * (PIXELS + 1) - 1));
    this.#pixels = new Uint8Array(capacity * PIXELS);
    this.#labels = new Uint8Array(capacity);
  }

  add(fields: readonly string[], line: number): void {
    if (line === 1 && /^[a-z_]/i.test(fields[0])) return; // the header
    if (fields.length !== PIXELS + 1) {
      throw this.#error(line, `a label and ${PIXELS} pixels`, `${fields.length} values`);
    }
    const label = byteOf(fields[0]);
    if (label < 0 || label > 9) throw this.#error(line, 'a label 0 … 9', `"${fields[0]}"`);
    this.#labels[this.#count] = label;
    for (let i = 1; i <= PIXELS; i++) {
      const byte = byteOf(fields[i]);
      if (byte < 0) throw this.#error(line, `pixel ${i} to be 0 … 255`, `"${fields[i]}"`);
      this.#pixels[this.#count * PIXELS + i - 1] = byte;
    }
    this.#count++;
  }

  finish(): LabelledImages {
    const count = this.#count;
    if (count === 0) {
      throw new DataError(`read ${this.#file}: expected at least one line of digits, got none`);
    }
    const pixels = this.#pixels.subarray(0, count * PIXELS);
    return {
      images: { count, height: SIDE, width: SIDE, pixels },
      labels: this.#labels.subarray(0, count),
      imagesFile: this.#file,
      labelsFile: this.#file,
    };
  }

  #error(line: number, expected: string, got: string): DataError {
    return new DataError(`read ${this.#file}, line ${line}: expected ${expected}, got ${got}`);
  }
}

/** The value of one to three decimal digits, 0 … 255; −1 for anything else. */
function byteOf(text: string): number {
  if (text.length === 0 || text.length > 3) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = 10 * value + digit;
  }
  return value <= 255 ? value : -1;
}

/** Removes the byte order mark EF BB BF, which spreadsheets write at the start of UTF-8 files. */
function withoutByteOrderMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

function malformed(error: unknown, file: string): DataError {
  return new DataError(`read ${file}: expected comma-separated values, got "${reasonOf(error)}"`, {
    cause: error,
  });
}
