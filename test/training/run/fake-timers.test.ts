import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.useRealTimers();
});

it.each(['before', 'after'])(
  'fit ends under fake timers, installed %s the import',
  async (when) => {
    vi.resetModules();
    if (when === 'before') vi.useFakeTimers();
    const { createBackend } = await import('../../../src/index.js');
    const { blobs, createTrainer } = await import('../fixtures.js');
    if (when === 'after') vi.useFakeTimers();
    for (const name of ['wasm', 'reference', 'auto'] as const) {
      const backend = await createBackend(name);
      const trainer = createTrainer(backend);
      const last = { epoch: 0, stepInEpoch: 0 };
      const validation = blobs({ size: 30, seed: 1 });
      const history = await trainer.fit(blobs({ size: 50 }), {
        epochs: 30,
        validation,
        onProgress: (progress) => Object.assign(last, progress),
      });
      expect(history.epochs).toHaveLength(30);
      expect(last).toMatchObject({ epoch: 30, stepInEpoch: 4 });
      await trainer.predict(validation.inputs.subarray(0, 4));
      await backend.close();
    }
  },
);
