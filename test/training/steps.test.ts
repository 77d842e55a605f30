import { describe, expect, it } from 'vitest';
import { touchedBy, writtenBy } from '../../src/call.js';
import {
  adam,
  dropout,
  flatten,
  linear,
  relu,
  residual,
  sequential,
  sgd,
  softmaxCrossEntropy,
} from '../../src/index.js';
import { createStepState } from '../../src/ops/step-state.js';
import { RECIPE_NAMES, RECIPES } from '../../src/recipes.js';
import type { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { createSource, sourceOf } from '../../src/training/batch-source.js';
import {
  createMoments,
  evaluationStep,
  gradientStep,
  predictionStep,
  type TrainingSetup,
  trainingStep,
} from '../../src/training/steps.js';
import { residualNetwork } from '../networks.js';

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

/** The ops of each section, a line per section: `forward: linearForward, reluForward`. */
function listingOf(step: Step): string[] {
  const sections = new Map<string, string[]>();
  for (const { section, op } of step.calls) {
    sections.set(section, [...(sections.get(section) ?? []), op]);
  }
  return [...sections].map(([section, ops]) => `${section}: ${ops.join(', ')}`);
}

/** Names of the persistent tensors that the step changes. */
function changedBy(step: Step): string[] {
  const written = step.calls.flatMap(writtenBy);
  return [...new Set(written.filter((t) => t.storage === 'persistent').map(({ name }) => name))];
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

  it('advances by its batch size, and shares its tensors with steps of other sizes', () => {
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
  it('runs forward, and changes only losses, counts and the step state', () => {
    const setup = createSetup();
    const counts = persistent('counts', [2, 2], 'int32');
    const step = evaluationStep(setup, state, source, 16, { counts });
    expect(listingOf(step)).toEqual([
      ...FORWARD,
      'metrics: countCorrect',
      'state: recordLoss, advance',
    ]);
    expect(changedBy(step)).toEqual(['counts', 'losses', 'state']);
  });

  it('counts nothing for regression', () => {
    const step = evaluationStep(createSetup(), state, source, 16, {});
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
    expect(changedBy(step)).toEqual(['p']);
  });
});

describe('gradientStep', () => {
  it('computes loss and gradients, and changes no parameter', () => {
    const { step, L } = gradientStep(createSetup(), state, source, 16);
    expect(listingOf(step)).toEqual([...FORWARD, `backward: ${BACKWARD.join(', ')}`]);
    expect(L.storage).toBe('persistent');
    expect(changedBy(step)).toEqual([
      'L',
      ...['d(2.weight)', 'd(2.bias)', 'd(0.weight)', 'd(0.bias)'],
    ]);
  });
});

describe('createMoments', () => {
  it('makes one tensor in the shape of the parameter for each moment of the optimizer', () => {
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

describe('names of tensors', () => {
  const recipeSetups = RECIPE_NAMES.map((name) => {
    const recipe = RECIPES[name];
    const { data, learningRate } = recipe;
    const setup = (): TrainingSetup => ({
      model: recipe.model(),
      loss: recipe.loss(),
      optimizer: recipe.optimizer(learningRate),
      clipNorm: 1,
    });
    const source =
      data === 'points'
        ? sourceOf(recipe.prepare(undefined, 0).train)
        : createSource(100, 784, 'uint8', 'labels', { mean: 0, std: 1 });
    return [name, setup, source] as const;
  });
  const rows = createSource(100, 12, 'uint8', 'labels', { mean: 0, std: 1 });
  const custom: readonly [string, () => TrainingSetup, typeof source][] = [
    [
      'residual branches, nested models and layers that pass gradients on',
      () =>
        createSetup({
          model: sequential(
            residual(sequential(flatten(), dropout(0.5), linear(12, 12), flatten()), relu()),
            sequential(flatten(), sequential(linear(12, 12)), residual(relu())),
            relu(),
            linear(12, 2),
            flatten(),
          ),
        }),
      rows,
    ],
    [
      'a small ResNet',
      () => createSetup({ model: residualNetwork({ channels: 3, height: 2, width: 2 }) }),
      rows,
    ],
    ['a model of one layer', () => createSetup({ model: linear(12, 2) }), rows],
  ];

  it.each([...recipeSetups, ...custom])(
    'are unique in every step: %s',
    (_, createSetup, source) => {
      const setup = createSetup();
      const moments = createMoments(setup);
      const steps = [
        trainingStep(setup, { state, moments }, source, 8),
        evaluationStep(setup, state, source, 8, {}),
        predictionStep(setup, state, source, 8).step,
        gradientStep(setup, state, source, 8).step,
      ];
      for (const { calls } of steps) {
        const names = [...new Set(calls.flatMap(touchedBy))].map(({ name }) => name);
        const repeated = names.filter((name, i) => names.indexOf(name) !== i);
        expect(repeated).toEqual([]);
      }
    },
  );

  it('of gradients refer to a tensor of the same shape', () => {
    for (const [, createSetup, source] of [...recipeSetups, ...custom]) {
      const setup = createSetup();
      const { calls } = trainingStep(setup, { state, moments: createMoments(setup) }, source, 8);
      const tensors = new Map(calls.flatMap(touchedBy).map((tensor) => [tensor.name, tensor]));
      for (const [name, { shape }] of tensors) {
        const of = name.match(/^d\((.*)\)$/)?.[1];
        if (of !== undefined) expect(tensors.get(of)?.shape, name).toEqual(shape);
      }
    }
  });

  it('of gradients that a layer passes on unchanged do not change', () => {
    const model = sequential(residual(sequential(linear(12, 12), flatten())), relu());
    const setup = createSetup({ model: sequential(model, linear(12, 2)) });
    const { calls } = trainingStep(setup, { state, moments: createMoments(setup) }, rows, 8);
    const relus = calls.filter(({ op }) => op === 'reluBackward');
    expect(relus.map(({ tensors }) => tensors.dx.name)).toEqual(['d(0.0.y)']);
  });
});
