import positive from '../../../shaders/positive.wgsl';
import relu from '../../../shaders/relu.wgsl';

/** Every shader's source, by the file's stem, behind the files whose functions it uses. */
export const SHADERS: Readonly<Record<string, string>> = {
  relu: positive + relu,
};
