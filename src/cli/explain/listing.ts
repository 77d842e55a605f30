/** A step as a list of its calls, for the terminal or as JSON. */

import { PADDING } from '../../backends/wasm/constants.js';
import { type Call, touchedBy } from '../../call.js';
import { ALIGNMENT, lifetimesOf, planMemory, roundUp } from '../../memory-plan.js';
import type { OpName } from '../../ops/registry.js';
import { formatShape, type Tensor } from '../../tensor.js';
import { formatBytes, formatCount, wrap } from '../output/format.js';

/** The step of a recipe, as `explain --json` prints it. */
export interface Listing extends ListedCalls {
  readonly recipe: string;
  readonly title: string;
  readonly step: 'training' | 'evaluation';
  readonly model: string;
  readonly loss: string;
  readonly optimizer: string;
  readonly parameters: number;
  readonly batchSize: number;
}

interface ListedCalls {
  readonly calls: readonly ListedCall[];
  /** Bytes of all activations on the wasm backend, before it fuses calls. */
  readonly activations: {
    /** In the shared arena, where activations with disjoint lifetimes share memory. */
    readonly planned: number;
    /** Without sharing memory. */
    readonly separate: number;
  };
}

interface ListedCall {
  /** Counted from 1. */
  readonly number: number;
  readonly section: string;
  readonly op: OpName;
  readonly formula: string;
  readonly outputs: readonly ListedTensor[];
  /** Tensors that are changed in place. */
  readonly updates: readonly ListedTensor[];
  readonly inputs: readonly ListedTensor[];
  readonly attributes: Readonly<Record<string, number>>;
}

type ListedTensor = Pick<Tensor, 'name' | 'shape' | 'dtype' | 'storage'> & {
  /** The name of the tensor in the formula. */
  readonly role: string;
};

/** The calls of a step, and the memory of its activations. */
export function listingOf(calls: readonly Call[]): ListedCalls {
  const listed = calls.map((call, i) => ({
    number: i + 1,
    section: call.section,
    op: call.op,
    formula: call.definition.formula,
    ...listTensors(call),
    attributes: call.attributes,
  }));
  const planned = planMemory(calls.map(touchedBy), PADDING).size;
  return { calls: listed, activations: { planned, separate: separateBytes(calls) } };
}

function listTensors({ definition, tensors }: Call) {
  const list = (role: string): ListedTensor => {
    const { name, shape, dtype, storage } = tensors[role];
    return { role, name, shape, dtype, storage };
  };
  const { outputs, updates, inputs } = definition;
  return { outputs: outputs.map(list), updates: updates.map(list), inputs: inputs.map(list) };
}

function separateBytes(calls: readonly Call[]): number {
  const activations = [...lifetimesOf(calls.map(touchedBy)).keys()];
  return activations.reduce(
    (sum, { byteLength }) => sum + roundUp(byteLength + PADDING, ALIGNMENT),
    0,
  );
}

/** A header, the calls by section, and the memory of the activations. */
export function formatListing(listing: Listing): string {
  const { planned, separate } = listing.activations;
  const memory =
    `Activations take ${formatBytes(planned)} in a shared arena, ` +
    `${formatBytes(separate)} without sharing (before calls are fused).`;
  return [formatHeader(listing), ...formatCalls(listing.calls), '', memory].join('\n');
}

function formatHeader(listing: Listing): string {
  const { recipe, title, step, model, loss, optimizer, parameters, batchSize } = listing;
  return [
    `recipe      ${recipe}: ${title}`,
    `model       ${wrap(model, ' '.repeat(12), WIDTH)}`,
    `parameters  ${formatCount(parameters)}`,
    `loss        ${loss}`,
    `optimizer   ${optimizer}`,
    `step        ${step}, batch size ${batchSize}`,
    '',
    'Each call: number, op, tensors written ← tensors read, each as `role: tensor (shape)`; below it, the formula.',
    'd(t) is the gradient of the loss with respect to tensor t. A role is left out where the tensor has its name.',
  ].join('\n');
}

function formatCalls(calls: readonly ListedCall[]): string[] {
  const numberWidth = String(calls.length).length + 2;
  const opWidth = Math.max(...calls.map(({ op }) => op.length));
  const indent = ' '.repeat(numberWidth + opWidth + 4);
  return calls.flatMap((call, i) => {
    const { number, op, section, formula } = call;
    const start = `${String(number).padStart(numberWidth)}  ${op.padEnd(opWidth)}  `;
    const lines = [start + formatTensors(call, indent), indent + wrap(formula, indent, WIDTH)];
    return section === calls[i - 1]?.section ? lines : ['', section, ...lines];
  });
}

/** Columns of the terminal. */
const WIDTH = 120;

/**
 * `y: 0.y (64, 30) ← x (64, 784), W: 0.weight (784, 30)`: each tensor with its role, unless the
 * tensor is named like the role. Wraps at the width of the terminal.
 */
function formatTensors({ outputs, updates, inputs }: ListedCall, indent: string): string {
  const format = ({ role, name, shape }: ListedTensor) =>
    `${role === name ? name : `${role}: ${name}`} ${formatShape(shape)}`;
  const left = [...outputs, ...updates].map(format).join(', ');
  const right = inputs.map(format).join(', ');
  if (right === '') return wrap(left, indent, WIDTH);
  if (indent.length + left.length + right.length + 3 <= WIDTH) return `${left} ← ${right}`;
  return `${wrap(left, indent, WIDTH)}\n${indent}← ${wrap(right, `${indent}  `, WIDTH)}`;
}
