import type { Description, Plain } from '../../description.js';
import type { Parameter } from '../../layers/parameters/parameter.js';
import type { StepState } from '../../ops/step-state.js';
import type { Step } from '../../step.js';
import type { Tensor } from '../../tensor.js';
import type { Schedule } from '../schedules.js';

/** The rule by which gradients change parameters. */
export interface Optimizer {
  /** The call that makes it, as plain data. */
  readonly description: Description;
  /** The learning rate of each step. */
  readonly schedule: Schedule;
  /**
   * Names of the tensors that the optimizer keeps for each parameter. They have the shape of the
   * parameter and start at zero.
   */
  readonly moments: readonly string[];
  /**
   * Appends the update of one parameter.
   *
   * @param moments tensors kept for this parameter, in the order of `moments`
   * @param state the number of the step, and the learning rates
   */
  update(step: Step, parameter: Parameter, moments: readonly Tensor[], state: StepState): void;
}

/** Options as plain data, with the description of a schedule in its place. */
export function plainOptions<Rest extends object>({
  learningRate,
  ...options
}: { readonly learningRate: number | Schedule } & Rest) {
  const rate: Plain = typeof learningRate === 'number' ? learningRate : learningRate.description;
  return { learningRate: rate, ...options };
}
