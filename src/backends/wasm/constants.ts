/**
 * Numbers that src/backends/wasm and assembly must agree on. TypeScript and AssemblyScript both
 * compile this file, so it may hold nothing but numeric literals.
 */

/**
 * Bytes after every tensor that kernels may read and write: they work on whole vectors, and the last
 * vector may extend beyond the tensor's end.
 */
export const PADDING = 64;

/** Bytes of one entry of a linked step, and the offsets of its fields: see linker.ts. */
export const ENTRY_BYTES = 16;
export const ENTRY_KERNEL = 0;
export const ENTRY_ARGUMENTS = 4;
export const ENTRY_FLAGS = 8;
export const ENTRY_ERRORS = 12;

/** Flags of an entry: all threads share the call; all threads meet before it. */
export const PARTITIONED = 1;
export const AFTER_BARRIER = 2;

/** Bytes of each thread's scratch memory, and of the scratch memory that all threads share. */
export const SCRATCH_BYTES = 1_572_864;
