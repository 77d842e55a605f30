import { inNode, nodeModule } from '../../../platform/node.js';

/**
 * Why WebGPU is not available; undefined if it is. Loads nothing, so it cannot tell whether there is
 * an adapter.
 */
export async function whyNoWebgpu(): Promise<string | undefined> {
  if (navigatorGpu()) return undefined;
  if (!inNode) return whyNoNavigatorGpu();
  if ((await dawnUrl()) !== undefined) return undefined;
  return 'webgpu: expected the package webgpu (Dawn), got none; run npm install webgpu';
}

/** The GPUs of a browser, or of a runtime with its own WebGPU. */
export function navigatorGpu(): GPU | undefined {
  return typeof navigator === 'undefined' ? undefined : navigator.gpu;
}

/** The location of the package webgpu; undefined if it is not installed. Node only. */
export async function dawnUrl(): Promise<string | undefined> {
  const { createRequire } = await nodeModule<typeof import('node:module')>('node:module');
  const { pathToFileURL } = await nodeModule<typeof import('node:url')>('node:url');
  try {
    return pathToFileURL(createRequire(import.meta.url).resolve('webgpu')).href;
  } catch {
    return undefined;
  }
}

/** Why a browser has no `navigator.gpu`. */
export function whyNoNavigatorGpu(): string {
  const reason = globalThis.isSecureContext
    ? 'a browser without WebGPU; use another browser, or the wasm backend'
    : 'a page that is not a secure context; serve it over https or from localhost, or use the wasm backend';
  return `webgpu: expected navigator.gpu, got ${reason}`;
}
