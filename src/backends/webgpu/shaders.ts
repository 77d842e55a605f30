import add from '../../../shaders/add.wgsl';
import exp from '../../../shaders/exp.wgsl';
import flatten from '../../../shaders/flatten.wgsl';
import gelu from '../../../shaders/gelu.wgsl';
import leakyRelu from '../../../shaders/leaky-relu.wgsl';
import positive from '../../../shaders/positive.wgsl';
import relu from '../../../shaders/relu.wgsl';
import sigmoid from '../../../shaders/sigmoid.wgsl';
import tanh from '../../../shaders/tanh.wgsl';

/** Every shader's source, by the file's stem, behind the files whose functions it uses. */
export const SHADERS: Readonly<Record<string, string>> = {
  add,
  flatten,
  gelu: exp + gelu,
  'leaky-relu': positive + leakyRelu,
  relu: positive + relu,
  sigmoid: exp + sigmoid,
  tanh: exp + tanh,
};
