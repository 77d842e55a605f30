/* Apart from what names types of WebGPU, which programs that use the library need not have. */

export interface WebgpuOptions {
  /** webgpu: which adapter the system should prefer, where it has several. */
  readonly powerPreference?: 'low-power' | 'high-performance';
  /** webgpu, in Node: toggles of Dawn to switch on, such as `disable_robustness`. */
  readonly dawnToggles?: readonly string[];
}
