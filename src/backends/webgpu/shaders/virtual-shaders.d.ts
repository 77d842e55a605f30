/** Shaders are read as text by the bundler. */
declare module '*.wgsl' {
  const source: string;
  export default source;
}
