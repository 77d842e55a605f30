/* The modules of scripts/virtual-modules.mjs. */

declare module 'virtual:shaders' {
  const shaders: Readonly<
    Record<string, { readonly requires: readonly string[]; readonly text: string }>
  >;
  export default shaders;
}

declare module 'virtual:wasm/*' {
  /** A build of the core, compressed (zlib), in base64. */
  const base64: string;
  export default base64;
}

declare module 'virtual:host' {
  /** The script of handgrad/worker, compressed (zlib), in base64. */
  const base64: string;
  export default base64;
}

declare module 'virtual:thread' {
  /** The script of a worker thread. */
  const script: string;
  export default script;
}
