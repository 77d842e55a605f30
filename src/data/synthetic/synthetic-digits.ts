/**
 * Synthetic digits, for machines without a network and for browsers.
 *
 * An image is a variant of the digit's strokes (digit-strokes.ts): its points are jittered, then
 * stretched, slanted, rotated and shifted together, and drawn with a pen of random width and noise.
 *
 * The arithmetic uses only +, −, ×, ÷ and √, which every engine rounds in the same way, so a seed
 * gives the same bytes everywhere. Engines may round cos and log differently.
 */

import { expectSeed } from '../../checks.js';
import { DataError, shown } from '../../errors.js';
import { expectOptions } from '../../options.js';
import { yieldToEventLoop } from '../../platform/event-loop.js';
import { RandomStream, STREAMS } from '../../random/threefry.js';
import { newArray } from '../../typed-arrays.js';
import type { Splits } from '../dataset.js';
import { digitDatasets, type LabelledImages } from '../image-dataset.js';
import { DIGIT_STROKES, type Stroke } from './digit-strokes.js';

const SIDE = 28;
const PIXELS = SIDE * SIDE;
/** Height of a digit of average size, in pixels; MNIST's are 20. */
const DIGIT_HEIGHT = 19;
/** MNIST's centre of mass in x and y: the centre of pixel 14. */
const MIDDLE = 14.5;
/** How long a turn of `syntheticDigitsAsync` takes. */
const TURN_MILLISECONDS = 20;
/** Straight segments per span of a curve between two of its points. */
const SEGMENTS = 3;

/** Options of `syntheticDigits`. */
export interface SyntheticOptions {
  /** The same seed gives the same digits; an integer from 0 to 2³² − 1, 0 by default. */
  readonly seed?: number | undefined;
  /** Digits in the training split; 10,000 by default. */
  readonly trainSize?: number | undefined;
  /** Digits in the test split; 2,000 by default. */
  readonly testSize?: number | undefined;
}

/**
 * Draws digits in the form of MNIST. Neither split depends on the size of the other.
 *
 * @returns inputs (N, 784) as bytes, 0 background and 255 ink; targets (N) as digits 0 … 9
 * @throws DataError for sizes that are not positive integers, ShapeError for a seed out of range
 * @example const { train, test } = syntheticDigits({ trainSize: 2000 });
 */
export function syntheticDigits(options: SyntheticOptions = {}): Splits {
  const drawing = drawSplits('syntheticDigits', options);
  for (;;) {
    const { done, value } = drawing.next();
    if (done) return value;
  }
}

/**
 * Draws the same digits as `syntheticDigits`, in turns of about 20 ms between which the event loop runs, so
 * that a page stays responsive.
 *
 * @throws DataError for sizes that are not positive integers, ShapeError for a seed out of range
 */
export async function syntheticDigitsAsync(options: SyntheticOptions = {}): Promise<Splits> {
  const drawing = drawSplits('syntheticDigitsAsync', options);
  for (let began = performance.now(); ; ) {
    const { done, value } = drawing.next();
    if (done) return value;
    if (performance.now() - began < TURN_MILLISECONDS) continue;
    await yieldToEventLoop();
    began = performance.now();
  }
}

/** Yields after every digit. */
function* drawSplits(operation: string, options: SyntheticOptions): Generator<void, Splits> {
  expectOptions(operation, options, { trainSize: 'any', testSize: 'any', seed: 'integer' });
  const { seed = 0, trainSize = 10_000, testSize = 2_000 } = options;
  expectSeed(operation, 'seed', seed);
  const stream = (split: number) => new RandomStream(seed, STREAMS.synthetic, split);
  const train = yield* drawSplit(operation, 'training', trainSize, stream(0));
  const test = yield* drawSplit(operation, 'test', testSize, stream(1));
  return digitDatasets('synthetic', train, test);
}

function* drawSplit(
  operation: string,
  split: string,
  count: number,
  random: RandomStream,
): Generator<void, LabelledImages> {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new DataError(
      `${operation}: expected a ${split} split of at least one digit, got a size of ${shown(count)}`,
    );
  }
  const pixels = newArray(operation, `${count} images`, Uint8Array, count * PIXELS);
  const labels = new Uint8Array(count);
  const nearest = new Float64Array(PIXELS);
  for (let n = 0; n < count; n++) {
    labels[n] = random.nextBelow(10);
    drawDigit(pixels.subarray(n * PIXELS, (n + 1) * PIXELS), labels[n], random, nearest);
    yield;
  }
  const name = `synthetic ${split} digits`;
  const images = { count, height: SIDE, width: SIDE, pixels };
  return { images, labels, imagesFile: name, labelsFile: name };
}

/**
 * Draws one digit.
 *
 * @param image   (28, 28), written
 * @param nearest (28, 28), scratch: squared distance to the nearest stroke, in pixels²
 */
function drawDigit(
  image: Uint8Array,
  digit: number,
  random: RandomStream,
  nearest: Float64Array,
): void {
  const variants = DIGIT_STROKES[digit];
  const strokes = variants[random.nextBelow(variants.length)];
  const paths = strokes.map((stroke) => flatten(jitter(stroke, random)));
  place(paths, random);
  const radius = between(random, 0.75, 1.75);
  nearest.fill(Number.POSITIVE_INFINITY);
  for (const path of paths) measurePath(nearest, path, radius + 1);
  ink(image, nearest, radius, random);
}

/** Moves every point by at most 7 % of the digit's height in x and y. */
function jitter({ smooth, points }: Stroke, random: RandomStream): Stroke {
  return { smooth, points: points.map((point) => point + between(random, -7, 7)) };
}

/** Flattens a stroke to a polyline x₀, y₀, x₁, y₁, …; smooth strokes are Catmull-Rom splines. */
function flatten({ smooth, points }: Stroke): Float64Array {
  if (!smooth) return Float64Array.from(points);
  const spans = points.length / 2 - 1;
  const path = new Float64Array(2 * (spans * SEGMENTS + 1));
  for (let span = 0; span < spans; span++) {
    for (let segment = 0; segment < SEGMENTS; segment++) {
      const at = 2 * (span * SEGMENTS + segment);
      path[at] = splineAt(points, span, segment / SEGMENTS, 0);
      path[at + 1] = splineAt(points, span, segment / SEGMENTS, 1);
    }
  }
  path.set(points.slice(-2), path.length - 2);
  return path;
}

/**
 * The Catmull-Rom cubic between points p₁ and p₂ with neighbours p₀ and p₃, 0 ≤ t ≤ 1:
 *
 *   p(t) = p₁ + ½ t (p₂ − p₀ + t (2p₀ − 5p₁ + 4p₂ − p₃ + t (3(p₁ − p₂) + p₃ − p₀)))
 *
 * At the ends of the stroke, the last point replaces the missing neighbour.
 *
 * @param axis 0 for x, 1 for y
 */
function splineAt(points: readonly number[], span: number, t: number, axis: 0 | 1): number {
  const last = points.length / 2 - 1;
  const p0 = points[2 * Math.max(span - 1, 0) + axis];
  const p1 = points[2 * span + axis];
  const p2 = points[2 * (span + 1) + axis];
  const p3 = points[2 * Math.min(span + 2, last) + axis];
  const cubic = 3 * (p1 - p2) + p3 - p0;
  return p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * cubic));
}

/**
 * Maps the paths in place from hundredths of a digit to pixels: stretches, slants and rotates them,
 * and moves their centre of mass near the middle of the image.
 */
function place(paths: readonly Float64Array[], random: RandomStream): void {
  const height = (DIGIT_HEIGHT / 100) * between(random, 0.8, 1.1);
  const width = height * between(random, 0.7, 1.2);
  const slant = width * between(random, -0.15, 0.5); // handwriting leans to the right
  const half = between(random, -0.12, 0.12); // tangent of half the angle, which is up to 14°
  const cos = (1 - half * half) / (1 + half * half);
  const sin = (2 * half) / (1 + half * half);
  for (const path of paths) {
    for (let i = 0; i < path.length; i += 2) {
      const x = width * path[i] - slant * path[i + 1];
      const y = height * path[i + 1];
      path[i] = cos * x - sin * y;
      path[i + 1] = sin * x + cos * y;
    }
  }
  const [x, y] = centreOfMass(paths);
  shift(paths, MIDDLE - x + between(random, -1.5, 1.5), MIDDLE - y + between(random, -1.5, 1.5));
}

/** The centre of mass of all paths: segments weighted by length. */
function centreOfMass(paths: readonly Float64Array[]): [x: number, y: number] {
  let [sumX, sumY, total] = [0, 0, 0];
  for (const path of paths) {
    for (let i = 0; i + 3 < path.length; i += 2) {
      const [x0, y0, x1, y1] = path.subarray(i, i + 4);
      const length = Math.sqrt((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0));
      sumX += (length * (x0 + x1)) / 2;
      sumY += (length * (y0 + y1)) / 2;
      total += length;
    }
  }
  return [sumX / total, sumY / total];
}

function shift(paths: readonly Float64Array[], dx: number, dy: number): void {
  for (const path of paths) {
    for (let i = 0; i < path.length; i += 2) {
      path[i] += dx;
      path[i + 1] += dy;
    }
  }
}

/** Lowers `nearest` to the squared distance from `path`, for pixels within `reach` of it. */
function measurePath(nearest: Float64Array, path: Float64Array, reach: number): void {
  for (let i = 0; i + 3 < path.length; i += 2) {
    measureSegment(nearest, path[i], path[i + 1], path[i + 2], path[i + 3], reach);
  }
}

function measureSegment(
  nearest: Float64Array,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
  reach: number,
): void {
  const [top, bottom] = pixelRange(y0, y1, reach);
  const [left, right] = pixelRange(x0, x1, reach);
  const dx = x1 - x0;
  const dy = y1 - y0;
  const squaredLength = Math.max(dx * dx + dy * dy, 1e-12);
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const px = column + 0.5 - x0;
      const py = row + 0.5 - y0;
      // Position of the nearest point along the segment, 0 … 1.
      const t = Math.min(Math.max((px * dx + py * dy) / squaredLength, 0), 1);
      const ex = px - t * dx;
      const ey = py - t * dy;
      const squared = ex * ex + ey * ey;
      const at = row * SIDE + column;
      if (squared < nearest[at]) nearest[at] = squared;
    }
  }
}

/** First and last pixel whose centre may be within `reach` of the interval from `a` to `b`. */
function pixelRange(a: number, b: number, reach: number): [first: number, last: number] {
  const first = Math.floor(Math.min(a, b) - reach);
  const last = Math.ceil(Math.max(a, b) + reach);
  return [Math.max(first, 0), Math.min(last, SIDE - 1)];
}

/**
 * Converts distances to bytes with anti-aliasing: full ink up to half a pixel inside the pen's
 * edge, none from half a pixel outside it, linear in between. Adds noise of up to ±16 to every
 * pixel.
 */
function ink(image: Uint8Array, nearest: Float64Array, radius: number, random: RandomStream): void {
  const darkness = between(random, 200, 255);
  let word = 0;
  for (let i = 0; i < PIXELS; i++) {
    // Four pixels share a random word, because generating random words dominates the time.
    word = i % 4 === 0 ? random.nextUint32() : word >>> 8;
    const noise = (word & 255) / 8 - 16;
    const coverage = Math.min(Math.max(radius + 0.5 - Math.sqrt(nearest[i]), 0), 1);
    image[i] = Math.min(Math.max(darkness * coverage + noise, 0), 255);
  }
}

/** A random number, uniform between `low` and `high`. */
function between(random: RandomStream, low: number, high: number): number {
  return low + (high - low) * random.nextFloat();
}
