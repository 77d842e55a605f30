import { readFile } from 'node:fs/promises';
import { DataError, reasonOf } from '../../../errors.js';

/**
 * Reads and parses a JSON file.
 *
 * @throws DataError when the file cannot be read or is not JSON
 */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new DataError(`read ${path}: expected a JSON file, got "${reasonOf(cause)}"`, { cause });
  }
}
