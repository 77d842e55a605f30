/** Parts of src/ that the comparisons share with `handgrad bench`; build.mjs bundles them. */

export { WEBGPU_VARIANTS } from '../src/bench/candidate.js';
export { crossoverRows, crossoverSentences, crossoverTitle } from '../src/bench/crossover-text.js';
export { describeEnvironment } from '../src/bench/environment.js';
export { warmUp } from '../src/bench/harness.js';
export { expectedProduct, randomFloats } from '../src/bench/matmul.js';
export { faultOf, lossFault } from '../src/bench/verify.js';
export { interleave, summarise } from '../src/interleave.js';
export { windowCount } from '../src/ops/conv2d-shape.js';
export { createFolder } from '../src/platform/files.js';
export { tolerance } from '../src/tolerance.js';
