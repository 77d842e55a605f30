import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BackendInfo } from '../../../src/backends/runtime.js';
import { JsonReport } from '../../../src/cli/train/json-report.js';
import type { RunStart, RunTotals } from '../../../src/cli/train/report.js';
import { TextReport } from '../../../src/cli/train/text-report.js';
import { syntheticDigits } from '../../../src/data/synthetic/synthetic-digits.js';
import { RECIPES } from '../../../src/recipes.js';

const before = { backend: 'wasm', build: 'relaxed', threads: 2, notes: ['auto: starts'] } as const;
const figures =
  'auto: 2 ms a step of batch 64 on wasm, 1 ms on webgpu (a GPU): goes on with webgpu';
const after = { backend: 'webgpu', build: 'a GPU', threads: 1, notes: [figures] } as const;
const run: RunStart = {
  recipe: RECIPES.mlp,
  settings: { epochs: 2, batchSize: 64, learningRate: 0.1, seed: 0 },
  data: { ...syntheticDigits({ trainSize: 2, testSize: 2 }), source: 'synthetic' },
  backend: before,
  parameters: 1,
  resumedAfter: undefined,
};

const totals = (backend: BackendInfo): RunTotals => {
  return { epochs: 2, trainSeconds: 1, imagesPerSecond: 1000, backend };
};

function summary(backend: BackendInfo) {
  const confusion = new Int32Array(100);
  const evaluation = { loss: 0.5, accuracy: 0.9, balancedAccuracy: 0.9, confusion };
  const [coefficients, weightsPath] = [undefined, undefined];
  return { ...totals(backend), evaluation, coefficients, weightsPath };
}

/** The output of a report. */
function printed(report: () => void): string {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  write.mockClear();
  report();
  return write.mock.calls.map(([text]) => text).join('');
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each([
  ['done', (report: JsonReport | TextReport, to: BackendInfo) => report.done(summary(to))],
  [
    'interrupted',
    (report: JsonReport | TextReport, to: BackendInfo) => report.interrupted(totals(to), 'SIGINT'),
  ],
])('the report of a run that is %s', (event, end) => {
  it('names the backend that the run moved to, with the timings', () => {
    const line = JSON.parse(printed(() => end(new JsonReport(run), after)));
    const moved = { backend: 'webgpu', build: 'a GPU', threads: 1 };
    expect(line).toMatchObject({ event, ...moved, notes: [figures] });
    expect(printed(() => end(new TextReport(run), after))).toContain(`images/s\n${figures}\n`);
  });

  it('prints the timings of a backend that did not change', () => {
    const stayed = { ...before, notes: [figures] };
    const line = JSON.parse(printed(() => end(new JsonReport(run), stayed)));
    expect(line).toMatchObject({ event, notes: [figures] });
    expect(line).not.toHaveProperty('backend');
    expect(printed(() => end(new TextReport(run), stayed))).toContain(`images/s\n${figures}\n`);
  });

  it('says why auto uses no GPU only if asked', () => {
    const missing = 'webgpu: expected a GPU adapter, got none';
    const stayed = { ...before, notes: [missing] };
    expect(printed(() => end(new TextReport(run), stayed))).toMatch(/1,000 images\/s\n$/);
    expect(printed(() => end(new TextReport(run, true), stayed))).toContain(
      `images/s\n${missing}\n`,
    );
    const line = JSON.parse(printed(() => end(new JsonReport(run), stayed)));
    expect(line).toMatchObject({ event, notes: [missing] });
  });

  it('prints no notes if auto had no other candidate', () => {
    const line = JSON.parse(printed(() => end(new JsonReport(run), before)));
    expect(line).not.toHaveProperty('backend');
    expect(line).not.toHaveProperty('notes');
    expect(printed(() => end(new TextReport(run), before))).toMatch(/1,000 images\/s\n$/);
  });
});
