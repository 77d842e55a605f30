/** handgrad's WebGPU backend with its default options, and with each option that may be faster. */

import { WEBGPU_VARIANTS } from '../../../dist/bench/library.mjs';

export const VARIANTS = [
  { title: 'handgrad', options: {} },
  ...Object.values(WEBGPU_VARIANTS).map(({ variant, options }) => ({
    title: `handgrad, ${variant}`,
    options,
  })),
];
