import { expectFile } from '../../checks.js';
import { DataError, reasonOf } from '../../errors.js';
import { inNode, nodeModule } from '../../platform/node.js';
import type { Bytes } from '../../platform/types.js';
import { bytesOf } from '../../typed-arrays.js';

/** The bytes of a file, not in shared memory: the type that `crypto` and streams accept. */
export type FileBytes = Bytes;

/**
 * Unpacks a gzip file. In Node it may consist of several members, one behind another, and bytes behind
 * its end are ignored; the decoder of browsers refuses both.
 *
 * @param content the file; bytes without gzip's magic number 1f 8b are returned as they are
 * @param file  its name, for messages
 * @returns the unpacked file
 * @throws DataError for a corrupt or truncated gzip file
 */
export async function gunzip(content: FileBytes | ArrayBuffer, file: string): Promise<FileBytes> {
  expectFile('gunzip', content, file);
  const bytes = bytesOf(`unpack ${file}`, 'the content', content) as FileBytes;
  if (!isGzip(bytes, 0)) return bytes;
  try {
    return await (inNode ? gunzipInNode(bytes) : gunzipInBrowser(bytes));
  } catch (error) {
    const surplus = inNode ? '' : ', has several members or bytes behind its end';
    throw new DataError(
      `unpack ${file}: expected a complete gzip file, got ${bytes.length} bytes that fail with "${reasonOf(error)}"; it is corrupt or truncated${surplus}, delete it and download it again`,
      { cause: error },
    );
  }
}

/** Whether a member of a gzip file begins at a byte. */
function isGzip(bytes: FileBytes, at: number): boolean {
  return bytes[at] === 0x1f && bytes[at + 1] === 0x8b;
}

async function gunzipInBrowser(bytes: FileBytes): Promise<FileBytes> {
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

type Zlib = typeof import('node:zlib');

async function gunzipInNode(bytes: FileBytes): Promise<FileBytes> {
  const zlib = await nodeModule<Zlib>('node:zlib');
  const unpack = (packed: FileBytes) =>
    new Promise<FileBytes>((resolve, reject) => {
      zlib.gunzip(packed, (error, unpacked) => {
        if (error) reject(error);
        else resolve(new Uint8Array(unpacked.buffer, unpacked.byteOffset, unpacked.length));
      });
    });
  try {
    return await unpack(bytes);
  } catch (error) {
    // Node takes bytes behind the end for another member, unless they are 0.
    const end = endOfMembers(zlib, bytes);
    if (end === bytes.length) throw error;
    return unpack(bytes.subarray(0, end));
  }
}

/** Flags of a header for fields that follow it. */
const HAS_EXTRA = 4;
const HAS_NAME = 8;
const HAS_COMMENT = 16;
const HAS_CHECKSUM = 2;

/**
 * Where the last member of a gzip file ends: each is a header, a deflate stream, a checksum (4) and a
 * length (4).
 *
 *   1f 8b 08, flags (1), time (4), 2 bytes, [length (2), extra], [name, 0], [comment, 0], [checksum (2)]
 *
 * Source: RFC 1952
 */
function endOfMembers(zlib: Zlib, bytes: FileBytes): number {
  let at = 0;
  while (isGzip(bytes, at)) {
    const flags = bytes[at + 3];
    at += 10;
    if (flags & HAS_EXTRA) at += 2 + bytes[at] + 256 * bytes[at + 1];
    for (const flag of [HAS_NAME, HAS_COMMENT]) {
      if (flags & flag) at = bytes.indexOf(0, at) + 1 || bytes.length;
    }
    if (flags & HAS_CHECKSUM) at += 2;
    if (!(at < bytes.length)) return bytes.length;
    const { engine } = zlib.inflateRawSync(bytes.subarray(at), { info: true }) as unknown as {
      readonly engine: { readonly bytesWritten: number };
    };
    at += engine.bytesWritten + 8;
  }
  return at;
}
