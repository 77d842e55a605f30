/* Functions of a program's own, which a worker imports: a schedule, and a layer with a parameter. */
import { kaimingUniform, Parameter } from 'handgrad';
import { linearOps } from 'handgrad/ops';

/** A square linear layer without a bias, from the package: in a worker, from another copy of it. */
export function square({ features }) {
  const options = { fanIn: features, initializer: kaimingUniform() };
  const weight = new Parameter('weight', [features, features], options);
  const bias = new Parameter('bias', [features], options);
  return {
    description: { name: 'square', options: { features } },
    input: { features },
    parameters: [weight, bias],
    forward(step, x) {
      const { tensor: W } = weight;
      const { y } = step.call(linearOps.linearForward, { x, W, b: bias.tensor });
      return {
        y,
        backward: (dy) => {
          step.call(linearOps.linearBackwardWeight, { x, dy }, { into: { dW: weight.gradient } });
          step.call(linearOps.linearBackwardBias, { dy }, { into: { db: bias.gradient } });
          return step.call(linearOps.linearBackwardInput, { dy, W }).dx;
        },
      };
    },
  };
}

/** A learning rate that falls with each step. Other options are kept, and not used. */
export function falling({ rate, ...rest }) {
  return {
    description: { name: 'falling', options: { rate, ...rest } },
    at: (step) => rate / (1 + step),
  };
}
