/** The files of `shaders/`: see scripts/shaders.mjs. */
declare module 'virtual:shaders' {
  const shaders: Readonly<
    Record<string, { readonly requires: readonly string[]; readonly text: string }>
  >;
  export default shaders;
}
