/* Apart from what names types of WebGPU, which programs that use the library need not have. */

export interface WebgpuOptions {
  /** webgpu: which adapter the system should prefer, where it has several. */
  readonly powerPreference?: 'low-power' | 'high-performance';
  /**
   * webgpu: the adapter to take, by its name or a part of it, in any case: `nvidia`, `H200`.
   * `handgrad info` lists those of a machine.
   */
  readonly adapter?: string;
  /**
   * webgpu, in Node only: Dawn's toggles to switch on, such as `skip_validation`. Dawn ignores those
   * that it does not know.
   */
  readonly dawnToggles?: readonly string[];
  /**
   * webgpu: sums and maxima over a workgroup take subgroups, whose invocations share values without
   * memory; false by default. Results differ from those without by rounding.
   */
  readonly subgroups?: boolean;
  /**
   * webgpu: `f16` multiplies and adds up 16-bit numbers in steps of a product, which halves the memory
   * that tiles take and, on some GPUs, doubles the rate. Each operand is rounded to 11 bits; those
   * beyond 65504 become infinite, and gradients below 6·10⁻⁸ vanish. `float32` by default. For what
   * the reference takes, see `BackendOptions`.
   */
  readonly precision?: 'float32' | 'float64' | 'f16';
  /**
   * webgpu: how products are cut in tiles. `default` goes by an estimate, the same on every GPU;
   * `measured` tries what may be faster on this one, once for each shape that a step has, which takes
   * some milliseconds, and keeps what it finds in memory and, in Node, in the cache folder. Sums are
   * then added in another order.
   */
  readonly tiles?: 'default' | 'measured';
}
