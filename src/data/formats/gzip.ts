import { expectFile } from '../../checks.js';
import { DataError, reasonOf } from '../../errors.js';

/** The bytes of a file, not in shared memory: the type that `crypto` and streams accept. */
export type FileBytes = Uint8Array<ArrayBuffer>;

/**
 * Unpacks a gzip file.
 *
 * @param bytes the file; bytes without gzip's magic number 1f 8b are returned as they are
 * @param file  its name, for messages
 * @returns the unpacked file
 * @throws DataError for a corrupt or truncated gzip file
 */
export async function gunzip(bytes: FileBytes, file: string): Promise<FileBytes> {
  expectFile('gunzip', bytes, file);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  try {
    return new Uint8Array(await new Response(unpacked).arrayBuffer());
  } catch (error) {
    throw new DataError(
      `unpack ${file}: expected a complete gzip file, got ${bytes.length} bytes that fail with "${reasonOf(error)}"; it is corrupt or truncated, delete it and download it again`,
      { cause: error },
    );
  }
}
