import { inNode } from '../../platform/node.js';

/**
 * From about version 13 on, V8 keeps the twelve accumulators of a 6×8 register tile in registers;
 * earlier versions spill some of them, and 4×8 tiles are faster. GFLOP/s of a GEMM of 512³:
 *
 *   V8            11.3 (Node 20)   12.4 (Node 22)   13.6 (Node 24)   14.6 (Node 26)
 *   tiles of 6×8  25               24               57               57
 *   tiles of 4×8  52               51               51               45
 */
const FIRST_FOR_SIX = 13;

/** Rows of the fastest register tile on this engine; 6 on engines other than V8. */
export function tileRows(): 6 | 4 {
  const version = v8Version();
  return version !== undefined && version < FIRST_FOR_SIX ? 4 : 6;
}

/** V8's version; Chrome 124 contains V8 12.4. */
function v8Version(): number | undefined {
  if (inNode) return Number.parseFloat(globalThis.process.versions.v8);
  const chrome = /Chrome\/(\d+)/.exec(navigator.userAgent)?.[1];
  return chrome === undefined ? undefined : Number(chrome) / 10;
}
