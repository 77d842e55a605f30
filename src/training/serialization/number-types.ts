import { halfToNumber } from './half-float.js';

type Read = (view: DataView, at: number) => number;

/** Size and decoder of the numbers of one dtype of safetensors. */
export interface NumberType {
  readonly bytes: number;
  readonly read: Read;
  readonly integers: boolean;
}

const FLOATS: readonly [dtype: string, bytes: number, read: Read][] = [
  ['F64', 8, (view, at) => view.getFloat64(at, true)],
  ['F32', 4, (view, at) => view.getFloat32(at, true)],
  ['F16', 2, (view, at) => halfToNumber(view.getUint16(at, true), 5)],
  ['BF16', 2, (view, at) => halfToNumber(view.getUint16(at, true), 8)],
];

const INTEGERS: readonly [dtype: string, bytes: number, read: Read][] = [
  ['I64', 8, (view, at) => Number(view.getBigInt64(at, true))],
  ['U64', 8, (view, at) => Number(view.getBigUint64(at, true))],
  ['I32', 4, (view, at) => view.getInt32(at, true)],
  ['U32', 4, (view, at) => view.getUint32(at, true)],
  ['I16', 2, (view, at) => view.getInt16(at, true)],
  ['U16', 2, (view, at) => view.getUint16(at, true)],
  ['I8', 1, (view, at) => view.getInt8(at)],
  ['U8', 1, (view, at) => view.getUint8(at)],
  ['BOOL', 1, (view, at) => view.getUint8(at)],
];

/** The types that files may use, by dtype. */
export const NUMBER_TYPES: ReadonlyMap<string, NumberType> = new Map(
  [...FLOATS, ...INTEGERS].map((row): [string, NumberType] => {
    const [dtype, bytes, read] = row;
    return [dtype, { bytes, read, integers: INTEGERS.includes(row) }];
  }),
);
