/* Constants that TypeScript and shaders share. Every export is a constant of the same name in every shader. */

/** Invocations of a workgroup in which each invocation computes elements of its own. */
export const WORKGROUP = 256;

/** Binding of the buffer in which one pass of a call leaves intermediate results for the next. */
export const SCRATCH_BINDING = 7;
/** Binding of a call's parameter block: its sizes and attributes. */
export const PARAMETERS_BINDING = 8;

/** The largest stride for which a convolution's backward pass is split into phases. */
export const MAX_PHASES = 4;
export { DROPOUT_BLOCKS, TERMS_PER_BLOCK } from '../../../ops/constants.js';

/** Indices of max pooling in a word, one byte each. */
export const INDICES_PER_WORD = 4;
/** Iterations of the loops in shaders/peaks.wgsl. */
export const PEAK_LOOPS = 32;
