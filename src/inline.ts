/** `handgrad/inline`: the library and its data functions in one file, for CDNs and single-file programs. */

export * from './data/index.js';
export * from './index.js';
export * as ops from './ops/index.js';
