import { type Call, definitionOf } from '../../step.js';
import { KERNELS } from './kernels.js';

/**
 * The uniforms of a step's calls: sizes as u32, then attributes as f32 or u32, each call's at a
 * multiple of `alignment`.
 */
export function encodeParameters(calls: readonly Call[], alignment: number): ArrayBuffer {
  const bytes = new ArrayBuffer(Math.max(1, calls.length) * alignment);
  const view = new DataView(bytes);
  calls.forEach((call, i) => {
    let at = i * alignment;
    for (const size of Object.values(call.sizes)) {
      view.setUint32(at, size, true);
      at += 4;
    }
    const { integers = [] } = KERNELS[call.op];
    for (const [name, value] of attributesOf(call)) {
      if (integers.includes(name)) view.setUint32(at, value, true);
      else view.setFloat32(at, value, true);
      at += 4;
    }
  });
  return bytes;
}

/** Bytes of a call's uniforms. */
export function parameterBytes(call: Call): number {
  return 4 * (Object.keys(call.sizes).length + attributesOf(call).length);
}

/** A call's attributes as the shader takes them, in its order. */
function attributesOf({ op, attributes }: Call): [name: string, value: number][] {
  const derived = KERNELS[op].derived?.(attributes);
  if (derived) return Object.entries(derived);
  return definitionOf(op).attributes.map((name) => [name, attributes[name]]);
}

/** A buffer of such uniforms. */
export function createParameters(gpu: GPUDevice, bytes: ArrayBuffer): GPUBuffer {
  const buffer = gpu.createBuffer({
    label: 'sizes and attributes',
    size: bytes.byteLength,
    usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
  });
  gpu.queue.writeBuffer(buffer, 0, bytes);
  return buffer;
}
