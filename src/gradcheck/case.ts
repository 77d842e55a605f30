import { dtypeOf } from '../call.js';
import {
  type CaseCall,
  type Drawn,
  drawReals,
  type GradientDeclaration,
  type KernelDeclaration,
} from '../ops/cases.js';
import { type OpName, opNamed } from '../ops/registry.js';
import type { RandomStream } from '../random/threefry.js';
import { callAny, Step } from '../step.js';
import { persistent, type Tensor, type Values } from '../tensor.js';
import { isBytes, isInt32 } from '../typed-arrays.js';

/** Kernel calls to run, with the initial values of their tensors, which are all persistent. */
export interface KernelCase {
  /** The op with its sizes: `matmul (3, 5)·(5, 2)`. */
  readonly title: string;
  /** Initial values of every tensor that is read before a call has written it. */
  readonly values: ReadonlyMap<Tensor, Values>;
  /** Appends the calls. */
  append(step: Step): void;
}

/** A differentiable function y of its inputs, with its hand-derived gradient. */
export interface GradientCase {
  readonly title: string;
  /** Tensors with respect to which y is differentiated. */
  readonly inputs: ReadonlyMap<Tensor, Values>;
  /** Tensors without a gradient: targets, and dy. */
  readonly constants: ReadonlyMap<Tensor, Values>;
  /** The gradient from which backward starts; absent if y is a loss, whose gradient is 1. */
  readonly dy?: Tensor;
  /** Appends the calls that compute y, and returns it. */
  forward(step: Step): Tensor;
  /** Appends the calls that compute the gradients, after `forward`; returns one per input. */
  backward(step: Step): ReadonlyMap<Tensor, Tensor>;
}

/** The calls of forward and backward, to compare with the reference. */
export function kernelsOf(gradientCase: GradientCase): KernelCase {
  const { title, inputs, constants } = gradientCase;
  return {
    title,
    values: new Map([...inputs, ...constants]),
    append(step) {
      gradientCase.forward(step);
      gradientCase.backward(step);
    },
  };
}

/** Makes tensors and calls of a declared gradient. The gradient of its result is random. */
export function gradientCaseOf(
  { title, inputs, constants = {}, forward, backward }: GradientDeclaration,
  random: RandomStream,
): GradientCase {
  const tensors = new Tensors();
  const inputValues = tensors.declare(inputs);
  const constantValues = tensors.declare(constants);
  for (const call of forward) tensors.append(call);
  const last = forward[forward.length - 1];
  const [role] = opNamed(last.op as OpName).outputs;
  const result = last.tensors?.[role] ?? role;
  const y = tensors.get(result);
  const isLoss = result === 'L';
  if (!isLoss) {
    const data = drawReals(random, y.size);
    for (const entry of tensors.declare({ [gradientName(result)]: { shape: y.shape, data } })) {
      constantValues.set(...entry);
    }
  }
  for (const call of backward) tensors.append(call);
  return {
    title,
    inputs: inputValues,
    constants: constantValues,
    ...(!isLoss && { dy: tensors.get(gradientName(result)) }),
    forward(step) {
      for (const call of forward) tensors.append(call, step);
      return y;
    },
    backward(step) {
      for (const call of backward) tensors.append(call, step);
      return new Map(
        Object.keys(inputs).map((name) => [tensors.get(name), tensors.get(gradientName(name))]),
      );
    },
  };
}

/** Makes tensors and calls of a declaration, to compare with the reference. */
export function kernelCaseOf(
  declaration: KernelDeclaration | GradientDeclaration,
  random: RandomStream,
): KernelCase {
  if ('forward' in declaration) return kernelsOf(gradientCaseOf(declaration, random));
  const { title, calls } = declaration;
  const tensors = new Tensors();
  const values = tensors.declare(declaration.values);
  for (const call of calls) tensors.append(call);
  return {
    title,
    values,
    append(step) {
      for (const call of calls) tensors.append(call, step);
    },
  };
}

/** `dx` for `x`, and `dGamma` for `gamma`. */
function gradientName(name: string): string {
  return name.length > 1 ? `d${name[0].toUpperCase()}${name.slice(1)}` : `d${name}`;
}

/** The tensors of a case, by name. Outputs are created when their call is first appended. */
class Tensors {
  readonly #tensors = new Map<string, Tensor>();

  get(name: string): Tensor {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw new RangeError(`case: expected a tensor named ${name}, got none`);
    return tensor;
  }

  declare(drawn: Readonly<Record<string, Drawn>>): Map<Tensor, Values> {
    return new Map(
      Object.entries(drawn).map(([name, { shape, data }]) => {
        const tensor = persistent(name, shape, dtypeOfValues(data));
        this.#tensors.set(name, tensor);
        return [tensor, data];
      }),
    );
  }

  append({ op, attributes, tensors = {}, like = {} }: CaseCall, step = new Step()): void {
    const definition = opNamed(op as OpName);
    const { inputs, updates, outputs } = definition;
    const nameOf = (role: string) => tensors[role] ?? role;
    const named = (roles: readonly string[]) =>
      Object.fromEntries(roles.map((role) => [role, this.get(nameOf(role))]));
    const known = outputs.filter((role) => this.#tensors.has(nameOf(role)));
    const options = {
      ...(attributes && { attributes }),
      into: named(known),
      like: Object.fromEntries(Object.entries(like).map(([role, name]) => [role, this.get(name)])),
    };
    const written = callAny(step, definition, named([...updates, ...inputs]), options);
    for (const role of outputs) {
      if (known.includes(role)) continue;
      const name = nameOf(role);
      this.#tensors.set(name, persistent(name, written[role].shape, dtypeOf(definition, role)));
    }
  }
}

function dtypeOfValues(data: Drawn['data']) {
  if (isInt32(data)) return 'int32';
  return isBytes(data) ? 'uint8' : 'float32';
}
