// Loops that measure peaks of the roofline model: independent multiply-adds, independent exponentials.
import { expOfNonPositive4 } from './exp';
import { multiplyAdd, sumLanes } from './simd';

/** Floating-point operations of one turn (iteration) of `multiplyAdds`: 48 multiply-adds of four lanes. */
export function operationsPerTurn(): i32 {
  return 48 * 4 * 2;
}

/**
 * Twelve chains of multiply-adds, which hide the latency of each; four steps per turn. The result keeps the compiler from dropping the
 * loop. The numbers are parameters because V8 builds a vector constant anew at every use.
 */
export function multiplyAdds(turns: i32, factor: f32, addend: f32): f32 {
  const x = f32x4.splat(factor);
  const y = f32x4.splat(addend);
  let a = f32x4.splat(0), b = f32x4.splat(1), c = f32x4.splat(2), d = f32x4.splat(3);
  let e = f32x4.splat(4), f = f32x4.splat(5), g = f32x4.splat(6), h = f32x4.splat(7);
  let i = f32x4.splat(8), j = f32x4.splat(9), k = f32x4.splat(10), l = f32x4.splat(11);
  for (let turn = 0; turn < turns; turn++) {
    a = fourSteps(a, x, y); b = fourSteps(b, x, y); c = fourSteps(c, x, y); d = fourSteps(d, x, y);
    e = fourSteps(e, x, y); f = fourSteps(f, x, y); g = fourSteps(g, x, y); h = fourSteps(h, x, y);
    i = fourSteps(i, x, y); j = fourSteps(j, x, y); k = fourSteps(k, x, y); l = fourSteps(l, x, y);
  }
  const sum = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h)));
  return sumLanes(f32x4.add(sum, f32x4.add(f32x4.add(i, j), f32x4.add(k, l))));
}

// @ts-ignore: decorator
@inline function fourSteps(acc: v128, x: v128, y: v128): v128 {
  return accumulate(accumulate(accumulate(accumulate(acc, x, y), x, y), x, y), x, y);
}

/**
 * With fused multiply-add, acc + x·y: the form whose accumulator stays in its register. Without it,
 * acc·x + y, because the compiler would move the product x·y out of the loop.
 */
// @ts-ignore: decorator
@inline function accumulate(acc: v128, x: v128, y: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return multiplyAdd(x, y, acc);
  return multiplyAdd(acc, x, y);
}

/** Exponentials per turn of `exponentials`: two vectors. */
export function exponentialsPerTurn(): i32 {
  return 8;
}

/** Two vectors of independent exponentials per turn, for x ≤ 0. The result keeps the compiler from dropping the loop. */
export function exponentials(turns: i32, x: f32): f32 {
  let a = f32x4.splat(x), sum = f32x4.splat(0);
  const step = f32x4.splat(1e-6);
  for (let turn = 0; turn < turns; turn++) {
    const b = f32x4.sub(a, step);
    sum = f32x4.add(sum, f32x4.add(expOfNonPositive4(a), expOfNonPositive4(b)));
    a = f32x4.sub(b, step);
  }
  return sumLanes(sum);
}
