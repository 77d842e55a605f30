import type { Runtime } from '../backends/runtime.js';
import type { Call } from '../call.js';
import type { Backend } from '../numerics/backend.js';
import { callAny, Step } from '../step.js';
import type { Tensor, Values } from '../tensor.js';
import { isFloat32, isFloat64 } from '../typed-arrays.js';
import type { KernelCase } from './case.js';
import { type Difference, worse, worstDifference } from './difference.js';
import { boundsOf, type ValuesByRole } from './tolerances.js';

/**
 * Runs the calls of a case one by one, on a backend and on the float64 reference, and compares
 * every output. Both receive the same float32 values: those of the case, and the reference's
 * results of earlier calls, rounded to float32. The difference then contains only the rounding
 * errors of this kernel.
 *
 * @returns the element with the largest error relative to its bound
 */
export async function compareWithReference(
  kernelCase: KernelCase,
  backend: Backend,
): Promise<Difference> {
  const step = new Step();
  kernelCase.append(step);
  const values = new Map(kernelCase.values);
  let worst: Difference | undefined;
  for (const call of step.calls) {
    const difference = await compareCall(call, values, backend);
    worst = worse(worst, difference);
  }
  if (worst === undefined) throw new RangeError(`${kernelCase.title}: expected calls, got none`);
  return worst;
}

/** Compares the outputs of one call, and stores those of the reference in `values`. */
async function compareCall(
  call: Call,
  values: Map<Tensor, Values>,
  backend: Backend,
): Promise<Difference> {
  const operands = operandsOf(call, values);
  const want = runReference(call, operands);
  const got = await backend.exclusive(() => runOn(backend.runtime, call, operands));
  const boundOf = boundsOf(call, operands, want);
  let worst: Difference | undefined;
  for (const [role, tensor] of Object.entries(call.tensors)) {
    const bound = (index: number) => boundOf(role, index);
    worst = worse(worst, worstDifference(call.op, tensor, got[role], want[role], bound));
    values.set(tensor, toFloat32(want[role]));
  }
  return worst as Difference;
}

/** Values of the tensors of a call. Those without a value yet contain numbers that spoil any result. */
function operandsOf(call: Call, values: ReadonlyMap<Tensor, Values>): ValuesByRole {
  return Object.fromEntries(
    Object.entries(call.tensors).map(([role, tensor]) => {
      return [role, values.get(tensor) ?? spoiled(tensor)];
    }),
  );
}

function spoiled({ dtype, size }: Tensor): Values {
  switch (dtype) {
    case 'float32':
      return new Float32Array(size).fill(NaN);
    case 'int32':
      return new Int32Array(size).fill(-7);
    case 'uint8':
      return new Uint8Array(size).fill(249);
    default:
      return dtype satisfies never;
  }
}

/** The call's tensors, by role, after the float64 reference has run on copies of them. */
function runReference(
  { definition, sizes, attributes }: Call,
  operands: ValuesByRole,
): ValuesByRole {
  const results = Object.fromEntries(
    Object.entries(operands).map(([role, values]) => [role, toFloat64(values)]),
  );
  definition.reference(results, sizes, attributes);
  return results;
}

/** Runs a call on a runtime. Reads all tensors back, to detect a kernel that overwrites an input. */
async function runOn(runtime: Runtime, call: Call, operands: ValuesByRole): Promise<ValuesByRole> {
  const tensors = Object.entries(call.tensors);
  const executable = await runtime.compile(stepOf(call));
  try {
    for (const [role, tensor] of tensors) runtime.write(tensor, operands[role]);
    await executable.run(1);
    const results: Record<string, Values> = {};
    for (const [role, tensor] of tensors) results[role] = await runtime.read(tensor);
    return results;
  } finally {
    executable.close();
    runtime.release(Object.values(call.tensors));
  }
}

/** A step that consists of this call, on the same tensors. */
function stepOf({ definition, tensors, attributes }: Call): Step {
  const step = new Step();
  const { outputs, updates, inputs } = definition;
  const pick = (roles: readonly string[]) =>
    Object.fromEntries(roles.map((role) => [role, tensors[role]]));
  callAny(step, definition, pick([...updates, ...inputs]), { attributes, into: pick(outputs) });
  return step;
}

function toFloat64(values: Values): Values {
  return isFloat32(values) ? Float64Array.from(values) : values.slice();
}

function toFloat32(values: Values): Values {
  return isFloat64(values) ? Float32Array.from(values) : values;
}
