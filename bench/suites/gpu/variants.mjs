/** handgrad's WebGPU backend with its default options, and with each option that may be faster. */
export const VARIANTS = [
  { title: 'handgrad', options: {} },
  { title: 'handgrad, without bounds checks', options: { dawnToggles: ['disable_robustness'] } },
  { title: 'handgrad, measured tiles', options: { tiles: 'measured' } },
  { title: 'handgrad, subgroups', options: { subgroups: true } },
  { title: 'handgrad, f16', options: { precision: 'f16' } },
];
