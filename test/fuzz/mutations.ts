/* Random changes of files, repeatable from a seed. */

/** Numbers from 0 to 1. */
export type Random = () => number;

const INTERESTING = [
  0,
  1,
  0x7f,
  0x80,
  0xff,
  0x7fff,
  0xffff,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];

/** Text that parsers of JSON and CSV may take for something else. */
const TOKENS = [
  ...[
    'null',
    '-1',
    '1e999',
    '0.5',
    'NaN',
    '""',
    '"',
    '\\',
    ',',
    ':',
    '\n',
    '\r',
    '\r\n',
    '\0',
    ' ',
  ],
  ...[
    '{}',
    '[]',
    '{',
    '}',
    '[',
    ']',
    '['.repeat(5000),
    '{"a":'.repeat(2000),
    '__proto__',
    '\ufeff',
  ],
  ...['true', '9007199254740993', '"__metadata__":', '"shape":[4294967296,4294967296],'],
];

type Mutation = (bytes: Buffer, random: Random, seeds: readonly Buffer[]) => Buffer;

const below = (random: Random, end: number) => Math.floor(random() * end);
const pick = <Item>(random: Random, items: readonly Item[]) => items[below(random, items.length)];

/** Two random positions in order, at most 64 bytes apart more often than not. */
function range(random: Random, length: number): [begin: number, end: number] {
  const begin = below(random, length + 1);
  const most = random() < 0.7 ? Math.min(64, length - begin) : length - begin;
  return [begin, begin + below(random, most + 1)];
}

const replaced = (bytes: Buffer, [begin, end]: [number, number], by: Uint8Array | string) =>
  Buffer.concat([bytes.subarray(0, begin), Buffer.from(by as Uint8Array), bytes.subarray(end)]);

function withByte(bytes: Buffer, at: number, change: (byte: number) => number): Buffer {
  if (at < bytes.length) bytes[at] = change(bytes[at]);
  return bytes;
}

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) =>
    withByte(bytes, below(random, bytes.length), (byte) => byte ^ (1 << below(random, 8))),
  (bytes, random) => withByte(bytes, below(random, bytes.length), () => below(random, 256)),
  // The first bytes hold most of the sizes.
  (bytes, random) =>
    withByte(bytes, below(random, Math.min(64, bytes.length)), () => below(random, 256)),
  (bytes, random) => bytes.subarray(0, below(random, bytes.length + 1)),
  (bytes, random) => bytes.subarray(below(random, bytes.length + 1)),
  (bytes, random) => replaced(bytes, range(random, bytes.length), ''),
  (bytes, random) => {
    const [begin, end] = range(random, bytes.length);
    return replaced(bytes, [end, end], bytes.subarray(begin, end));
  },
  (bytes, random) => {
    const noise = Uint8Array.from({ length: 1 + below(random, 40) }, () => below(random, 256));
    const at = random() < 0.5 ? bytes.length : below(random, bytes.length + 1);
    return replaced(bytes, [at, at], noise);
  },
  (bytes, random) => {
    if (bytes.length < 4) return bytes;
    const at =
      random() < 0.5
        ? 4 * below(random, Math.min(8, bytes.length >> 2))
        : below(random, bytes.length - 3);
    const number =
      random() < 0.7
        ? pick(random, INTERESTING)
        : Math.max(0, bytes.length - 20 + below(random, 40));
    if (random() < 0.5) bytes.writeUInt32BE(number, at);
    else bytes.writeUInt32LE(number, at);
    return bytes;
  },
  (bytes, random) => replaced(bytes, range(random, bytes.length), pick(random, TOKENS)),
  (bytes, random) => {
    const at = below(random, bytes.length + 1);
    return replaced(bytes, [at, at], pick(random, TOKENS));
  },
  // A number in text becomes another.
  (bytes, random) => {
    const text = bytes.toString('latin1');
    const numbers = [...text.matchAll(/-?\d+(\.\d+)?/g)];
    if (numbers.length === 0) return bytes;
    const { index, 0: found } = pick(random, numbers);
    const other = String(pick(random, [...INTERESTING, -1, 0.5, 1e300, Number(found) + 1]));
    return replaced(bytes, [index, index + found.length], other);
  },
  (bytes, random, seeds) => {
    const other = pick(random, seeds);
    const [begin, end] = range(random, other.length);
    return replaced(bytes, range(random, bytes.length), other.subarray(begin, end));
  },
];

/** A seed with one to four random changes. */
export function mutated(seeds: readonly Buffer[], random: Random): Buffer {
  let bytes: Buffer = Buffer.from(pick(random, seeds));
  const changes = 1 + below(random, 4);
  for (let i = 0; i < changes; i++) bytes = pick(random, MUTATIONS)(bytes, random, seeds);
  return Buffer.from(bytes);
}
