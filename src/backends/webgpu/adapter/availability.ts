import { inNode, nodeModule } from '../../../platform/node.js';

/**
 * Why WebGPU is not available; undefined if it is. Loads nothing, so it cannot tell whether there is
 * an adapter.
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
    ? 'a browser without WebGPU; use another browser, or the wasm backend'
    : 'a page that is not a secure context; serve it over https or from localhost, or use the wasm backend';
  return `webgpu: expected navigator.gpu, got ${reason}`;
}
