/** `handgrad`: the public API. Datasets and loaders are in `handgrad/data`. */

export type { BackendInfo, BackendName, Executable, Runtime } from './backends/runtime.js';
export type { Call } from './call.js';
export type { Dataset, Normalization, Splits } from './data/dataset.js';
export { type Description, formatDescription, type Plain } from './description.js';
export { BackendError, DataError, ShapeError, TrainingError } from './errors.js';
export { gelu } from './layers/activations/gelu.js';
export { type LeakyReluOptions, leakyRelu } from './layers/activations/leaky-relu.js';
export { relu } from './layers/activations/relu.js';
export { sigmoid } from './layers/activations/sigmoid.js';
export { tanh } from './layers/activations/tanh.js';
export { type BatchNormOptions, batchNorm2d } from './layers/batch-norm.js';
export { type ImageShape, onImages } from './layers/containers/on-images.js';
export { residual } from './layers/containers/residual.js';
export { type ResNetOptions, resnet18 } from './layers/containers/resnet18.js';
export { sequential } from './layers/containers/sequential.js';
export { type Conv2dOptions, conv2d } from './layers/conv2d.js';
export { dropout } from './layers/dropout.js';
export { type EmbeddingOptions, embedding } from './layers/embedding.js';
export { flatten } from './layers/flatten.js';
export { layerFrom } from './layers/from-description.js';
export { type GroupNormOptions, groupNorm } from './layers/group-norm.js';
export type { Forward, Layer, LayerInput } from './layers/layer.js';
export { type LayerNormOptions, layerNorm } from './layers/layer-norm.js';
export { type LinearOptions, linear } from './layers/linear.js';
export {
  type Initializer,
  kaimingUniform,
  normal,
  ones,
  zeros,
} from './layers/parameters/initializers.js';
export { LayerBuffer, Parameter } from './layers/parameters/parameter.js';
export {
  averagePool2d,
  globalAveragePool,
  maxPool2d,
  type PoolingOptions,
} from './layers/pooling.js';
export type { Pixels, WindowOptions } from './layers/window-options.js';
export { Backend } from './numerics/backend.js';
export type { BackendCallOptions, Reals } from './numerics/calls.js';
export type { Conv2dSizes } from './numerics/conv2d-shapes.js';
export {
  BACKEND_NAMES,
  type BackendChoice,
  type BackendOptions,
  createBackend,
} from './numerics/create-backend.js';
export type { LinearSizes, MatmulSizes } from './numerics/layer-ops.js';
export type { Operand, Result } from './numerics/operands.js';
export type { LossResult } from './numerics/single-ops.js';
export type { CallOptions, ShapeSource } from './ops/call-options.js';
export type { OpName } from './ops/registry.js';
export { RandomStream } from './random/threefry.js';
export { RECIPE_NAMES, type Recipe, type RecipeName } from './recipe.js';
export { RECIPES, recipeOn } from './recipes.js';
export { Step, type TrainingMode } from './step.js';
export { type DataType, type Shape, Tensor } from './tensor.js';
export { type RecipeOptions, type RecipeResult, train } from './train-recipe.js';
export type {
  ConfusionEvaluation,
  EpochRecord,
  Evaluation,
  History,
  Progress,
  StepReport,
} from './training/history.js';
export { binaryCrossEntropy } from './training/losses/binary-cross-entropy.js';
export { lossFrom } from './training/losses/from-description.js';
export type { Loss, LossForward } from './training/losses/loss.js';
export { mnistLoss } from './training/losses/mnist-loss.js';
export { softmaxCrossEntropy } from './training/losses/softmax-cross-entropy.js';
export { type SquaredErrorOptions, squaredError } from './training/losses/squared-error.js';
export { type AdamOptions, adam, adamW } from './training/optimizers/adam.js';
export { optimizerFrom } from './training/optimizers/from-description.js';
export type { Optimizer } from './training/optimizers/optimizer.js';
export { type SgdOptions, sgd } from './training/optimizers/sgd.js';
export {
  constant,
  cosine,
  oneCycle,
  type Schedule,
  scheduleFrom,
  stepDecay,
  warmup,
} from './training/schedules.js';
export type { Checkpoint } from './training/serialization/checkpoint.js';
export {
  decodeSafetensors,
  encodeSafetensors,
  type TensorData,
} from './training/serialization/safetensors.js';
export type { State } from './training/trained-model.js';
export { Trainer } from './training/trainer.js';
export type { FitOptions, TrainerOptions } from './training/trainer-options.js';
