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
   * webgpu: `f16` multiplies 16-bit numbers and adds up at most 16 products as such, their sums in 32
   * bits, which halves the memory that tiles take and, on some GPUs, doubles the rate. Operands are
   * rounded to 11 bits; numbers beyond 65504 become infinite, and those below 6·10⁻⁵ may vanish.
   * `float32` by default. For what the reference takes, see `BackendOptions`.
   */
  readonly precision?: 'float32' | 'float64' | 'f16';
  /**
   * webgpu: how products are cut in tiles. `default` goes by an estimate, the same on every GPU;
   * `measured` tries what may be faster on this one, once for each shape that a step has, which takes
   * about a tenth of a second and more for large ones, and keeps what it finds in memory and, in Node,
   * in the cache folder. Sums may then be added in another order, and so rounded differently.
   */
  readonly tiles?: 'default' | 'measured';
}
