import { BackendError } from '../../../errors.js';
import type { ShaderFile } from './shaders.js';

/**
 * Compiles files of `shaders/` as one text, one behind the other.
 *
 * @param name what the whole is called
 * @throws BackendError with the compiler's first error, its file and its line there
 */
export async function compileShader(
  gpu: GPUDevice,
  name: string,
  files: readonly ShaderFile[],
): Promise<GPUShaderModule> {
  const code = files.map(([, text]) => text).join('');
  // The error is also the device's, where it would say less.
  gpu.pushErrorScope('validation');
  const module = gpu.createShaderModule({ label: `${name}.wgsl`, code });
  await gpu.popErrorScope();
  const { messages } = await module.getCompilationInfo();
  const error = messages.find(({ type }) => type === 'error');
  if (!error) return module;
  const { file, line } = placeOf(files, error.lineNum);
  throw new BackendError(
    `webgpu: expected shaders/${file}.wgsl to compile, got: ${error.message} (line ${line}, column ${error.linePos})`,
  );
}

/** Which file a line of the whole comes from, and its number there; lines count from 1. */
export function placeOf(
  files: readonly ShaderFile[],
  lineNumber: number,
): { readonly file: string; readonly line: number } {
  let line = lineNumber;
  let [file, text] = files[0];
  for (const next of files.slice(1)) {
    const lines = text.split('\n').length - 1;
    if (line <= lines) break;
    line -= lines;
    [file, text] = next;
  }
  return { file, line };
}
