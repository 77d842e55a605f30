/**
 * GELU: y = x Φ(x), element by element.
 *
 *   x, y, dy, dx   any shape, the same for all four; n elements
 *   φ, Φ           density and distribution function of the standard normal distribution:
 *                  φ(x) = e^(−x²/2) / √(2π),  Φ(x) = ∫ φ from −∞ to x = (1 + erf(x/√2)) / 2
 *
 * Stable form. Let t = |x| and let Q(t) = 1 − Φ(t) = Φ(−t) be the upper tail. Then
 *
 *   x ≥ 0:  x Φ(x) = x (1 − Q(t)) = x − t Q(t)
 *   x < 0:  x Φ(x) = x Q(t)       =   − t Q(t)
 *
 * and in one formula, which is ReLU minus a small bump,
 *
 *   y = max(x, 0) − t Q(t)
 *
 * Nothing cancels here: for x > 0, Q(t) is at most 1/2, so t Q(t) is at most half of x. The form
 * with erf would lose all digits of y for large negative x, where 1 + erf(x/√2) cancels.
 *
 * Backward. By the product rule, with Φ′ = φ,
 *
 *   ∂y/∂x = Φ(x) + x φ(x)
 *   dx    = dy (Φ(x) + x φ(x))
 *
 * Saved for backward: x. It cannot be recovered from y, which is not monotonic below zero.
 *
 * The tail. Write Φ(t) − 1/2 = φ(t) S(t). Differentiating both sides, with φ′(t) = −t φ(t), gives
 * S′ = 1 + t S with S(0) = 0. Its solution is a power series with only positive terms. For larger t
 * the difference 1/2 − φ(t) S(t) would cancel, so Laplace's continued fraction is used there:
 *
 *   t < 2   Q(t) = 1/2 − φ(t) (t + t³/3 + t⁵/(3·5) + t⁷/(3·5·7) + …)
 *   t ≥ 2   Q(t) = φ(t) / (t + 1/(t + 2/(t + 3/(t + …))))
 *
 * Source: Hendrycks, Gimpel, "Gaussian error linear units (GELUs)", 2016; for the tail, Marsaglia,
 * "Evaluating the normal distribution", Journal of Statistical Software 11, 2004. PyTorch's
 * `nn.GELU` computes the same when its `approximate` is 'none'.
 *
 * Kernels: assembly/gelu.ts, shaders/gelu.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import { formatShape, type Shape, sizeOf, type Values } from '../tensor.js';
import { drawExtents, type GradientDeclaration, type OpCases, reals, relative } from './cases.js';
import { defineOp, defineOps } from './define-op.js';
import { expectSameShapes } from './shape-checks.js';

/** Terms of the series and of the continued fraction; the relative error of Q is then 4·10⁻¹⁵. */
const TERMS = 100;
/** The series is used for t < 2, the continued fraction for t ≥ 2. */
const SERIES_LIMIT = 2;
/** Larger t are clamped to 40, where Q and φ are 0 in float64: t = ∞ would give ∞ · 0 = NaN. */
const CLAMP = 40;

export function geluForward(y: Values, x: Values): void {
  for (let i = 0; i < x.length; i++) {
    const t = Math.min(Math.abs(x[i]), CLAMP);
    y[i] = Math.max(x[i], 0) - t * upperTail(t);
  }
}

export function geluBackward(dx: Values, dy: Values, x: Values): void {
  for (let i = 0; i < x.length; i++) {
    const clamped = Math.max(-CLAMP, Math.min(x[i], CLAMP));
    dx[i] = dy[i] * (distribution(clamped) + clamped * density(clamped));
  }
}

/** φ(x) */
export function density(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/** Φ(x) */
export function distribution(x: number): number {
  return x < 0 ? upperTail(-x) : 1 - upperTail(x);
}

/** Q(t) for t ≥ 0. */
function upperTail(t: number): number {
  return t < SERIES_LIMIT ? 0.5 - density(t) * series(t) : density(t) / continuedFraction(t);
}

/** t + t³/3 + t⁵/(3·5) + … */
function series(t: number): number {
  let term = t;
  let sum = t;
  for (let k = 1; k <= TERMS; k++) {
    term *= (t * t) / (2 * k + 1);
    sum += term;
  }
  return sum;
}

/** t + 1/(t + 2/(t + …)), from the innermost term outwards. */
function continuedFraction(t: number): number {
  let fraction = t;
  for (let k = TERMS; k >= 1; k--) fraction = t + k / fraction;
  return fraction;
}

export const geluOps = defineOps({
  geluForward: defineOp({
    outputs: ['y'],
    inputs: ['x'],
    sizes: ['n'],
    formula: 'y = x Φ(x)',
    shapes: ({ x }) => ({ outputs: { y: x }, sizes: { n: sizeOf(x) } }),
    // The kernels divide a sum of five numbers by a sum of six.
    terms: () => 6,
    reference: ({ y, x }) => geluForward(y, x),
  }),

  geluBackward: defineOp({
    outputs: ['dx'],
    inputs: ['dy', 'x'],
    sizes: ['n'],
    formula: 'dx = dy (Φ(x) + x φ(x))',
    shapes({ dy, x }) {
      expectSameShapes('gelu', { x, dy });
      return { outputs: { dx: dy }, sizes: { n: sizeOf(dy) } };
    },
    terms: () => 1,
    reference: ({ dx, dy, x }) => geluBackward(dx, dy, x),
  }),
});

export const geluCases: OpCases<keyof typeof geluOps> = {
  name: 'gelu',
  magnitudes: {
    geluForward: relative,
    // Φ(x) + x φ(x) cancels below zero.
    geluBackward: ({ dy, x }) => ({
      dx: dy.map((d, i) => d * (distribution(x[i]) + Math.abs(x[i]) * density(x[i]))),
    }),
  },
  draw: (random) => ({ gradients: [geluCase(random, drawExtents(random, 2))] }),
};

export function geluCase(
  random: RandomStream,
  shape: Shape,
): GradientDeclaration<keyof typeof geluOps> {
  return {
    title: `gelu ${formatShape(shape)}`,
    inputs: { x: reals(random, shape) },
    forward: [{ op: 'geluForward' }],
    backward: [{ op: 'geluBackward' }],
  };
}
