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
}
