import { BackendError } from '../../../errors.js';
import type { ShaderFile } from './shaders.js';

/**
 * Compiles several files of `shaders/` as one text.
 *
 * @param name label of the module
 * @throws BackendError with the compiler's first error, and the file and line it is in
 */
export async function compileShader(
  gpu: GPUDevice,
  name: string,
  files: readonly ShaderFile[],
): Promise<GPUShaderModule> {
  const code = files.map(([, text]) => text).join('');
  // The scope keeps the error from the device's handler, whose message has no line.
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

/** The file that contains a line of the joined text, and the line's number in it; lines count from 1. */
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
