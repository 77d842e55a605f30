/**
 * Numbers that the ops and their kernels in assembly/ must agree on. TypeScript and AssemblyScript
 * both compile this file, so it may hold nothing but numeric literals.
 */

/** Words of the step state: see step-state.ts. */
export const STATE_STEP = 0;
export const STATE_ROW = 1;
export const STATE_POSITION = 2;
export const STATE_WORDS = 4;

/** Dropout: values of half a random word, and elements whose masks four random blocks make. */
export const HALF_VALUES = 65_536;
export const DROPOUT_GROUP = 16;
