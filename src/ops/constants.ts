/**
 * Numbers that the ops and their kernels in assembly/ must agree on. TypeScript and AssemblyScript
 * both compile this file, so it may hold nothing but numeric literals.
 */

/** Words of the step state: see step-state.ts. */
export const STATE_STEP = 0;
export const STATE_ROW = 1;
export const STATE_POSITION = 2;
export const STATE_WORDS = 4;

/** Dropout: the number of values of a 16-bit half of a random word. */
export const HALF_VALUES = 65_536;
/** Dropout: elements in a group, which takes its masks from four random blocks. */
export const DROPOUT_GROUP = 16;
/** Random blocks of such a group. */
export const DROPOUT_BLOCKS = 4;

/** Gradient clipping: the unit u = 2⁸⁴. Sums of squares of at least 2¹⁰⁰ are divided by u². */
export const LARGE_UNIT = 1.9342813113834067e25;
export const LARGE_SQUARES = 1.2676506002282294e30;

/** Most terms of a float32 sum that one chain of additions may have: see assembly/block-sum.ts. */
export const TERMS_PER_BLOCK = 64;
