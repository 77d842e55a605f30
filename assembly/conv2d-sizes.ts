// Sizes of the current convolution, in the order of src/ops/conv2d.ts. Each thread has its own copy.
import { size } from './arguments';

export let B: i32 = 0;
export let H: i32 = 0;
export let W: i32 = 0;
export let C: i32 = 0;
export let OH: i32 = 0;
export let OW: i32 = 0;
export let OC: i32 = 0;
export let KH: i32 = 0;
export let KW: i32 = 0;
export let SH: i32 = 0;
export let SW: i32 = 0;
export let PH: i32 = 0;
export let PW: i32 = 0;
export let DH: i32 = 0;
export let DW: i32 = 0;
export let G: i32 = 0;

/** @param word number of pointers before the sizes */
export function readSizes(args: usize, word: i32): void {
  B = size(args, word);
  H = size(args, word + 1);
  W = size(args, word + 2);
  C = size(args, word + 3);
  OH = size(args, word + 4);
  OW = size(args, word + 5);
  OC = size(args, word + 6);
  KH = size(args, word + 7);
  KW = size(args, word + 8);
  SH = size(args, word + 9);
  SW = size(args, word + 10);
  PH = size(args, word + 11);
  PW = size(args, word + 12);
  DH = size(args, word + 13);
  DW = size(args, word + 14);
  G = size(args, word + 15);
}
