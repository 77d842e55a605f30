import { builtinModule } from './node.js';

/** The global classes, or Node's where jsdom hides them. */
function classes(): Pick<typeof globalThis, 'TextDecoder' | 'TextEncoder'> {
  if (typeof TextEncoder === 'function') return globalThis;
  return builtinModule<typeof globalThis>('node:util') ?? globalThis;
}

/** Text in UTF-8. */
export function encodeText(text: string): Uint8Array {
  return new (classes().TextEncoder)().encode(text);
}

/**
 * The text that is encoded in UTF-8. A byte order mark stays.
 *
 * @throws TypeError for bytes that are not UTF-8
 */
export function decodeText(utf8: Uint8Array): string {
  return new (classes().TextDecoder)('utf-8', { fatal: true, ignoreBOM: true }).decode(utf8);
}
