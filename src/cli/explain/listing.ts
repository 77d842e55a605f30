/** A step as a list for readers. */

import { PADDING } from '../../backends/wasm/constants.js';
import { ALIGNMENT, planMemory, roundUp } from '../../memory-plan.js';
import type { OpName } from '../../ops/registry.js';
import { type Call, definitionOf, touchedBy } from '../../step.js';
import { formatShape, type Tensor } from '../../tensor.js';
import { formatBytes, formatCounted, wrap } from '../output/format.js';

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
  /** Bytes that the activations take on the wasm backend, where it fuses no calls. */
  readonly activations: {
    /** As planned: two that are never alive together share a place. */
    readonly planned: number;
    /** Had each a place of its own. */
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
  /** The tensor's name in the formula. */
  readonly role: string;
};

export function listingOf(calls: readonly Call[]): ListedCalls {
  const listed = calls.map((call, i) => ({
    number: i + 1,
    section: call.section,
    op: call.op,
    formula: definitionOf(call.op).formula,
    ...listTensors(call),
    attributes: call.attributes,
  }));
  const planned = planMemory(
    calls.map(({ tensors }) => Object.values(tensors)),
    PADDING,
  ).size;
  return { calls: listed, activations: { planned, separate: separateBytes(calls) } };
}

function listTensors({ op, tensors }: Call) {
  const list = (role: string): ListedTensor => {
    const { name, shape, dtype, storage } = tensors[role];
    return { role, name, shape, dtype, storage };
  };
  const { outputs, updates, inputs } = definitionOf(op);
  return { outputs: outputs.map(list), updates: updates.map(list), inputs: inputs.map(list) };
}

function separateBytes(calls: readonly Call[]): number {
  const tensors = new Set(calls.flatMap(touchedBy));
  return [...tensors]
    .filter(({ storage }) => storage === 'activation')
    .reduce((sum, { byteLength }) => sum + roundUp(byteLength + PADDING, ALIGNMENT), 0);
}

/** A header, the calls by section, and what memory the activations take. */
export function formatListing(listing: Listing): string {
  const { planned, separate } = listing.activations;
  const memory =
    `Before calls are fused, activations take ${formatBytes(planned)}, ` +
    `since those that never meet share memory; ${formatBytes(separate)} if none did.`;
  return [formatHeader(listing), ...formatCalls(listing.calls), '', memory].join('\n');
}

function formatHeader(listing: Listing): string {
  const { recipe, title, step, model, loss, optimizer, parameters, batchSize } = listing;
  return [
    `recipe      ${recipe}: ${title}`,
    `model       ${wrap(`${model}: ${formatCounted(parameters, 'parameter')}`, ' '.repeat(12), WIDTH)}`,
    `loss        ${loss}`,
    `optimizer   ${optimizer}`,
    `step        ${step}, batch size ${batchSize}`,
    '',
    'Each call: its number, the kernel, what it writes ← what it reads, and below that the formula.',
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

/** Columns that a terminal is expected to have. */
const WIDTH = 120;

/**
 * `y: 0.y (64, 30) ← x (64, 784), W: 0.weight (784, 30)`: each tensor with its role, where that is
 * not its name. Wraps at the terminal's width.
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
