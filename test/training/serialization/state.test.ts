import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createBackend,
  DataError,
  decodeSafetensors,
  encodeSafetensors,
  linear,
  relu,
  ShapeError,
  sequential,
  type TensorData,
} from '../../../src/index.js';
import { describeOnEachBackend } from '../../backends.js';
import { expectClose, expectSameBits } from '../../values.js';
import { blobs, createTrainer, differs, expectSameState, FEATURES } from '../fixtures.js';

const wasm = await createBackend('wasm');

describeOnEachBackend('state', (backend) => {
  it('has PyTorch’s names, shapes and layouts', async () => {
    const trainer = createTrainer(backend, { model: sequential(linear(2, 3)) });
    await trainer.loadState(
      new Map([
        ['0.weight', { shape: [3, 2], data: [0.1, -0.2, 0.3, 0.4, -0.5, 0.6] }],
        ['0.bias', { shape: [3], data: [1, 0.2, -0.3] }],
      ]),
    );
    const state = await trainer.state();
    expect(state.get('0.weight')).toEqual({
      shape: [3, 2],
      data: Float32Array.of(0.1, -0.2, 0.3, 0.4, -0.5, 0.6),
    });
    expect(state.get('0.bias')).toEqual({ shape: [3], data: Float32Array.of(1, 0.2, -0.3) });
    // Logit o of x = (2, 3) is computed from row o of the weight and element o of the bias.
    const e = [1 + 0.2 - 0.6, 0.2 + 0.6 + 1.2, -0.3 - 1 + 1.8].map(Math.exp);
    const p = e.map((exponential) => exponential / (e[0] + e[1] + e[2]));
    expectClose('p', await trainer.predict(Float32Array.of(2, 3)), p, { absolute: 1e-6 });
  });

  it('loads into another trainer, bit for bit', async () => {
    const [a, b] = [createTrainer(backend), createTrainer(backend, { seed: 9 })];
    await a.fit(blobs(), { epochs: 1 });
    expect(differs(await b.state(), await a.state())).toBe(true);
    await b.loadState(await a.state());
    expectSameState(await b.state(), await a.state());
    const { inputs } = blobs({ size: 20 });
    expectSameBits('p', await b.predict(inputs), await a.predict(inputs));
  });

  it('is a copy that does not share memory with the trainer', async () => {
    const trainer = createTrainer(backend);
    const [state, untouched] = [await trainer.state(), await trainer.state()];
    await trainer.fit(blobs(), { epochs: 1 });
    expectSameState(state, untouched);
    const trained = await trainer.state();
    for (const { data } of (await trainer.state()).values()) (data as Float32Array).fill(0);
    expectSameState(await trainer.state(), trained);
  });
});

describe('loadState', () => {
  const fresh = () => createTrainer(wasm, { model: sequential(linear(2, 3)) });
  const fits: [string, TensorData][] = [
    ['0.weight', { shape: [3, 2], data: new Float32Array(6) }],
    ['0.bias', { shape: [3], data: new Float32Array(3) }],
  ];

  it.each<[string, [string, TensorData][], Error]>([
    [
      'a missing tensor',
      fits.slice(0, 1),
      new ShapeError('loadState: expected tensors 0.weight, 0.bias, got 0.weight'),
    ],
    [
      'an unknown tensor',
      [...fits, ['1.bias', fits[1][1]]],
      new ShapeError('loadState: expected tensors 0.weight, 0.bias, got 0.weight, 0.bias, 1.bias'),
    ],
    [
      'a shape of this library’s layout',
      [['0.weight', { shape: [2, 3], data: new Float32Array(6) }], fits[1]],
      new ShapeError('loadState: expected 0.weight of shape (3, 2), got (2, 3)'),
    ],
    [
      'too few numbers',
      [['0.weight', { shape: [3, 2], data: new Float32Array(5) }], fits[1]],
      new ShapeError('loadState: expected 0.weight to have 6 numbers, got 5'),
    ],
    [
      'NaN in the last tensor',
      [fits[0], ['0.bias', { shape: [3], data: Float32Array.of(1, 2, NaN) }]],
      new DataError('loadState: expected finite numbers in 0.bias, got NaN at 2'),
    ],
  ])('rejects %s, and changes nothing', async (_name, entries, error) => {
    const trainer = fresh();
    const before = await trainer.state();
    await expect(trainer.loadState(new Map(entries))).rejects.toThrow(error);
    expectSameState(await trainer.state(), before);
  });
});

describe('encode and decode', () => {
  it('carry weights and normalisation to another trainer', async () => {
    const data = blobs({ bytes: true });
    const [a, b] = [createTrainer(wasm), createTrainer(wasm, { seed: 1 })];
    await a.fit(data, { epochs: 1 });
    await b.decode(await a.encode());
    expectSameState(await b.state(), await a.state());
    expectSameBits('p', await b.predict(data.inputs), await a.predict(data.inputs));
  });

  it('omit an unknown normalisation, and keep a known one', async () => {
    const { normalization, inputs } = blobs({ bytes: true });
    const [plain, normalizing] = [createTrainer(wasm), createTrainer(wasm, { normalization })];
    const bytes = await plain.encode();
    expect(decodeSafetensors(bytes).metadata).toEqual({ format: 'pt' });
    await normalizing.decode(bytes);
    expect(await normalizing.predict(inputs)).toHaveLength(300);
  });

  it('ignore metadata without a normalisation', async () => {
    const state = await createTrainer(wasm).state();
    for (const normalization of ['', 'null', '{"mean":0.5}', '{"mean":0,"std":0}', '[1]', '{']) {
      const trainer = createTrainer(wasm, { seed: 1 });
      await trainer.decode(encodeSafetensors(state, { normalization }));
      expectSameState(await trainer.state(), state);
      await expect(trainer.predict(new Uint8Array(FEATURES))).rejects.toThrow(/normalisation/);
    }
  });

  it('reject another model’s weights and invalid files, and change nothing', async () => {
    const trainer = createTrainer(wasm);
    const before = await trainer.state();
    const other = createTrainer(wasm, { model: sequential(linear(FEATURES, 3), relu()) });
    await expect(trainer.decode(await other.encode())).rejects.toThrow(
      'decode: expected tensors 0.weight, 0.bias, 2.weight, 2.bias, got 0.weight, 0.bias',
    );
    const whole = await trainer.encode();
    await expect(trainer.decode(whole.subarray(0, whole.length - 1))).rejects.toThrow(DataError);
    expectSameState(await trainer.state(), before);
  });
});

describe('decode', () => {
  it('takes an ArrayBuffer, such as that of a response', async () => {
    const trainer = createTrainer(wasm);
    const response = new Response((await trainer.encode()) as Uint8Array<ArrayBuffer>);
    const loaded = createTrainer(wasm, { seed: 1 });
    await loaded.decode(await response.arrayBuffer());
    expectSameState(await loaded.state(), await trainer.state());
  });

  /** A file of F32 weights, in which some tensors are integers. */
  const withIntegers = (bytes: Uint8Array, names: readonly string[]) => {
    const { tensors } = decodeSafetensors(bytes);
    const entries = [...tensors].map(([name, { shape, data }]) => ({ name, shape, bytes: data }));
    const integers = names.map((name) => ({ name, shape: [2], bytes: BigInt64Array.of(3n, 4n) }));
    let end = 0;
    const all = [...entries, ...integers].map(({ name, shape, bytes: values }) => {
      const begin = end;
      end += values.byteLength;
      const dtype = values instanceof Float32Array ? 'F32' : 'I64';
      return { name, values, header: { dtype, shape, data_offsets: [begin, end] } };
    });
    const header = Buffer.from(
      JSON.stringify(Object.fromEntries(all.map(({ name, header }) => [name, header]))),
    );
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    return Buffer.concat([length, header, ...all.map(({ values }) => Buffer.from(values.buffer))]);
  };

  it('ignores integers beside the weights', async () => {
    const trainer = createTrainer(wasm);
    const bytes = withIntegers(await trainer.encode(), ['position_ids', '1.num_batches_tracked']);
    const loaded = createTrainer(wasm, { seed: 1 });
    await loaded.decode(bytes);
    expectSameState(await loaded.state(), await trainer.state());
  });

  it('names floats that the model does not have', async () => {
    const trainer = createTrainer(wasm);
    const tensors = new Map(await trainer.state());
    tensors.set('scale', { shape: [1], data: Float32Array.of(1) });
    await expect(trainer.decode(encodeSafetensors(tensors))).rejects.toThrow('2.bias, scale');
  });
});

describe('loadState of a large model', () => {
  it('names only the tensors that differ, and not too many of them', async () => {
    const layers = Array.from({ length: 7 }, () => linear(FEATURES, FEATURES));
    const trainer = createTrainer(wasm, { model: sequential(...layers, linear(FEATURES, 3)) });
    const { '3.bias': _, ...others } = Object.fromEntries(await trainer.state());
    const long = 'x'.repeat(1000);
    const state = new Map(Object.entries({ ...others, [long]: others['0.bias'] }));
    await expect(trainer.loadState(state)).rejects.toThrow(
      new ShapeError(
        `loadState: expected the 16 tensors of the model, got 16; missing are 3.bias, unknown are ${long.slice(0, 80)}`,
      ),
    );
    const strangers = Array.from({ length: 40 }, (_, i) => [`s${i}`, others['0.bias']] as const);
    await expect(trainer.loadState(new Map(strangers))).rejects.toThrow(/s11 and 28 more$/);
  });
});

describe('save and load', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'handgrad-state-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('restore the weights from a file, by path or URL', async () => {
    const path = join(folder, 'weights.safetensors');
    const trainer = createTrainer(wasm);
    await trainer.save(path);
    for (const source of [path, pathToFileURL(path), pathToFileURL(path).href]) {
      const loaded = createTrainer(wasm, { seed: 1 });
      await loaded.load(source);
      expectSameState(await loaded.state(), await trainer.state());
    }
  });

  it('save to the URL of a file, whose name may need escapes', async () => {
    const url = pathToFileURL(join(folder, 'ten % of it.safetensors'));
    const trainer = createTrainer(wasm);
    for (const target of [url, url.href]) {
      await trainer.save(target);
      const saved = await readFile(url);
      await rm(url);
      expect(new Uint8Array(saved)).toEqual(await trainer.encode());
    }
  });

  it('replace an existing file and leave no other file in the folder', async () => {
    const path = join(folder, 'replaced.safetensors');
    await writeFile(path, 'something longer than the weights are'.repeat(1000));
    const trainer = createTrainer(wasm);
    await trainer.save(path);
    expect(new Uint8Array(await readFile(path))).toEqual(await trainer.encode());
    expect((await readdir(folder)).filter((name) => name.includes('.part'))).toEqual([]);
  });

  it('accept several concurrent saves to one file', async () => {
    const path = join(folder, 'contended.safetensors');
    const trainers = [0, 1, 2, 3].map((seed) => createTrainer(wasm, { seed }));
    await Promise.all(trainers.map((trainer) => trainer.save(path)));
    const files = await Promise.all(trainers.map((trainer) => trainer.encode()));
    const saved = await readFile(path);
    expect(files.filter((bytes) => saved.equals(bytes))).toHaveLength(1);
    expect((await readdir(folder)).filter((name) => name.includes('.part'))).toEqual([]);
  });

  it('fail for a missing folder or a folder of that name, and leave no file', async () => {
    const trainer = createTrainer(wasm);
    await expect(trainer.save(join(folder, 'none', 'weights'))).rejects.toThrow(/ENOENT/);
    await expect(trainer.save(folder)).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    const beside = await readdir(join(folder, '..'));
    expect(beside.filter((name) => name.startsWith(basename(folder)))).toEqual([basename(folder)]);
    await expect(trainer.load(join(folder, 'none'))).rejects.toThrow(/ENOENT/);
  });

  it('name the file in the error for an invalid file', async () => {
    const path = join(folder, 'broken.safetensors');
    await writeFile(path, 'broken');
    await expect(createTrainer(wasm).load(path)).rejects.toThrow(DataError);
    await expect(createTrainer(wasm).load(path)).rejects.toThrow(path);
  });

  it('load from a URL, and report the HTTP status of a failed request', async () => {
    const trainer = createTrainer(wasm);
    const bytes = await trainer.encode();
    const server = createServer((request, response) => {
      if (request.url === '/weights') response.end(bytes);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const loaded = createTrainer(wasm, { seed: 1 });
      await loaded.load(`${address}/weights`);
      expectSameState(await loaded.state(), await trainer.state());
      await expect(loaded.load(new URL(`${address}/none`))).rejects.toThrow(
        `load: expected ${address}/none, got HTTP status 404`,
      );
    } finally {
      server.close();
    }
  });
});

describe('decode of a file that is refused', () => {
  it('keeps the normalisation', async () => {
    const normalization = { mean: 0.25, std: 0.5 };
    const backend = await createBackend('wasm', { threads: 1 });
    const [trainer, other] = [
      createTrainer(backend, { normalization }),
      createTrainer(backend, {
        model: sequential(linear(4, 7)),
        normalization: { mean: 0, std: 1 },
      }),
    ];
    const bytes = Uint8Array.of(1, 2, 3, 4);
    const before = await trainer.predict(bytes);
    await expect(trainer.decode(await other.encode())).rejects.toThrow();
    expect(await trainer.predict(bytes)).toEqual(before);
    await backend.close();
  });
});
