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
   * webgpu: `f16` multiplies matrices in 16-bit floats: it accumulates at most 16 products in f16, then
   * adds their sum to an f32 accumulator. Tiles take half the memory and, on some GPUs, the rate
   * doubles. Operands are rounded to 11 significant bits, values above 65504 become infinite, and
   * values below 6·10⁻⁵ may be flushed to zero. The adapter needs `shader-f16`; in Node, Dawn offers it
   * on NVIDIA only with the toggle `vulkan_enable_f16_on_nvidia`, which this option switches on.
   * `float32` by default. For the values that the reference backend accepts, see `BackendOptions`.
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
