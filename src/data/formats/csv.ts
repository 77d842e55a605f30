/**
 * Digits as comma-separated values, a common form of MNIST: one image per line,
 *
 *   label, pixel 1, …, pixel 784        label 0 … 9, pixels 0 … 255, row-major
 *   pixel 1, …, pixel 784, label        OpenML's layout
 *
 * with or without a header line, whose names tell where the label is.
 */

import { expectFile } from '../../checks.js';
import { DataError, quoted, reasonOf } from '../../errors.js';
import { expectOptions } from '../../options.js';
import { bytesOf } from '../../typed-arrays.js';
import type { LabelledImages } from '../image-dataset.js';

const SIDE = 28;
const PIXELS = SIDE * SIDE;

/** Characters of the parser's messages, at most. */
const MAXIMUM_REASON = 300;

/** Names of a column of labels, and of pixels: `pixel7`, `1x28`, `7`. Names may have quotes. */
const LABEL_NAME = /^\W*(label|class|target|digit|number|y)\W*$/i;
const PIXEL_NAME = /^\W*[a-z]*_?\d+(x\d+)?\W*$/i;

/** Options of `parseCsvDigits`. */
export interface CsvDigitsOptions {
  /**
   * The column of the labels. By default the header decides, and without one, labels come first.
   */
  readonly labelColumn?: 'first' | 'last' | undefined;
}

/**
 * Parses digits in the format of `mnist_train.csv`.
 *
 * @param content the unpacked file, ASCII or UTF-8
 * @param file  its name, for messages
 * @returns images of 28×28 bytes with their labels
 * @throws DataError with the line number, for a wrong number of values or a value out of range
 * @throws DataError for a header that contradicts `labelColumn`, and for labels that are all equal
 *   where the values at the other end of the lines look like labels
 * @example parseCsvDigits(await readFile('mnist_784.csv'), 'mnist_784.csv', { labelColumn: 'last' })
 */
export async function parseCsvDigits(
  content: Uint8Array | ArrayBuffer,
  file: string,
  options: CsvDigitsOptions = {},
): Promise<LabelledImages> {
  expectFile('parseCsvDigits', content, file);
  const bytes = bytesOf(`read ${file}`, 'the content', content);
  expectOptions('parseCsvDigits', options, { labelColumn: ['first', 'last'] });
  const { labelColumn } = options;
  // The browser build also runs in Node, slightly faster than the build for Node.
  const { parse } = await import('csv-parse/browser/esm/sync');
  const rows = new DigitRows(bytes, file, labelColumn);
  try {
    // Each row is converted to bytes at once: 60,000 rows of 785 strings would not fit in memory.
    parse(withoutByteOrderMark(bytes), {
      relax_column_count: true,
      // Files may mix line ends. By default the first line decides.
      record_delimiter: ['\r\n', '\n', '\r'],
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
  #labelColumn: 'first' | 'last' | undefined;
  #count = 0;
  #isFirst = true;

  constructor(bytes: Uint8Array, file: string, labelColumn: 'first' | 'last' | undefined) {
    this.#file = file;
    this.#labelColumn = labelColumn;
    // Each value takes at least one digit, and each separator one character.
    const capacity = Math.ceil(bytes.length / (2 * (PIXELS + 1) - 1));
    this.#pixels = new Uint8Array(capacity * PIXELS);
    this.#labels = new Uint8Array(capacity);
  }

  add(fields: readonly string[], line: number): void {
    const isHeader = this.#isFirst && /^['"]?[a-z_]/i.test(fields[0]);
    this.#isFirst = false;
    if (isHeader) {
      this.#readHeader(fields, line);
      return;
    }
    if (fields.length !== PIXELS + 1) {
      throw this.#error(line, `a label and ${PIXELS} pixels`, `${fields.length} values`);
    }
    const [labelAt, pixelsAt] = this.#labelColumn === 'last' ? [PIXELS, 0] : [0, 1];
    const label = byteOf(fields[labelAt]);
    if (label < 0 || label > 9) throw this.#error(line, 'a label 0 … 9', quoted(fields[labelAt]));
    this.#labels[this.#count] = label;
    for (let i = 0; i < PIXELS; i++) {
      const text = fields[pixelsAt + i];
      const byte = byteOf(text);
      if (byte < 0) throw this.#error(line, `pixel ${i + 1} to be 0 … 255`, quoted(text));
      this.#pixels[this.#count * PIXELS + i] = byte;
    }
    this.#count++;
  }

  /** Finds the column of labels by its name. */
  #readHeader(names: readonly string[], line: number): void {
    const found = labelColumnOf(names);
    if (found === undefined) return;
    if (this.#labelColumn !== undefined && this.#labelColumn !== found) {
      throw this.#error(
        line,
        `labels in the ${this.#labelColumn} column`,
        `a header with labels ${found}`,
      );
    }
    this.#labelColumn = found;
  }

  /** @throws DataError for labels that are all equal where the other end of the lines varies 0 … 9 */
  #checkLabels(): void {
    const column = this.#labelColumn ?? 'first';
    const labels = new Set(this.#labels.subarray(0, this.#count));
    if (labels.size > 1) return;
    const others = new Set<number>();
    for (let n = 0; n < this.#count; n++) {
      others.add(this.#pixels[n * PIXELS + (column === 'first' ? PIXELS - 1 : 0)]);
    }
    if (others.size === 1 || Math.max(...others) > 9) return;
    const other = column === 'first' ? 'last' : 'first';
    throw new DataError(
      `read ${this.#file}: expected labels in the ${column} column, got ${[...labels][0]} in all lines, and different values 0 … 9 in the ${other} column; pass labelColumn: '${other}', or add a header that names the column "label"`,
    );
  }

  finish(): LabelledImages {
    const count = this.#count;
    if (count === 0) {
      throw new DataError(`read ${this.#file}: expected at least one line of digits, got none`);
    }
    this.#checkLabels();
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

/** The column of the labels by the names of the first and last column; undefined if unclear. */
function labelColumnOf(names: readonly string[]): 'first' | 'last' | undefined {
  const [first, last] = [names[0], names[names.length - 1]];
  for (const isLabel of [
    (name: string) => LABEL_NAME.test(name),
    (name: string) => !PIXEL_NAME.test(name),
  ]) {
    if (isLabel(first) !== isLabel(last)) return isLabel(first) ? 'first' : 'last';
  }
  return undefined;
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
  // The parser quotes fields, which may be long.
  const reason = reasonOf(error).slice(0, MAXIMUM_REASON);
  return new DataError(`read ${file}: expected comma-separated values, got "${reason}"`, {
    cause: error,
  });
}
