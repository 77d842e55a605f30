/**
 * A table to a served model: learns the class in the last column of a CSV file from the numbers in the
 * other columns, and answers for new rows.
 *
 *   npm run build && npx tsx examples/node/table-to-server.ts [PORT] [FILE.csv]
 *   curl -d '{ "diameter": 7.1, "weight": 160, "sweetness": 13 }' localhost:8000/predict
 *
 * Without a file, it makes a table of fruit.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parse } from 'csv-parse/sync';
import {
  adam,
  createBackend,
  type Dataset,
  linear,
  RandomStream,
  relu,
  sequential,
  softmaxCrossEntropy,
  Trainer,
} from 'handgrad';
import { split } from 'handgrad/data';

/** Share of the rows that measure the accuracy. */
const VALIDATION = 0.2;
/** Seed of the weights and of the rows that are held out. */
const SEED = 0;

const [port = '8000', file] = process.argv.slice(2);
const text = file === undefined ? fruit() : await readFile(file, 'utf8');
const [header, ...rows] = parse(text, { skip_empty_lines: true }) as string[][];
const columns = header.slice(0, -1);
const classes = [...new Set(rows.map((row) => row[columns.length]))].sort();

const table: Dataset = {
  name: file ?? 'fruit',
  size: rows.length,
  features: columns.length,
  inputs: Float32Array.from(
    rows.flatMap((row) => row.slice(0, -1)),
    numberOf,
  ),
  targets: Int32Array.from(rows, (row) => classes.indexOf(row[columns.length])),
  classes: classes.length,
  normalization: { mean: 0, std: 1 },
};
const [train, validation] = split(table, VALIDATION, SEED);
const scales = columns.map((_, column) => scaleOf(train, column));

const backend = await createBackend('wasm', { threads: 1 });
const trainer = new Trainer(backend, {
  model: sequential(linear(columns.length, 32), relu(), linear(32, classes.length)),
  loss: softmaxCrossEntropy(),
  optimizer: adam({ learningRate: 0.01 }),
  batchSize: 16,
  seed: SEED,
});
await trainer.fit(standardized(train), { epochs: 60 });
const { accuracy } = await trainer.evaluate(standardized(validation));
console.log(`accuracy ${accuracy.toFixed(3)} on ${validation.size} rows of ${table.name}`);

/** Mean and standard deviation of a column. */
function scaleOf({ inputs, size, features }: Dataset, column: number) {
  const values = Array.from({ length: size }, (_, row) => inputs[row * features + column]);
  const mean = values.reduce((sum, x) => sum + x, 0) / size;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / size;
  // A constant column says nothing: it becomes zero.
  return { mean, std: Math.sqrt(variance) || 1 };
}

/** The numbers of whole rows, each column with mean 0 and standard deviation 1 in the training rows. */
function standardize(numbers: ArrayLike<number>): Float32Array {
  return Float32Array.from(numbers, (x, i) => {
    const { mean, std } = scales[i % scales.length];
    return (x - mean) / std;
  });
}

function standardized(dataset: Dataset): Dataset {
  return { ...dataset, inputs: standardize(dataset.inputs) };
}

function numberOf(field: unknown, i: number): number {
  const number = typeof field === 'string' && field.trim() !== '' ? Number(field) : field;
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  throw new RangeError(`expected a number as ${columns[i % columns.length]}, got ${field}`);
}

const server = createServer(async (request, response) => {
  if (request.method !== 'POST' || request.url !== '/predict') {
    response.writeHead(404).end();
    return;
  }
  try {
    const row = JSON.parse(await bodyOf(request));
    const inputs = standardize(columns.map((column, i) => numberOf(row[column], i)));
    const probabilities = await trainer.predict(inputs);
    const best = probabilities.indexOf(Math.max(...probabilities));
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(
      JSON.stringify({
        class: classes[best],
        probabilities: Object.fromEntries(classes.map((name, i) => [name, probabilities[i]])),
      }),
    );
  } catch (error) {
    response.writeHead(400).end(String(error));
  }
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

server.listen(Number(port), () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}/predict`);
});

/** A table in CSV: three kinds of fruit, whose measures overlap a little. */
function fruit(): string {
  const random = new RandomStream(SEED, 0);
  /** About normal: the sum of four numbers from −1 to 1. */
  const noise = () => [0, 0, 0, 0].reduce((sum) => sum + 2 * random.nextFloat() - 1, 0);
  const kinds = [
    { name: 'apple', diameter: 7.5, weight: 170, sweetness: 12 },
    { name: 'lemon', diameter: 6, weight: 100, sweetness: 8 },
    { name: 'orange', diameter: 8, weight: 200, sweetness: 10 },
  ];
  const lines = Array.from({ length: 300 }, (_, i) => {
    const { name, diameter, weight, sweetness } = kinds[i % kinds.length];
    const measures = [diameter + 0.6 * noise(), weight + 25 * noise(), sweetness + noise()];
    return [...measures.map((x) => x.toFixed(1)), name].join(',');
  });
  return ['diameter,weight,sweetness,kind', ...lines].join('\n');
}
