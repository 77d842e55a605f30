/* Apart from what names types of WebGPU, which programs that use the library need not have. */

export interface WebgpuOptions {
  /** webgpu: which adapter the system should prefer, where it has several. */
  readonly powerPreference?: 'low-power' | 'high-performance';
  /**
   * webgpu: sums and maxima over a workgroup take subgroups, whose invocations share values without
   * memory; false by default. Results differ from those without by rounding.
   */
  readonly subgroups?: boolean;
}
