import { WORKGROUP } from '../shaders/constants.js';
import type { Variant } from '../shaders/shaders.js';

/** Workgroups in x, y and z. */
export type Workgroups = readonly [x: number, y?: number, z?: number];

/** One dispatch of a call's shader. */
export interface Pass {
  readonly entryPoint: string;
  readonly workgroups: Workgroups;
  /** Values of the shader's `override` constants that differ from their defaults. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Files that replace what the shader requires. */
  readonly variants?: readonly Variant[];
}

/** How a call runs: passes with the same bindings, one after the other. */
export interface Plan {
  readonly passes: readonly Pass[];
  /** Bytes of scratch memory, in which one pass leaves intermediate results for the next. */
  readonly scratchBytes: number;
}

/** The most workgroups along one axis that every device supports. */
export const MAX_GROUPS = 65_535;

/** Workgroups for one invocation per element. */
export function perElement(count: number): Workgroups {
  return inTwoAxes(Math.ceil(count / WORKGROUP));
}

/** At least `groups` workgroups, in two axes where they exceed the limit of one. */
export function inTwoAxes(groups: number): Workgroups {
  const rows = Math.ceil(groups / MAX_GROUPS);
  return [Math.ceil(groups / rows), rows];
}

/**
 * A reduction that may be split between workgroups (split-K, in a GEMM): each of `splits` writes
 * `size` partial sums in f32 to scratch memory, and a second pass sums those. One split needs no
 * second pass.
 */
export function splitReduction(splits: number, size: number, first: Pass, second: Pass): Plan {
  if (splits === 1) return { passes: [first], scratchBytes: 0 };
  return { passes: [first, second], scratchBytes: 4 * splits * size };
}
