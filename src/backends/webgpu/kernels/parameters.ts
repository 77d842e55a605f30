import type { Call } from '../../../call.js';
import { KERNELS } from './kernels.js';

/**
 * The parameter blocks of a step's calls, one every `alignment` bytes. A block has the call's sizes as
 * u32, then its attributes as f32 or u32, in the order of the op's definition.
 */
export function encodeParameters(calls: readonly Call[], alignment: number): ArrayBuffer {
  const bytes = new ArrayBuffer(Math.max(1, calls.length) * alignment);
  const view = new DataView(bytes);
  calls.forEach((call, i) => {
    parametersOf(call).forEach(({ type, value }, at) => {
      const offset = i * alignment + 4 * at;
      if (type === 'u32') view.setUint32(offset, value, true);
      else view.setFloat32(offset, value, true);
    });
  });
  return bytes;
}

/** Bytes of a call's parameter block. */
export function parameterBytes(call: Call): number {
  return 4 * parametersOf(call).length;
}

/** One number of a parameter block. */
export interface Parameter {
  /** A size, an attribute, or a derived attribute. */
  readonly name: string;
  readonly type: 'u32' | 'f32';
  readonly value: number;
}

/** A call's parameter block: its sizes, then its attributes as the shader takes them. */
export function parametersOf({ op, definition, sizes, attributes }: Call): Parameter[] {
  const { derived, integers = [] } = KERNELS[op];
  const values = derived
    ? Object.entries(derived(attributes))
    : definition.attributes.map((name): [string, number] => [name, attributes[name]]);
  return [
    ...Object.entries(sizes).map(([name, value]): Parameter => ({ name, type: 'u32', value })),
    ...values.map(([name, value]): Parameter => {
      return { name, type: integers.includes(name) ? 'u32' : 'f32', value };
    }),
  ];
}

/** A uniform buffer with these parameter blocks. */
export function createParameters(gpu: GPUDevice, bytes: ArrayBuffer): GPUBuffer {
  const buffer = gpu.createBuffer({
    label: 'sizes and attributes',
    size: bytes.byteLength,
    usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
  });
  gpu.queue.writeBuffer(buffer, 0, bytes);
  return buffer;
}
