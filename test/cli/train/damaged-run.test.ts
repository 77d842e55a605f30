/* Resuming a run whose configuration, checkpoint or history was edited or damaged. */
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { RunFolder } from '../../../src/cli/train/saved/run-folder.js';
import {
  decodeSafetensors,
  encodeSafetensors,
} from '../../../src/training/serialization/safetensors.js';
import { useDigits, useFolder } from '../folders.js';
import { expectFailure, handgrad, jsonLines } from '../run.js';

const digits = useDigits();
const folder = useFolder();
const EPOCHS = 5;
let count = 0;

beforeAll(async () => {
  const run = ['--epochs', String(EPOCHS), '--json', '--out', folder.at('original')];
  const outcome = await handgrad(['train', 'line', ...run], {
    onLine: (line, subprocess) => JSON.parse(line).epoch === 3 && subprocess.kill('SIGKILL'),
  });
  // On a slow machine the run may have ended before the signal; its last epochs are then undone.
  expect([0, null]).toContain(outcome.status);
});

/** A copy of the run, in which one file is changed. */
async function copyWith(file: string, change: (content: Buffer) => string | Uint8Array) {
  const path = folder.at(`copy-${count++}`);
  await cp(folder.at('original'), path, { recursive: true });
  await writeFile(`${path}/${file}`, change(await readFile(`${path}/${file}`)));
  return path;
}

/** Changes a field of a JSON file, such as `settings.seed`. */
function withField(name: string, value: unknown) {
  return (content: Buffer) => {
    const json = JSON.parse(content.toString());
    const keys = name.split('.');
    const last = keys.pop() ?? '';
    keys.reduce((object, key) => object[key], json)[last] = value;
    return JSON.stringify(json);
  };
}

/** Changes the metadata of a checkpoint, and leaves the rest, with its SHA-256, as it was. */
function withMetadata(key: string, change: (value: string) => string) {
  return (content: Buffer) => {
    const { tensors, metadata } = decodeSafetensors(content);
    return encodeSafetensors(tensors, { ...metadata, [key]: change(metadata[key]) });
  };
}

/** Reads everything that `--resume` reads; the error that ends it. */
async function resume(path: string): Promise<string> {
  const run = new RunFolder(path);
  try {
    await run.resume();
    const { metadata } = await run.readCheckpoint();
    await run.readHistory(JSON.parse(metadata.handgrad).step);
    return 'nothing';
  } catch (error) {
    expect((error as Error).name).toBe('DataError');
    return (error as Error).message;
  } finally {
    await run.close();
  }
}

const DEEP = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;

describe('a run that is resumed refuses', () => {
  it('nothing of what train --out wrote', async () => {
    expect(await resume(folder.at('original'))).toBe('nothing');
  });

  it.each<[string, unknown, string]>([
    ['recipe', 'lines', 'recipe to be the name of a recipe, got "lines"'],
    ['recipe', 'parabola', 'expected recipe "line" in config.json'],
    ['digits', '37', 'digits to list at least two different digits'],
    ['digits', [3, 7], 'expected digits nothing in config.json'],
    ['settings', null, 'settings.epochs to be an integer of at least 1, got nothing'],
    ['settings.epochs', 2.5, 'settings.epochs to be an integer'],
    ['settings.epochs', 0, 'settings.epochs to be an integer'],
    ['settings.epochs', 1e300, 'settings.epochs to be an integer'],
    ['settings.epochs', '5', 'settings.epochs to be an integer of at least 1, got "5"'],
    ['settings.epochs', 6, 'expected settings.epochs 5 in config.json, as when'],
    ['settings.epochs', 2, 'expected settings.epochs 5 in config.json, as when'],
    ['settings.batchSize', -1, 'settings.batchSize to be an integer'],
    ['settings.batchSize', 50, 'expected settings.batchSize 100 in config.json'],
    ['settings.learningRate', 0, 'settings.learningRate to be a number above 0'],
    ['settings.learningRate', null, 'settings.learningRate to be a number above 0, got null'],
    ['settings.learningRate', 0.005, 'expected settings.learningRate 0.004 in config.json'],
    ['settings.seed', 2 ** 32, 'settings.seed to be an integer from 0 to 4294967295'],
    ['settings.seed', 1, 'expected settings.seed 0 in config.json'],
    ['backend', 'wasm', 'backend.backend to be a name, got nothing'],
    ['backend.threads', 'two', 'backend.threads to be a number'],
    ['data', [], 'data.source to be a name'],
    ['data.trainSize', 99, 'expected data.trainSize 100 in config.json'],
    ['data.testSize', 99, 'expected data.testSize 100 in config.json'],
    ['normalization.std', 0, 'normalization.std to be a number above 0'],
    ['normalization.mean', 0.125, 'expected normalization.mean 0 in config.json'],
  ])('a configuration with %s %j', async (name, value, message) => {
    expect(await resume(await copyWith('config.json', withField(name, value)))).toContain(message);
  });

  it.each<[string, (content: Buffer) => string, string]>([
    ['that is cut off', (content) => content.toString().slice(0, 99), 'expected a JSON file'],
    ['of deep JSON', () => DEEP, 'expected recipe, settings, backend'],
    [
      'with deep JSON for digits',
      (content) => content.toString().replace('"settings"', `"digits": ${DEEP}, "settings"`),
      'digits to list at least two different digits',
    ],
    ['that is null', () => 'null', 'got nothing'],
  ])('a configuration %s', async (_, change, message) => {
    expect(await resume(await copyWith('config.json', change))).toContain(message);
  });

  it.each<[string, unknown, string]>([
    ['epochs', null, 'to have a list of epochs'],
    ['epochs', [null], 'to have a number for epoch in record 1, got nothing'],
    ['epochs.0.trainLoss', null, 'to have a number for trainLoss in record 1, got null'],
    ['epochs.1.trainLoss', 'low', 'to have a number for trainLoss in record 2, got "low"'],
    ['epochs.1.validLoss', {}, 'to have a number for validLoss in record 2'],
    ['epochs.0.seconds', -1, 'to have a number for seconds in record 1'],
    ['epochs.2.epoch', 2, 'to have epoch 3 in record 3, got 2'],
    ['epochs.0.epoch', 0, 'to have a number for epoch in record 1'],
    ['epochs.0.epoch', 2, 'to have epoch 3 in record 2, got 2'],
    ['trainSeconds', -1, 'to have trainSeconds of at least 0, got -1'],
    ['trainSeconds', 'long', 'to have trainSeconds of at least 0, got "long"'],
  ])('a history with %s %j', async (name, value, message) => {
    const path = await copyWith('history.json', withField(name, value));
    const got = await resume(path);
    expect(got).toContain(message);
    expect(got).toMatch(/; restore it, or delete it to go on without the earlier epochs$/);
    await rm(`${path}/history.json`);
    expect(await resume(path)).toBe('nothing');
  });

  it('a history that lacks epochs of the checkpoint', async () => {
    const shorter = (content: Buffer) => {
      const { epochs, trainSeconds } = JSON.parse(content.toString());
      return JSON.stringify({ epochs: epochs.slice(0, 1), trainSeconds });
    };
    expect(await resume(await copyWith('history.json', shorter))).toMatch(
      /to have all [345] epochs of the checkpoint, got 1/,
    );
  });

  it('a history that is not JSON, or has more epochs than the run', async () => {
    expect(await resume(await copyWith('history.json', () => '{"epochs":'))).toContain(
      'history.json: expected a JSON file',
    );
    const longer = (content: Buffer) => {
      const { epochs, trainSeconds } = JSON.parse(content.toString());
      const more = [1, 2, 3, 4, 5, 6].map((epoch) => ({ ...epochs[0], epoch }));
      return JSON.stringify({ epochs: more, trainSeconds });
    };
    expect(await resume(await copyWith('history.json', longer))).toContain(
      'to have at most the 5 epochs of config.json, got 6',
    );
  });

  it.each([
    '"step":2',
    '"step":9',
    '"step":1000000',
    '"seed":1',
    '"lossSum":1',
    '"updatesBefore":7',
  ])('a checkpoint with %s', async (field) => {
    const [name] = field.split(':');
    const edit = withMetadata('handgrad', (position) =>
      position.replace(new RegExp(`${name}:[^,}]*`), field),
    );
    const path = await copyWith('checkpoint.safetensors', edit);
    expect(await resume(path)).toContain(
      'checkpoint.safetensors as train --out wrote it, got other bytes',
    );
  });

  it('a checkpoint with any changed bit', async () => {
    const { length } = await readFile(folder.at('original/checkpoint.safetensors'));
    for (let at = 0; at < length; at++) {
      const path = folder.at('flipped');
      const flip = (content: Buffer) => {
        content[at] ^= 1 << (at % 8);
        return content;
      };
      await cp(folder.at('original'), path, { recursive: true });
      const file = `${path}/checkpoint.safetensors`;
      await writeFile(file, flip(await readFile(file)));
      expect(await resume(path), `byte ${at}`).not.toBe('nothing');
    }
  });

  it('a checkpoint without its run, of another run, or of another program', async () => {
    const without = withMetadata('run', () => '{}');
    expect(await resume(await copyWith('checkpoint.safetensors', without))).toContain(
      'other bytes',
    );
    await handgrad(['train', 'line', '--seed', '4', '--epochs', '5', '--out', folder.at('seed-4')]);
    const other = await readFile(folder.at('seed-4/checkpoint.safetensors'));
    expect(await resume(await copyWith('checkpoint.safetensors', () => other))).toContain(
      'expected settings.seed 4 in config.json',
    );
    const weights = await readFile(folder.at('seed-4/weights.safetensors'));
    expect(await resume(await copyWith('checkpoint.safetensors', () => weights))).toContain(
      'it is damaged, or from another program',
    );
  });
});

describe('train --resume', () => {
  const train = (out: string, ...args: string[]) =>
    handgrad(['train', 'line', '--resume', '--json', '--out', out, ...args]);

  it('fails in one line for an edited file, and trains nothing', async () => {
    for (const [file, name, value] of [
      ['config.json', 'settings.learningRate', 1],
      ['history.json', 'epochs', [null, null, null]],
    ] as const) {
      const path = await copyWith(file, withField(name, value));
      const before = await readFile(`${path}/checkpoint.safetensors`);
      expectFailure(await train(path), /^handgrad: resume: expected /);
      expect(await readFile(`${path}/checkpoint.safetensors`)).toEqual(before);
    }
  });

  it('goes on without the history that was deleted', async () => {
    const path = await copyWith('history.json', (content) => content);
    await rm(`${path}/history.json`);
    const outcome = await train(path);
    expect(outcome.stderr).toMatch(
      /^note: found no .*history\.json; the history begins with the next/,
    );
    const epochs = jsonLines(outcome).filter(({ event }) => event === 'epoch');
    expect(epochs.at(-1)).toMatchObject({ epoch: EPOCHS });
    // The shorter history is accepted from now on.
    expect((await train(path)).status).toBe(0);
  });

  it('refuses data of the same statistics, but other images', async () => {
    const out = folder.at('same-statistics');
    const run = ['softmax', '--epochs', '2', '--data', digits.path, '--out', out];
    await handgrad(['train', ...run]);
    const mirrored = folder.at('mirrored');
    await cp(digits.path, mirrored, { recursive: true });
    const path = `${mirrored}/train-images-idx3-ubyte`;
    const images = await readFile(path);
    images.subarray(16).reverse();
    await writeFile(path, images);
    await rm(`${out}/weights.safetensors`);
    const outcome = await handgrad(['train', ...run, '--resume', '--data', mirrored]);
    expectFailure(
      outcome,
      /^handgrad: fit: expected resume with the data that the run began with, .* call fit without resume\n$/,
    );
    await expect(readFile(`${out}/weights.safetensors`)).rejects.toThrow('ENOENT');
  });

  it('refuses data of the same size and mean, but another standard deviation', async () => {
    const out = folder.at('std');
    const run = ['softmax', '--epochs', '2', '--data', digits.path, '--out', out];
    await handgrad(['train', ...run]);
    // Moving two bytes apart by the same amount keeps the sum.
    const images = await readFile(`${digits.path}/train-images-idx3-ubyte`);
    const pixels = images.subarray(16);
    const spread = folder.at('spread');
    await cp(digits.path, spread, { recursive: true });
    const at = pixels.findIndex((byte) => byte > 50 && byte < 200);
    const other = pixels.findIndex((byte, i) => i > at && byte > 50 && byte < 200);
    expect(other).toBeGreaterThan(0);
    pixels[at] -= 40;
    pixels[other] += 40;
    await writeFile(`${spread}/train-images-idx3-ubyte`, images);
    const outcome = await handgrad(['train', ...run, '--resume', '--data', spread]);
    expectFailure(outcome, 'expected standard deviation of the training data 0.');
  });
});
