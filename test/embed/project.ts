/* Programs that use the packed library, in folders of their own. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { inject } from 'vitest';

const EXAMPLES = fileURLToPath(new URL('../../examples/bundlers', import.meta.url));
/** Variables of this test runner that would change what tools do. */
const { NODE_ENV: _, VITEST: __, ...ENVIRONMENT } = process.env;

export interface Project {
  readonly folder: string;
  /** Runs a command, and returns what it prints on both streams. Rejects with that if it fails. */
  run(command: string, ...args: readonly string[]): Promise<string>;
  remove(): Promise<void>;
}

/**
 * Installs an example with the packed library.
 *
 * @param versions of its packages, instead of those that it names
 */
export async function install(
  example: string,
  versions: Readonly<Record<string, string>> = {},
): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), `handgrad-${example}-`));
  await cp(join(EXAMPLES, example), folder, { recursive: true });
  return installIn(folder, versions);
}

/** Installs the packages of a folder's package.json, with the packed library as `handgrad`. */
export async function installIn(
  folder: string,
  versions: Readonly<Record<string, string>> = {},
): Promise<Project> {
  const file = join(folder, 'package.json');
  const { dependencies, devDependencies, ...settings } = JSON.parse(await readFile(file, 'utf8'));
  const packages = { ...dependencies, ...devDependencies, ...versions };
  packages.handgrad = `file:${inject('tarball')}`;
  await writeFile(file, JSON.stringify({ ...settings, dependencies: packages }));
  const run = async (command: string, ...args: readonly string[]) => {
    try {
      const options = { cwd: folder, env: ENVIRONMENT, maxBuffer: 2 ** 26 };
      const { stdout, stderr } = await promisify(execFile)(command, args, options);
      return stdout + stderr;
    } catch (error) {
      const { message, stdout, stderr } = error as Error & { stdout?: string; stderr?: string };
      throw new Error(`${message}\n${stdout ?? ''}${stderr ?? ''}`);
    }
  };
  const remove = () => rm(folder, { recursive: true, force: true });
  await run('npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error');
  return { folder, run, remove };
}
