// The roof that benchmarks measure against: twelve independent chains of multiply-adds, nothing else.
import { multiplyAdd, sumLanes } from './simd';

/** Operations of one turn of the loop: twelve vectors of four lanes, a product and a sum each. */
export function operationsPerTurn(): i32 {
  return 12 * 4 * 2;
}

/** Runs the loop; what it returns keeps the compiler from dropping it. */
export function multiplyAdds(turns: i32): f32 {
  const x = f32x4.splat(0.999);
  const y = f32x4.splat(0.001);
  let a = f32x4.splat(0), b = f32x4.splat(1), c = f32x4.splat(2), d = f32x4.splat(3);
  let e = f32x4.splat(4), f = f32x4.splat(5), g = f32x4.splat(6), h = f32x4.splat(7);
  let i = f32x4.splat(8), j = f32x4.splat(9), k = f32x4.splat(10), l = f32x4.splat(11);
  for (let turn = 0; turn < turns; turn++) {
    a = multiplyAdd(a, x, y);
    b = multiplyAdd(b, x, y);
    c = multiplyAdd(c, x, y);
    d = multiplyAdd(d, x, y);
    e = multiplyAdd(e, x, y);
    f = multiplyAdd(f, x, y);
    g = multiplyAdd(g, x, y);
    h = multiplyAdd(h, x, y);
    i = multiplyAdd(i, x, y);
    j = multiplyAdd(j, x, y);
    k = multiplyAdd(k, x, y);
    l = multiplyAdd(l, x, y);
  }
  const sum = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h)));
  return sumLanes(f32x4.add(sum, f32x4.add(f32x4.add(i, j), f32x4.add(k, l))));
}
