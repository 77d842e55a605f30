import relu from '../../../shaders/relu.wgsl';

/** Every shader's source, by the file's stem. */
export const SHADERS: Readonly<Record<string, string>> = {
  relu,
};
