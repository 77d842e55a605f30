/**
 * The state that changes from one step to the next. Kernels read it, so the list of calls itself
 * never changes.
 *
 *   state (4) int32    [ step, row, position, 0 ]
 *     step       number of this update, counted from 1
 *     row        index of this step in schedule and losses
 *     position   where this batch begins in the shuffled index
 *   schedule (R)       learning rates of the next R steps
 *   losses (R)         losses of the last R steps
 *
 *   recordLoss   losses[row] ← L
 *   advance      step ← step + 1, row ← row + 1, position ← position + batchSize
 *
 * To run up to R steps, the caller sets row to 0, fills schedule, runs the steps, and then reads
 * losses: one exchange with the runtime for all of them.
 *
 * Kernels: assembly/step-state.ts, shaders/step-state.wgsl
 */
import type { RandomStream } from '../random/threefry.js';
import { persistent, type Shape, sizeOf, type Tensor, type Values } from '../tensor.js';
import {
  type Drawn,
  type KernelDeclaration,
  type OpCases,
  positiveReals,
  reals,
  relative,
} from './cases.js';
import { STATE_POSITION, STATE_ROW, STATE_STEP, STATE_WORDS } from './constants.js';
import { defineOp, defineOps } from './define-op.js';
import { expectRank, expectSameShapes, expectShape } from './shape-checks.js';

/** R: the largest number of steps of one run. */
export const MAX_ROWS = 1024;

/** The tensors that every training or evaluation step reads and advances. */
export interface StepState {
  readonly state: Tensor;
  readonly schedule: Tensor;
  readonly losses: Tensor;
}

export function createStepState(): StepState {
  return {
    state: persistent('state', [STATE_WORDS], 'int32'),
    schedule: persistent('schedule', [MAX_ROWS]),
    losses: persistent('losses', [MAX_ROWS]),
  };
}

/** The elements of `state` for a run that starts with update `step` at `position` of the index. */
export function stateWords(step: number, position: number): Int32Array {
  const words = new Int32Array(STATE_WORDS);
  words[STATE_STEP] = step;
  words[STATE_POSITION] = position;
  return words;
}

export function learningRate(schedule: Values, state: Values): number {
  return schedule[state[STATE_ROW]];
}

export function stepNumber(state: Values): number {
  return state[STATE_STEP];
}

export function position(state: Values): number {
  return state[STATE_POSITION];
}

/** Bounds of each word of the state; a word without a bound may be any integer from 0. */
export function stateBounds({
  rows = Infinity,
  positions = Infinity,
}: {
  /** R, the rows that a step may read or write. */
  readonly rows?: number;
  /** Number of positions at which a batch may begin. */
  readonly positions?: number;
}): number[] {
  const bounds = new Array<number>(STATE_WORDS).fill(Infinity);
  bounds[STATE_ROW] = rows;
  bounds[STATE_POSITION] = positions;
  return bounds;
}

/** Bounds of the state for ops that read the learning rate of its row. */
export const rowOfSchedule = {
  state: (_: unknown, { schedule }: { readonly schedule: Shape }) =>
    stateBounds({ rows: schedule[0] }),
};

/** @throws ShapeError unless `state` has the words of a step's state */
export function expectState(operation: string, state: Shape): void {
  expectShape(operation, 'state', state, [STATE_WORDS]);
}

/**
 * The shape rule of an optimizer's update.
 *
 * @param shapes of w, dw and moments, which must be equal
 */
export function updateShapes(
  operation: string,
  shapes: Readonly<Record<string, Shape>>,
  schedule: Shape,
  state: Shape,
) {
  expectSameShapes(operation, shapes);
  expectRank(operation, 'schedule', schedule, '(R)');
  expectState(operation, state);
  return { outputs: {}, sizes: { n: sizeOf(shapes.w) } };
}

export function recordLoss(losses: Values, L: Values, state: Values): void {
  losses[state[STATE_ROW]] = L[0];
}

export function advance(state: Values, batchSize: number): void {
  state[STATE_STEP] += 1;
  state[STATE_ROW] += 1;
  state[STATE_POSITION] += batchSize;
}

export const stepStateOps = defineOps({
  recordLoss: defineOp({
    updates: ['losses'],
    inputs: ['L', 'state'],
    dtypes: { state: 'int32' },
    below: { state: (_, { losses }) => stateBounds({ rows: losses[0] }) },
    sizes: [],
    formula: 'losses[row] ← L',
    shapes({ losses, L, state }) {
      expectRank('recordLoss', 'losses', losses, '(R)');
      expectShape('recordLoss', 'L', L, [1]);
      expectState('recordLoss', state);
      return { outputs: {}, sizes: {} };
    },
    terms: () => 1,
    reference: ({ losses, L, state }) => recordLoss(losses, L, state),
  }),

  advance: defineOp({
    updates: ['state'],
    inputs: [],
    dtypes: { state: 'int32' },
    attributes: ['batchSize'],
    sizes: [],
    formula: 'step ← step + 1, row ← row + 1, position ← position + batchSize',
    shapes({ state }) {
      expectState('advance', state);
      return { outputs: {}, sizes: {} };
    },
    terms: () => 2,
    reference: ({ state }, _, { batchSize }) => advance(state, batchSize),
  }),
});

export const stepStateCases: OpCases<keyof typeof stepStateOps> = {
  name: 'step-state',
  magnitudes: {
    recordLoss: relative,
    advance: relative,
  },
  draw: (random) => ({ kernels: [stepStateCase(random)] }),
};

export function stepStateCase(random: RandomStream): KernelDeclaration<keyof typeof stepStateOps> {
  const { state } = drawStepState(random);
  const losses = reals(random, [MAX_ROWS]);
  const attributes = { batchSize: 1 + random.nextBelow(1000) };
  return {
    title: 'step state',
    values: { L: reals(random, [1]), state, losses },
    calls: [{ op: 'recordLoss' }, { op: 'advance', attributes }, { op: 'recordLoss' }],
  };
}

/** The state of a random later step, and a schedule of learning rates from 0.1 to 2. */
export function drawStepState(random: RandomStream): { state: Drawn; schedule: Drawn } {
  const [step, row, position] = [1, 100, 1000].map((bound) => 1 + random.nextBelow(bound));
  return {
    state: { shape: [STATE_WORDS], data: Int32Array.of(step, row, position, 0) },
    schedule: positiveReals(random, [MAX_ROWS]),
  };
}
