/** Rows of a register tile: 6, or 4 where the engine spills accumulators of 6 (see src/backends/wasm/tile-rows.ts). */
export let tileRows: i32 = 6;

/** @param rows 6 or 4; results do not depend on them */
export function setTileRows(rows: i32): void {
  tileRows = rows;
}
