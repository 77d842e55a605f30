/** The fields of `GPUAdapterInfo` that are used. */
export type AdapterDescription = Pick<GPUAdapterInfo, 'vendor' | 'architecture' | 'description'> &
  Partial<Pick<GPUAdapterInfo, 'isFallbackAdapter'>>;

/** Names of software adapters. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render/i;

/** Whether an adapter computes on the CPU. */
export function isSoftware(info: AdapterDescription, name: string): boolean {
  const { vendor, architecture, isFallbackAdapter } = info;
  return isFallbackAdapter === true || SOFTWARE.test(`${name} ${vendor} ${architecture}`);
}
