/**
 * The models of handgrad's recipes as data, for engines in any language. The recipes in
 * src/recipes.ts are the only definition: the layers are read from a model's description.
 */

import { RECIPES } from '../../dist/index.js';

/**
 * A layer: handgrad's function of that name, and its arguments.
 *
 * @typedef {readonly [name: string, ...args: any[]]} Layer
 */

/** `linear(784, 30)`, with arguments that hold no parentheses. */
const CALL = /(\w+)\(([^()]*)\)/g;

/**
 * A recipe's model without dropout, because each engine would draw its own masks.
 *
 * @param {string} name of a recipe
 * @returns {{ layers: readonly Layer[],
 *   image?: { channels: number, height: number, width: number } }} `image` is the shape of an
 *   example, channel by channel, for a model of images
 * @throws Error for a model whose description is not a list of layers
 */
export function modelOf(name) {
  const all = parseLayers(RECIPES[name].model().description);
  const layers = all.filter(([kind]) => kind !== 'onImages' && kind !== 'dropout');
  const [kind, channels, height, width] = all[0];
  return kind === 'onImages' ? { layers, image: { channels, height, width } } : { layers };
}

/** `linear(784, 30), relu()` → [['linear', 784, 30], ['relu']]. */
export function parseLayers(description) {
  const calls = [...description.matchAll(CALL)];
  if (calls.map(([call]) => call).join(', ') !== description) {
    throw new Error(`models: expected a list of layers without branches, got ${description}`);
  }
  return calls.map(([, kind, args]) => [kind, ...parseArguments(args)]);
}

/** Numbers, and options as in `{ stride: 2, bias: false }`. */
function parseArguments(text) {
  return JSON.parse(`[${text.replace(/(\w+):/g, '"$1":')}]`);
}
