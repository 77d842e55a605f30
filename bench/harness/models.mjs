/**
 * Models and optimizers of handgrad's recipes as data, for engines in any language. The recipes in
 * src/recipes.ts are the only definition; their descriptions are read here.
 *
 * @typedef {{ name: string, options: Record<string, any> }} Description a function of handgrad, and
 *   its arguments by name
 */

import { RECIPES } from '../../dist/index.js';

/**
 * A recipe's model without dropout, because each engine would draw its own masks.
 *
 * @param {string} recipe
 * @returns {{ model: Description, layers: readonly Description[],
 *   image?: { channels: number, height: number, width: number } }} the whole model; its layers, in
 *   order; and the shape of an example, channel by channel, for a model of images
 */
export function modelOf(recipe) {
  const model = withoutDropout(RECIPES[recipe].model().description);
  if (model.name !== 'onImages') return { model, layers: layersOf(model) };
  const { image, model: inner } = model.options;
  return { model, layers: layersOf(inner), image };
}

/**
 * A recipe's optimizer.
 *
 * @param {number} [constantRate] replaces the recipe's schedule of learning rates
 * @returns {{ name: string, learningRate: number, betas?: readonly number[], oneCycle?: true }}
 *   `learningRate` is the maximum of one cycle, or constant
 * @throws RangeError for a schedule other than one cycle
 */
export function optimizerOf(recipe, constantRate) {
  const { learningRate, optimizer } = RECIPES[recipe];
  const { name, options } = optimizer(learningRate).description;
  const { learningRate: schedule, ...others } = options;
  const settings = name === 'adam' ? { betas: [0.9, 0.999], ...others } : others;
  if (constantRate !== undefined) return { name, learningRate: constantRate, ...settings };
  if (schedule.name !== 'oneCycle') {
    throw new RangeError(`models: expected one cycle in ${recipe}, got ${schedule.name}`);
  }
  return { name, learningRate: schedule.options.maximum, oneCycle: true, ...settings };
}

/** ResNet-18 is one layer, which engines build as a whole. */
function layersOf(description) {
  return description.name === 'sequential' ? description.options.layers : [description];
}

function withoutDropout({ name, options }) {
  if (name === 'onImages') {
    return { name, options: { ...options, model: withoutDropout(options.model) } };
  }
  if (name !== 'sequential') return { name, options };
  return { name, options: { layers: options.layers.filter((layer) => layer.name !== 'dropout') } };
}
