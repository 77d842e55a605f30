/**
 * Writes dist/modules: each source file of the library as a module of its own, for bundlers of pages, which
 * then take only the files that a page uses. Programs without a bundler load the few files of dist instead.
 */

import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import * as esbuild from 'esbuild';

/** Scripts of workers: modules beside those that start them, whose code is a file of dist. */
const WORKERS = {
  'backends/wasm/handgrad-thread.mjs': 'handgrad-thread.mjs',
  'worker/client/handgrad-host.js': 'handgrad-host.js',
};

/**
 * @param options of esbuild that the library has in common
 * @param inputs paths of the source files
 * @param virtualFile returns the file of dist with a virtual module
 */
export async function buildModules({ absWorkingDir, outdir, target }, inputs, virtualFile) {
  const modules = join(outdir, 'modules');
  const common = {
    absWorkingDir,
    outdir: modules,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    external: ['node:*'],
    target,
    metafile: true,
    logLevel: 'warning',
  };
  /** Packages that source files import, by the name of their module. */
  const packages = {};
  const { metafile } = await esbuild.build({
    ...common,
    entryPoints: inputs,
    outbase: 'src',
    plugins: [
      {
        name: 'apart',
        setup({ onResolve }) {
          // Other source files stay imports, as they are written.
          onResolve({ filter: /^\./ }, ({ path, kind }) =>
            kind === 'entry-point' ? undefined : { path, external: true },
          );
          const importFrom = (importer, file) => {
            const folder = dirname(relative(join(absWorkingDir, 'src'), importer));
            return { path: specifier(join(modules, folder), file), external: true };
          };
          onResolve({ filter: /^virtual:/ }, ({ path, importer }) =>
            importFrom(importer, virtualFile(path)),
          );
          onResolve({ filter: /^[^.]/ }, ({ path, importer, kind }) => {
            if (kind === 'entry-point' || /^(node|virtual):/.test(path)) return undefined;
            const name = `packages/${path.replaceAll('/', '-')}`;
            packages[name] = path;
            return importFrom(importer, join(modules, `${name}.js`));
          });
        },
      },
    ],
  });
  const others = await esbuild.build({ ...common, entryPoints: packages });
  const outputs = { ...metafile.outputs, ...others.metafile.outputs };
  const written = Object.keys(outputs).map((path) => relative(modules, path));
  for (const [path, file] of Object.entries(WORKERS)) {
    const from = join(modules, path);
    await mkdir(dirname(from), { recursive: true });
    await writeFile(from, `import '${specifier(dirname(from), join(outdir, file))}';\n`);
    written.push(path);
  }
  for (const entry of await readdir(modules, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (entry.isFile() && !written.includes(relative(modules, path))) await rm(path);
  }
  return outputs;
}

/** What a module in a folder imports to load a file. */
function specifier(folder, file) {
  const path = relative(folder, file).replaceAll(sep, '/');
  return path.startsWith('.') ? path : `./${path}`;
}
