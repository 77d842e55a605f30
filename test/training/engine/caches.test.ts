/* Caches of datasets on a backend and of compiled steps: what they keep and what they release. */
import { describe, expect, it } from 'vitest';
import type { Runtime } from '../../../src/backends/runtime.js';
import { BackendError, DataError } from '../../../src/errors.js';
import { Step } from '../../../src/step.js';
import { persistent, type Tensor } from '../../../src/tensor.js';
import { StepCache } from '../../../src/training/engine/step-cache.js';
import { UploadedDatasets } from '../../../src/training/engine/uploaded-datasets.js';
import { blobs } from '../fixtures.js';

/** A runtime that computes nothing and logs its calls. */
class Recorder implements Runtime {
  readonly info = { backend: 'reference', build: 'none', threads: 1, notes: [] } as const;
  readonly log: string[] = [];
  /** Tensors that have memory. */
  readonly held = new Set<Tensor>();
  /** Writing a tensor of this name fails for lack of memory. */
  refused: string | undefined;

  async compile() {
    this.log.push('compile');
    return { run: async () => {}, close: () => this.log.push('close') };
  }
  write(tensor: Tensor): void {
    if (tensor.name === this.refused) throw new BackendError(`no memory for ${tensor.name}`);
    this.log.push(`write ${tensor.name}`);
    this.held.add(tensor);
  }
  async read() {
    return new Float32Array();
  }
  release(tensors: Iterable<Tensor>): void {
    for (const tensor of tensors) {
      this.log.push(`release ${tensor.name}`);
      this.held.delete(tensor);
    }
  }
  async finish() {}
  async close() {}
}

const datasets = Array.from({ length: 6 }, (_, seed) => blobs({ size: 10, seed }));

describe('UploadedDatasets', () => {
  function create() {
    const runtime = new Recorder();
    const dropped: string[] = [];
    const onDrop = ({ key }: { key: string }) => {
      dropped.push(key);
      runtime.log.push(`drop ${key}`);
    };
    return { runtime, dropped, cache: new UploadedDatasets(runtime, onDrop) };
  }

  it('uploads a dataset once', () => {
    const { runtime, cache } = create();
    const entry = cache.get(datasets[0]);
    expect(runtime.log).toEqual(['write inputs', 'write labels', 'write index']);
    expect(cache.get(datasets[0])).toBe(entry);
    expect(runtime.log).toHaveLength(3);
  });

  it('has two orders over the same inputs and targets', () => {
    const { inOrder, shuffled } = create().cache.get(datasets[0]);
    expect(shuffled.inputs).toBe(inOrder.inputs);
    expect(shuffled.targets).toBe(inOrder.targets);
    expect(shuffled.index).not.toBe(inOrder.index);
  });

  it('calls onDrop, then releases the least recently used dataset', () => {
    const { runtime, dropped, cache } = create();
    const [first, second] = datasets.slice(0, 4).map((dataset) => cache.get(dataset));
    cache.get(datasets[0]);
    expect(dropped).toEqual([]);
    runtime.log.length = 0;
    cache.get(datasets[4]);
    expect(dropped).toEqual([second.key]);
    expect(runtime.log.slice(3)).toEqual([
      `drop ${second.key}`,
      ...['release inputs', 'release labels', 'release index', 'release index'],
    ]);
    expect(runtime.held.has(second.inOrder.inputs)).toBe(false);
    expect(cache.get(datasets[0])).toBe(first);
  });

  it('gives a dataset that is uploaded again another key', () => {
    const { cache } = create();
    const { key } = cache.get(datasets[0]);
    for (const dataset of datasets) cache.get(dataset);
    expect(cache.get(datasets[0]).key).not.toBe(key);
  });

  it('rejects invalid data before it writes any', () => {
    const { runtime, cache } = create();
    const invalid = { ...datasets[0], targets: new Int32Array(10).fill(7) };
    expect(() => cache.get(invalid)).toThrow(DataError);
    expect(runtime.log).toEqual([]);
  });

  it('releases all tensors of a dataset that does not fit into memory', () => {
    const { runtime, cache } = create();
    for (const refused of ['inputs', 'labels', 'index']) {
      runtime.refused = refused;
      expect(() => cache.get(datasets[0])).toThrow(new BackendError(`no memory for ${refused}`));
      expect(runtime.held).toEqual(new Set());
    }
    runtime.refused = undefined;
    expect(cache.get(datasets[0]).inOrder.inputs.shape).toEqual([10, 4]);
  });
});

describe('StepCache', () => {
  const build = (own: readonly Tensor[] = []) => ({ step: new Step(), own });

  it('builds and compiles the step of a key once', async () => {
    const runtime = new Recorder();
    const cache = new StepCache<{ answer: number }>(runtime);
    let builds = 0;
    const make = () => ({ ...build(), answer: ++builds });
    const first = await cache.get('a', make);
    expect(await cache.get('a', make)).toBe(first);
    expect((await cache.get('b', make)).answer).toBe(2);
    expect(runtime.log).toEqual(['compile', 'compile']);
  });

  it('closes the least recently used step and releases its own tensors', async () => {
    const runtime = new Recorder();
    const cache = new StepCache(runtime);
    const own = Array.from({ length: 17 }, (_, i) => persistent(`own ${i}`, [1]));
    for (let i = 0; i < 16; i++) await cache.get(`step ${i}`, () => build([own[i]]));
    await cache.get('step 0', () => build());
    runtime.log.length = 0;
    await cache.get('step 16', () => build([own[16]]));
    expect(runtime.log).toEqual(['compile', 'close', 'release own 1']);
  });

  it('drops only steps whose key starts with the prefix', async () => {
    const runtime = new Recorder();
    const cache = new StepCache(runtime);
    for (const key of ['dataset 1 train', 'dataset 1 evaluate', 'dataset 10 train']) {
      await cache.get(key, () => build([persistent(key, [1])]));
    }
    runtime.log.length = 0;
    cache.drop('dataset 1 ');
    expect(runtime.log).toEqual([
      ...['close', 'release dataset 1 train'],
      ...['close', 'release dataset 1 evaluate'],
    ]);
    await cache.get('dataset 10 train', () => build());
    expect(runtime.log).toHaveLength(4);
  });
});
