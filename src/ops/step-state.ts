/**
 * What changes from one step to the next, so that the list of calls need not.
 *
 *   state (4) int32    [ step, row, position, 0 ]
 *     step       number of this update, counted from 1: Adam's t
 *     row        which entry of schedule and losses belongs to this step
 *     position   where this batch begins in the shuffled index
 *   schedule (R)       learning rates of the next R steps
 *   losses (R)         losses of the last R steps
 *
 *   recordLoss   losses[row] ← L
 *   advance      step ← step + 1, row ← row + 1, position ← position + B
 *
 * Whoever runs n ≤ R steps sets row to 0 and fills schedule first, and reads losses afterwards:
 * one exchange with the backend for n steps.
 *
 * Kernels: assembly/step-state.ts, shaders/step-state.wgsl
 */
import { persistent, type Tensor, type Values } from '../tensor.js';
import { defineOp, expectShape } from './types.js';

/** R: how many steps one run may take. */
export const MAX_ROWS = 1024;

const STEP = 0;
const ROW = 1;
const POSITION = 2;
const STATE_SIZE = 4;

/** The tensors that every training or evaluation step reads and advances. */
export interface StepState {
  readonly state: Tensor;
  readonly schedule: Tensor;
  readonly losses: Tensor;
}

export function createStepState(): StepState {
  return {
    state: persistent('state', [STATE_SIZE], 'int32'),
    schedule: persistent('schedule', [MAX_ROWS]),
    losses: persistent('losses', [MAX_ROWS]),
  };
}

/** The words of `state` for a run that begins with update number `step` at `position` of the index. */
export function stateWords(step: number, position: number): Int32Array {
  const words = new Int32Array(STATE_SIZE);
  words[STEP] = step;
  words[POSITION] = position;
  return words;
}

export function learningRate(schedule: Values, state: Values): number {
  return schedule[state[ROW]];
}

export function stepNumber(state: Values): number {
  return state[STEP];
}

export function position(state: Values): number {
  return state[POSITION];
}

export function recordLoss(losses: Values, L: Values, state: Values): void {
  losses[state[ROW]] = L[0];
}

export function advance(state: Values, batchSize: number): void {
  state[STEP] += 1;
  state[ROW] += 1;
  state[POSITION] += batchSize;
}

export const stepStateOps = {
  recordLoss: defineOp({
    outputs: ['losses'],
    inputs: ['L', 'state'],
    formula: 'losses[row] ← L',
    sizes({ L, state }) {
      expectShape('recordLoss', 'L', L, [1]);
      expectShape('recordLoss', 'state', state, [STATE_SIZE]);
      return [];
    },
    reference: ({ losses, L, state }) => recordLoss(losses, L, state),
  }),

  advance: defineOp({
    outputs: ['state'],
    inputs: [],
    attributes: ['batchSize'],
    formula: 'step ← step + 1, row ← row + 1, position ← position + B',
    sizes({ state }) {
      expectShape('advance', 'state', state, [STATE_SIZE]);
      return [];
    },
    reference: ({ state }, _, { batchSize }) => advance(state, batchSize),
  }),
};
