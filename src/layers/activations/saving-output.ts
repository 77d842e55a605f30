import { describe } from '../../description.js';
import type { reluOps } from '../../ops/relu.js';
import type { Layer } from '../layer.js';

/** An element-wise function whose backward reads its output y. */
export function savingOutput(
  name: string,
  forward: typeof reluOps.reluForward,
  backward: typeof reluOps.reluBackward,
): Layer {
  return {
    description: describe(name),
    input: 'any',
    parameters: [],
    forward(step, x) {
      const { y } = step.call(forward, { x });
      return { y, backward: (dy) => step.call(backward, { dy, y }).dx };
    },
  };
}
