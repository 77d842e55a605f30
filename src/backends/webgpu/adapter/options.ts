/* Separate, because programs that use the library need not install WebGPU's types. */

import type { Kinds } from '../../../options.js';

export interface WebgpuOptions {
  /** webgpu: which adapter to prefer where the system has several. */
  readonly powerPreference?: 'low-power' | 'high-performance' | undefined;
  /**
   * webgpu: the adapter to open, by its name or a part of it, case-insensitive: `nvidia`, `H200`.
   * `handgrad info` lists the adapters of a machine.
   */
  readonly adapter?: string | undefined;
  /**
   * webgpu, in Node only: Dawn toggles to switch on, such as `skip_validation`. Dawn ignores unknown
   * toggles.
   */
  readonly dawnToggles?: readonly string[] | undefined;
  /**
   * webgpu: whether sums and maxima over a workgroup use subgroup operations, which need fewer barriers
   * and less memory; false by default. Results differ from those without by rounding.
   */
  readonly subgroups?: boolean | undefined;
  /**
   * webgpu: `f16` multiplies matrices in 16-bit floats: it accumulates at most 16 products in f16, then
   * adds their sum to an f32 accumulator. Tiles take half the memory and, on some GPUs, the rate
   * doubles. Operands are rounded to 11 significant bits, values above 65504 become infinite, and
   * values below 6·10⁻⁵ may be flushed to zero. The adapter needs `shader-f16`; in Node, Dawn offers it
   * on NVIDIA only with the toggle `vulkan_enable_f16_on_nvidia`, which this option switches on.
   * `float32` by default. For the values that the reference backend accepts, see `BackendOptions`.
   */
  readonly precision?: 'float32' | 'float64' | 'f16' | undefined;
  /**
   * webgpu: how matrix products are tiled. `default` uses an estimate, the same on every GPU.
   * `measured` autotunes: it times candidate tilings once for each shape in a step, which takes about a
   * tenth of a second per shape, more for large ones, and keeps the fastest in memory and, in Node, in
   * the cache folder. The order of summation may then change, and with it the rounding.
   */
  readonly tiles?: 'default' | 'measured' | undefined;
}

/** The kinds of the options, for `expectOptions`. */
export const WEBGPU_OPTIONS: Kinds<WebgpuOptions> = {
  powerPreference: ['low-power', 'high-performance'],
  adapter: 'string',
  dawnToggles: 'strings',
  subgroups: 'boolean',
  precision: ['float32', 'float64', 'f16'],
  tiles: ['default', 'measured'],
};
