import { inNode, nodeModule } from '../../../node.js';

/**
 * Why WebGPU is missing, as far as that is seen without loading anything; whether there is a GPU
 * behind it shows when it is opened.
 */
export async function whyNoWebgpu(): Promise<string | undefined> {
  if (typeof navigator !== 'undefined' && navigator.gpu) return undefined;
  if (!inNode) return whyNoNavigatorGpu();
  try {
    const { createRequire } = await nodeModule<typeof import('node:module')>('node:module');
    createRequire(import.meta.url).resolve('webgpu');
    return undefined;
  } catch {
    return 'webgpu: expected the package webgpu (Dawn), got none; run npm install webgpu';
  }
}

/** Why a browser has no `navigator.gpu`. */
export function whyNoNavigatorGpu(): string {
  const reason = globalThis.isSecureContext
    ? 'a browser without it; use another browser, or the wasm backend'
    : 'a page that is not secure; serve it over https or from localhost, or use the wasm backend';
  return `webgpu: expected navigator.gpu, got ${reason}`;
}
