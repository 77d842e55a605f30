import { inNode } from '../../node.js';

/**
 * V8 keeps the twelve sums of a 6×8 tile in registers from about version 13 on; before, it spills
 * some of them, and 4×8 tiles are faster. GFLOP/s of a product of 512³:
 *
 *   V8            11.3 (Node 20)   12.4 (Node 22)   13.6 (Node 24)   14.6 (Node 26)
 *   tiles of 6×8  25               24               57               57
 *   tiles of 4×8  52               51               51               45
 */
const FIRST_FOR_SIX = 13;

/** Rows of a tile that suit this engine; 6 on engines other than V8. */
export function tileRows(): 6 | 4 {
  const version = v8Version();
  return version !== undefined && version < FIRST_FOR_SIX ? 4 : 6;
}

/** Chrome 124 has V8 12.4. */
function v8Version(): number | undefined {
  if (inNode) return Number.parseFloat(process.versions.v8);
  const chrome = /Chrome\/(\d+)/.exec(navigator.userAgent)?.[1];
  return chrome === undefined ? undefined : Number(chrome) / 10;
}
