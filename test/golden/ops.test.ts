import { afterAll, describe, it } from 'vitest';
import type { Runtime } from '../../src/backends/runtime.js';
import { createBackend } from '../../src/numerics/create-backend.js';
import { type OpName, opNamed } from '../../src/ops/registry.js';
import { callAny, Step } from '../../src/step.js';
import { type DataType, persistent, type Shape, type Tensor } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose, readGoldens } from './golden.js';

/** An entry of ops.json: see op_goldens.py. */
interface OpGolden {
  readonly name: string;
  readonly tensors: Readonly<Record<string, { shape: Shape; dtype: DataType }>>;
  readonly calls: readonly {
    op: OpName;
    tensors: Readonly<Record<string, string>>;
    attributes: Readonly<Record<string, number>>;
  }[];
  readonly runs: readonly {
    given: Readonly<Record<string, number[]>>;
    expected: Readonly<Record<string, number[]>>;
  }[];
}

/** float64 against float64: both are off by a few 10⁻¹⁶ per addition. */
const FLOAT64 = 1e-12;

/** A few float32 roundings, ε = 1.2·10⁻⁷, of sums of up to twenty numbers. */
const FLOAT32 = 1e-6;

const GOLDENS = await readGoldens<OpGolden>('ops.json');

async function expectGolden(golden: OpGolden, runtime: Runtime, relative: number): Promise<void> {
  const tensors = new Map<string, Tensor>();
  for (const [name, { shape, dtype }] of Object.entries(golden.tensors)) {
    tensors.set(name, persistent(name, shape, dtype));
  }
  const executable = await runtime.compile(stepOf(golden, tensors));
  for (const [number, { given, expected }] of golden.runs.entries()) {
    for (const [name, values] of Object.entries(given)) {
      runtime.write(tensors.get(name) as Tensor, values);
    }
    await executable.run(1);
    for (const [name, want] of Object.entries(expected)) {
      const got = await runtime.read(tensors.get(name) as Tensor);
      expectClose(`run ${number}: ${name}`, got, want, relative);
    }
  }
}

function stepOf({ calls }: OpGolden, named: ReadonlyMap<string, Tensor>): Step {
  const step = new Step();
  for (const { op, tensors, attributes } of calls) {
    const definition = opNamed(op);
    const { outputs, updates, inputs } = definition;
    const pick = (roles: readonly string[]) =>
      Object.fromEntries(roles.map((role) => [role, named.get(tensors[role]) as Tensor]));
    const options = { attributes, into: pick(outputs) };
    callAny(step, definition, pick([...updates, ...inputs]), options);
  }
  return step;
}

const reference = await createBackend('reference', { precision: 'float64' });
afterAll(() => reference.close());

describe('the float64 reference', () => {
  it.each(GOLDENS)('computes the same values as PyTorch: $name', async (golden) => {
    await expectGolden(golden, reference.runtime, FLOAT64);
  });
});

describeOnEachBackend('golden values', (backend) => {
  it.each(GOLDENS)('are the values of PyTorch: $name', async (golden) => {
    await expectGolden(golden, backend.runtime, FLOAT32);
  });
});
