/** Where files are: paths, URLs, and handles of a page. */

import { shown } from '../errors.js';
import { expectKind } from '../options.js';
import { inNode } from './node.js';
import type { FileHandle } from './types.js';

/** @throws TypeError unless `path` is a string or a URL */
export function expectPath(operation: string, path: unknown): void {
  if (!(path instanceof URL)) expectKind(operation, 'path', path, 'string');
}

/** @throws TypeError unless `place` is a file that this program can write */
export function expectPlace(operation: string, place: unknown): void {
  if (inNode && !isHandle(place)) expectPath(operation, place);
  if (inNode || isHandle(place)) return;
  throw new TypeError(
    `${operation}: expected a FileSystemFileHandle in a page, got ${shown(place)}; pass the result of showSaveFilePicker(), or offer the bytes of encode() as a download`,
  );
}

/** Whether a place is the handle of a file. */
export function isHandle(place: unknown): place is FileHandle {
  return typeof (place as Partial<FileHandle> | null)?.createWritable === 'function';
}
