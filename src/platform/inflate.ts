import { inNode, nodeModule } from './node.js';

/** The bytes that were compressed (zlib, RFC 1950) and encoded in base64. */
export async function inflate(base64: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  if (inNode) {
    const { inflateSync } = await nodeModule<typeof import('node:zlib')>('node:zlib');
    return new Uint8Array(inflateSync(packed));
  }
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}
