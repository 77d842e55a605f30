/** The public API. Data loading is in `handgrad/data`. */

export {
  Backend,
  type LinearSizes,
  type LossResult,
  type MatmulSizes,
  type Reals,
} from './backends/backend.js';
export type { Conv2dSizes } from './backends/convolution.js';
export {
  BACKEND_NAMES,
  type BackendChoice,
  type BackendOptions,
  createBackend,
} from './backends/create.js';
export type { BackendInfo, BackendName, Device, Executable } from './backends/device.js';
export type { Dataset, Normalization, Splits } from './data/dataset.js';
export { BackendError, DataError, ShapeError, TrainingError } from './errors.js';
export {
  gelu,
  type LeakyReluOptions,
  leakyRelu,
  relu,
  sigmoid,
  tanh,
} from './layers/activations.js';
export { type BatchNormOptions, batchNorm2d } from './layers/batch-norm.js';
export { type Conv2dOptions, conv2d } from './layers/conv2d.js';
export type { WindowOptions } from './layers/convolution.js';
export { dropout } from './layers/dropout.js';
export { flatten } from './layers/flatten.js';
export type { Layer } from './layers/layer.js';
export { type LinearOptions, linear } from './layers/linear.js';
export { type ImageShape, onImages } from './layers/on-images.js';
export {
  type Initializer,
  kaimingUniform,
  type LayerBuffer,
  normal,
  ones,
  Parameter,
  zeros,
} from './layers/parameter.js';
export type { Pixels } from './layers/pixels.js';
export {
  averagePool2d,
  globalAveragePool,
  maxPool2d,
  type PoolingOptions,
} from './layers/pooling.js';
export { residual } from './layers/residual.js';
export { type ResNetOptions, resnet18 } from './layers/resnet18.js';
export { sequential } from './layers/sequential.js';
export { RandomStream } from './random/threefry.js';
export {
  RECIPE_NAMES,
  RECIPES,
  type Recipe,
  type RecipeName,
  recipeOn,
} from './recipes.js';
export { type Call, Step } from './step.js';
export { Tensor } from './tensor.js';
export { type RecipeOptions, type RecipeResult, train } from './train-recipe.js';
export type { Checkpoint } from './training/checkpoint.js';
export type { EpochRecord, Evaluation, History, Progress, StepReport } from './training/history.js';
export {
  binaryCrossEntropy,
  type Loss,
  mnistLoss,
  softmaxCrossEntropy,
  squaredError,
} from './training/losses.js';
export {
  type AdamOptions,
  adam,
  adamW,
  type Optimizer,
  type SgdOptions,
  sgd,
} from './training/optimizers.js';
export { decodeSafetensors, encodeSafetensors, type TensorData } from './training/safetensors.js';
export {
  constant,
  cosine,
  oneCycle,
  type Schedule,
  stepDecay,
  warmup,
} from './training/schedules.js';
export { type FitOptions, type State, Trainer, type TrainerOptions } from './training/trainer.js';
