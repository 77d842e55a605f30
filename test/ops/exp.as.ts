// @ts-nocheck: AssemblyScript, compiled by exp.test.ts.
import { exp4, expOfNonPositive4 } from '../../assembly/exp';

/** y[i] = e^x[i] for `n` float32, n a multiple of 4. */
export function exp(y: usize, x: usize, n: i32): void {
  for (let i = 0; i < 4 * n; i += 16) v128.store(y + i, exp4(v128.load(x + i)));
}

/** The same for x[i] ≤ 0. */
export function expOfNonPositive(y: usize, x: usize, n: i32): void {
  for (let i = 0; i < 4 * n; i += 16) v128.store(y + i, expOfNonPositive4(v128.load(x + i)));
}
