import { BackendError } from '../../errors.js';

/**
 * Compiles `shaders/<name>.wgsl`.
 *
 * @throws BackendError with the compiler's first error and its line
 */
export async function compileShader(
  gpu: GPUDevice,
  name: string,
  code: string,
): Promise<GPUShaderModule> {
  // The error is also the device's, where it would say less.
  gpu.pushErrorScope('validation');
  const module = gpu.createShaderModule({ label: `${name}.wgsl`, code });
  await gpu.popErrorScope();
  const { messages } = await module.getCompilationInfo();
  const error = messages.find(({ type }) => type === 'error');
  if (!error) return module;
  throw new BackendError(
    `webgpu: expected shaders/${name}.wgsl to compile, got: ${error.message} (line ${error.lineNum}, column ${error.linePos})`,
  );
}
