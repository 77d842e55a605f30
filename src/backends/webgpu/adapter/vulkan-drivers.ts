/**
 * The registered Vulkan drivers, and what is wrong with them. A driver is registered by a JSON file, the
 * ICD manifest, which names its library. Linux and other Unix systems only.
 *
 * Source: "Driver interface to the Vulkan Loader", Khronos Vulkan-Loader,
 * https://github.com/KhronosGroup/Vulkan-Loader/blob/main/docs/LoaderDriverInterface.md
 */

import { reasonOf } from '../../../errors.js';
import { nodeModule } from '../../../platform/node.js';

/**
 * Why there is no adapter, to follow "got".
 *
 * @param output what Dawn and the Vulkan loader wrote
 */
export async function explainOutput(output: string): Promise<string> {
  const [, missing] = /Couldn't load Vulkan: (.+)/.exec(output) ?? [];
  if (missing !== undefined) {
    return `no Vulkan loader (${missing}); install it (the package libvulkan1 or vulkan-loader) and a GPU driver`;
  }
  if (!/vkEnumerateInstance|vkCreateInstance/.test(output)) return `none; ${INSTALL}`;
  for (const file of await vulkanDrivers()) {
    const fault = await faultOf(file);
    if (fault !== undefined) {
      const variable = driverVariable();
      const hint = variable === undefined ? 'reinstall the driver' : `correct ${variable}`;
      return `a Vulkan driver that cannot be loaded (${file}: ${fault}); ${hint}`;
    }
  }
  const [, library] = NOT_STARTED.exec(output) ?? [];
  if (library !== undefined) {
    return `a Vulkan driver that does not start (${library}); install the libraries that it needs (NVIDIA: libegl1, libgl1 and libxext6), or reinstall the driver`;
  }
  return 'a Vulkan loader without a driver for a GPU of this machine; install the driver';
}

/** What the loader writes about the library of a driver that it could not load or call. */
const NOT_STARTED =
  /(?:loader_scanned_icd_add: .* ICD|Failed loading library associated with ICD JSON) (\S+?)\.?(?:\s|$)/;

const INSTALL = 'install a Vulkan, Metal or Direct3D 12 driver';

/** The ICD manifests that the Vulkan loader reads, in its order. */
export async function vulkanDrivers(): Promise<readonly string[]> {
  const { delimiter, join } = await nodeModule<typeof import('node:path')>('node:path');
  const { readdir } = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
  const split = (paths: string) => paths.split(delimiter).filter((path) => path !== '');
  const variable = driverVariable();
  const isManifest = (path: string) => path.endsWith('.json');
  const places =
    variable !== undefined ? split(globalThis.process.env[variable] ?? '') : await defaultFolders();
  const files: string[] = [];
  for (const place of places) {
    if (isManifest(place)) files.push(place);
    // The variables may name folders as well.
    else {
      const entries = await readdir(place).catch(() => [] as string[]);
      files.push(...entries.filter(isManifest).map((entry) => join(place, entry)));
    }
  }
  return files;
}

/** The environment variable that lists the drivers instead of the default folders, if any. */
function driverVariable(): string | undefined {
  return ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'].find((name) => globalThis.process.env[name]);
}

/** The folders in which drivers are registered, in the loader's order. */
async function defaultFolders(): Promise<readonly string[]> {
  const { join } = await nodeModule<typeof import('node:path')>('node:path');
  const { homedir } = await nodeModule<typeof import('node:os')>('node:os');
  const { env } = globalThis.process;
  const folders = [
    env.XDG_CONFIG_HOME || join(homedir(), '.config'),
    ...(env.XDG_CONFIG_DIRS || '/etc/xdg').split(':'),
    '/usr/local/etc',
    '/etc',
    env.XDG_DATA_HOME || join(homedir(), '.local/share'),
    ...(env.XDG_DATA_DIRS || '/usr/local/share:/usr/share').split(':'),
  ];
  return [...new Set(folders)].map((folder) => join(folder, 'vulkan/icd.d'));
}

/** What is wrong with an ICD manifest or the library that it names; undefined if nothing is. */
async function faultOf(file: string): Promise<string | undefined> {
  const { access, readFile } =
    await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
  const { dirname, resolve } = await nodeModule<typeof import('node:path')>('node:path');
  let library: unknown;
  try {
    library = JSON.parse(await readFile(file, 'utf8'))?.ICD?.library_path;
  } catch (error) {
    return reasonOf(error);
  }
  if (typeof library !== 'string') return 'it names no library_path';
  // A bare name is searched by the system; a path is relative to the manifest.
  if (!library.includes('/')) return undefined;
  const path = resolve(dirname(file), library);
  return access(path).then(
    () => undefined,
    () => `its library ${path} does not exist`,
  );
}
