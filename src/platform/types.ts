/**
 * Types of the platform, for public declarations: programs that are checked without the types of the DOM
 * and of Node lack them, and TypeScript before 5.7 has no generic typed arrays.
 */

/** The instances of a global class; `Otherwise` where its types are missing. */
type Instance<Name extends string, Otherwise = never> = typeof globalThis extends {
  readonly [Key in Name]: { readonly prototype: infer Type };
}
  ? Type
  : Otherwise;

/** A `URL`. */
export type PlatformUrl = Instance<'URL'>;

/** What this library uses of an `AbortSignal`. */
interface Signal {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** An `AbortSignal`. */
export type PlatformSignal = Instance<'AbortSignal', Signal>;

/** The type of the global `fetch`. */
export type PlatformFetch = typeof globalThis extends { readonly fetch: infer Fetch }
  ? Fetch
  : never;

/** Bytes that are not in shared memory, which `Blob`, `crypto` and streams accept. */
export type Bytes = ReturnType<Uint8ArrayConstructor['of']>;

/** A file that can be written: a `FileSystemFileHandle`, as `showSaveFilePicker()` returns it. */
export interface FileHandle {
  createWritable(): Promise<{
    write(bytes: Bytes): Promise<void>;
    close(): Promise<void>;
    abort(): Promise<void>;
  }>;
}
