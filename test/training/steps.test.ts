import { describe, expect, it } from 'vitest';
import { adam, linear, relu, sequential, sgd, softmaxCrossEntropy } from '../../src/index.js';
import { createStepState } from '../../src/ops/step-state.js';
import { outputsOf, type Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { createSource } from '../../src/training/batch-source.js';
import {
  createMoments,
  evaluationStep,
  gradientStep,
  predictionStep,
  type TrainingSetup,
  trainingStep,
} from '../../src/training/steps.js';

function createSetup(options: Partial<TrainingSetup> = {}): TrainingSetup {
  return {
    model: sequential(linear(4, 3), relu(), linear(3, 2)),
    loss: softmaxCrossEntropy(),
    optimizer: sgd({ learningRate: 0.1 }),
    ...options,
  };
}

const source = createSource(100, 4, 'uint8', 'labels', { mean: 0.1, std: 0.3 });
const state = createStepState();

/** The listing, a line per section: `forward: linearForward, reluForward`. */
function listingOf(step: Step): string[] {
  const sections = new Map<string, string[]>();
  for (const { section, op } of step.calls) {
    sections.set(section, [...(sections.get(section) ?? []), op]);
  }
  return [...sections].map(([section, ops]) => `${section}: ${ops.join(', ')}`);
}

/** Names of what outlives the step. */
function writtenBy(step: Step): string[] {
  const outputs = step.calls.flatMap(outputsOf);
  return [...new Set(outputs.filter((t) => t.storage === 'persistent').map(({ name }) => name))];
}

const FORWARD = [
  'data: gatherBytes, gatherLabels',
  'forward: linearForward, reluForward, linearForward',
  'loss: softmaxCrossEntropyForward',
];
const BACKWARD = [
  'softmaxCrossEntropyBackward',
  'linearBackwardWeight, linearBackwardBias, linearBackwardInput',
  'reluBackward',
  'linearBackwardWeight, linearBackwardBias',
];

describe('trainingStep', () => {
  it('gathers, runs forward, backward, and updates every parameter', () => {
    const setup = createSetup();
    const moments = createMoments(setup);
    expect(listingOf(trainingStep(setup, { state, moments }, source, 16))).toEqual([
      ...FORWARD,
      `backward: ${BACKWARD.join(', ')}`,
      'update: sgdUpdate, sgdUpdate, sgdUpdate, sgdUpdate',
      'state: recordLoss, advance',
    ]);
  });

  it('clips between backward and update', () => {
    const setup = createSetup({ clipNorm: 1 });
    const step = trainingStep(setup, { state, moments: createMoments(setup) }, source, 16);
    expect(
      listingOf(step)
        .slice(3, 6)
        .map((line) => line.split(':')[0]),
    ).toEqual(['backward', 'clip', 'update']);
  });

  it('walks on by the size of its batch, over the tensors that other sizes share', () => {
    const setup = createSetup();
    const moments = createMoments(setup);
    const [large, small] = [16, 4].map((B) => trainingStep(setup, { state, moments }, source, B));
    for (const [step, B] of [
      [large, 16],
      [small, 4],
    ] as const) {
      expect(step.calls.find(({ op }) => op === 'advance')?.attributes).toEqual({ batchSize: B });
      expect(step.calls[0].tensors.x.shape).toEqual([B, 4]);
    }
    const weights = ({ calls }: Step) =>
      calls.filter(({ op }) => op === 'sgdUpdate').map(({ tensors }) => tensors.w);
    expect(weights(small)).toEqual(weights(large));
    expect(weights(small)[0]).toBe(weights(large)[0]);
  });
});

describe('evaluationStep', () => {
  it('runs forward, and changes only losses, counts and its state', () => {
    const setup = createSetup();
    const confusion = persistent('confusion', [2, 2], 'int32');
    const step = evaluationStep(setup, state, source, 16, confusion);
    expect(listingOf(step)).toEqual([
      ...FORWARD,
      'metrics: countConfusion',
      'state: recordLoss, advance',
    ]);
    expect(writtenBy(step)).toEqual(['confusion', 'losses', 'state']);
  });

  it('counts nothing where there are no classes', () => {
    const step = evaluationStep(createSetup(), state, source, 16, undefined);
    expect(listingOf(step)).toEqual([...FORWARD, 'state: recordLoss, advance']);
  });
});

describe('predictionStep', () => {
  it('runs forward and keeps the predictions, without the loss', () => {
    const { step, predictions } = predictionStep(createSetup(), state, source, 16);
    expect(listingOf(step)).toEqual([
      'data: gatherBytes',
      'forward: linearForward, reluForward, linearForward, softmaxForward',
    ]);
    expect([predictions.storage, predictions.shape]).toEqual(['persistent', [16, 2]]);
    expect(writtenBy(step)).toEqual(['p']);
  });
});

describe('gradientStep', () => {
  it('computes loss and gradients, and changes no parameter', () => {
    const { step, L } = gradientStep(createSetup(), state, source, 16);
    expect(listingOf(step)).toEqual([...FORWARD, `backward: ${BACKWARD.join(', ')}`]);
    expect(L.storage).toBe('persistent');
    expect(writtenBy(step)).toEqual([
      'L',
      ...['d(2.weight)', 'd(2.bias)', 'd(0.weight)', 'd(0.bias)'],
    ]);
  });
});

describe('createMoments', () => {
  it('makes a tensor like each parameter for all that the optimizer keeps', () => {
    const setup = createSetup({ optimizer: adam({ learningRate: 1 }) });
    const described = createMoments(setup).map((ofOne) => ofOne.map((t) => [t.name, t.shape]));
    expect(described.slice(0, 2)).toEqual([
      [
        ['mean.0.weight', [4, 3]],
        ['square.0.weight', [4, 3]],
      ],
      [
        ['mean.0.bias', [3]],
        ['square.0.bias', [3]],
      ],
    ]);
    expect(createMoments(createSetup())).toEqual([[], [], [], []]);
  });
});
