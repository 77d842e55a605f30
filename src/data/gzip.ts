import { DataError, reasonOf } from '../errors.js';

/** What a file holds, as `crypto` and streams take it. */
export type FileBytes = Uint8Array<ArrayBuffer>;

/**
 * Unpacks `bytes` where they begin with gzip's magic number 1f 8b, and returns others as they are.
 *
 * @param file its name, for messages
 * @throws DataError for a corrupt or truncated gzip file
 */
export async function gunzip(bytes: FileBytes, file: string): Promise<FileBytes> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  try {
    return new Uint8Array(await new Response(unpacked).arrayBuffer());
  } catch (error) {
    const reason = reasonOf(error);
    throw new DataError(
      `unpack ${file}: expected a whole gzip file, got ${bytes.length} bytes that end in "${reason}"; it is corrupt or truncated, delete it and fetch it again`,
      { cause: error },
    );
  }
}
