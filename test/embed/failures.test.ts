/* Pages that lack something: the library still trains, and says what is missing. */
import { copyFile, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BROWSERS, closeBrowsers, visit } from './browsers.js';
import { installIn, type Project } from './project.js';
import { ISOLATED, type Server, serveFolder } from './server.js';

let project: Project;
/** The library on an origin of its own. */
let library: Server;

/** Writes the result of `main`, or its error, where the test reads it. */
const REPORT = `main().then(
    (result) => { output.value = JSON.stringify(result); },
    (error) => { output.value = JSON.stringify({ error: String(error) }); },
  );`;

/**
 * A page that opens a backend with several threads where it can, in a script file of its own.
 *
 * @param from the module that it imports the library from
 * @param worker the module of handgrad/worker, if the page has one
 */
const script = (from: string, worker?: string) => `
  const output = document.querySelector('output');
  async function main() {
    const { createBackend } = await import(${JSON.stringify(from)});
    // As on a machine with four cores.
    Object.defineProperty(navigator, 'hardwareConcurrency', { value: 4 });
    const backend = await createBackend('auto');
    const { backend: name, threads, notes } = backend.info;
    const relu = [...(await backend.relu([-1, 2]))];
    const requested = await createBackend('wasm', { threads: 2 }).then(
      async (other) => { const { threads } = other.info; await other.close(); return threads; },
      (error) => String(error),
    );
    return { name, threads, notes, relu, requested, inWorker: await inWorker() };
  }
  /** The threads of a backend of handgrad/worker, or its error. */
  async function inWorker() {
    const url = ${JSON.stringify(worker)};
    if (url === undefined) return undefined;
    const { openWorker } = await import(url);
    try {
      const { createBackend, close } = await openWorker();
      const { threads } = (await createBackend('wasm', { threads: 2 })).info;
      await close();
      return threads;
    } catch (error) {
      return String(error);
    }
  }
  ${REPORT}`;

/** A page whose service worker does the same. */
const REGISTERING = `
  const output = document.querySelector('output');
  async function main() {
    await navigator.serviceWorker.register('./service-worker.js', { type: 'module' });
    const { active } = await navigator.serviceWorker.ready;
    const { port1, port2 } = new MessageChannel();
    active.postMessage('start', [port2]);
    return new Promise((resolve) => { port1.onmessage = ({ data }) => resolve(data); });
  }
  ${REPORT}`;

const SERVICE_WORKER = `
  import { createBackend } from './node_modules/handgrad/dist/inline.js';
  Object.defineProperty(navigator, 'hardwareConcurrency', { value: 4 });
  async function main() {
    const backend = await createBackend('auto');
    const { backend: name, threads, notes } = backend.info;
    return { name, threads, notes, relu: [...(await backend.relu([-1, 2]))] };
  }
  addEventListener('message', (event) => {
    const answer = main().catch((error) => ({ error: String(error) }));
    event.waitUntil(answer.then((result) => event.ports[0].postMessage(result)));
  });`;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'handgrad-failures-'));
  const dependencies = { 'coi-serviceworker': '^0.1.7' };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  project = await installIn(folder);
  const dist = join(folder, 'node_modules/handgrad/dist');
  library = await serveFolder(dist, { ...ISOLATED, 'Access-Control-Allow-Origin': '*' });
  const page = (name: string) =>
    `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><output>…</output><script src="${name}.js"></script>`;
  const inline = await readFile(join(dist, 'inline.js'), 'utf8');
  const sources = {
    own: './node_modules/handgrad/dist/index.js',
    other: `${library.url}index.js`,
    inline: `${library.url}inline.js`,
    data: `data:text/javascript,${encodeURIComponent(inline)}`,
  };
  for (const [name, from] of Object.entries(sources)) {
    await writeFile(join(folder, `${name}.html`), page(name));
    const worker = from.endsWith('/index.js') ? from.replace('index.js', 'worker.js') : undefined;
    await writeFile(join(folder, `${name}.js`), script(from, worker));
  }
  const isolating = '<script src="coi-serviceworker.js"></script>';
  await writeFile(
    join(folder, 'isolating.html'),
    page('own').replace('<output>', `${isolating}$&`),
  );
  await copyFile(
    join(folder, 'node_modules/coi-serviceworker/coi-serviceworker.js'),
    join(folder, 'coi-serviceworker.js'),
  );
  await writeFile(join(folder, 'service.html'), page('service'));
  await writeFile(join(folder, 'service.js'), REGISTERING);
  await writeFile(join(folder, 'service-worker.js'), SERVICE_WORKER);
});

afterAll(async () => {
  await closeBrowsers();
  await library.close();
  await project.remove();
});

const policy = (text: string) => ({ ...ISOLATED, 'Content-Security-Policy': text });
const WASM = "script-src 'self' 'wasm-unsafe-eval'";
const EXPECTED_START = /^BackendError: wasm: expected thread 1 to start, got: /;
const NO_WASM = /^BackendError: wasm: expected WebAssembly, got a Content-Security-Policy/;
const ONE_THREAD = /One thread instead of 3: wasm: expected thread \d to start, got: /;

interface Case {
  readonly title: string;
  readonly page?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly info: { readonly name: string; readonly threads: number };
  /** What the notes say, if they must say something. */
  readonly note?: RegExp;
  /** The threads of a backend for which two were requested, or its error. */
  readonly requested: number | RegExp;
  /** The same in handgrad/worker; by default it starts wherever threads do. */
  readonly inWorker?: number | RegExp;
}

const THREADS = { info: { name: 'wasm', threads: 3 }, requested: 2 };
const NO_WORKER = /^BackendError: openWorker: expected a worker to start, got: /;

const CASES: readonly Case[] = [
  { title: 'an isolated page', headers: ISOLATED, ...THREADS },
  { title: 'the library on another origin', page: 'other', headers: ISOLATED, ...THREADS },
  { title: 'handgrad/inline on another origin', page: 'inline', headers: ISOLATED, ...THREADS },
  { title: 'the library from a data: URL', page: 'data', headers: ISOLATED, ...THREADS },
  {
    title: 'a page that is not isolated',
    headers: {},
    info: { name: 'wasm', threads: 1 },
    note: /One thread instead of 3: SharedArrayBuffer is missing; a page needs Cross-Origin-Opener-Policy/,
    requested: 1,
  },
  {
    title: "worker-src 'none'",
    headers: policy(`${WASM}; worker-src 'none'`),
    info: { name: 'wasm', threads: 1 },
    note: ONE_THREAD,
    requested: EXPECTED_START,
  },
  { title: 'a policy without blob:', headers: policy(WASM), ...THREADS },
  {
    title: 'a policy without blob:, and the library on another origin',
    page: 'other',
    headers: policy(`script-src 'self' 'wasm-unsafe-eval' http://localhost:*; worker-src 'self'`),
    info: { name: 'wasm', threads: 1 },
    note: ONE_THREAD,
    requested: EXPECTED_START,
  },
  {
    title: 'Trusted Types, with any policy',
    headers: policy(`${WASM}; worker-src blob:; require-trusted-types-for 'script'`),
    ...THREADS,
  },
  {
    title: 'Trusted Types, and workers from files',
    headers: policy(`${WASM}; worker-src 'self'; require-trusted-types-for 'script'`),
    ...THREADS,
  },
  {
    title: 'Trusted Types that are not required, without the policy handgrad',
    headers: policy(`${WASM}; worker-src blob:; trusted-types other`),
    ...THREADS,
  },
  {
    title: 'Trusted Types, without the policy handgrad',
    headers: policy(
      `${WASM}; worker-src blob:; require-trusted-types-for 'script'; trusted-types 'none'`,
    ),
    info: { name: 'wasm', threads: 1 },
    note: ONE_THREAD,
    requested: EXPECTED_START,
  },
  {
    title: 'a policy that forbids WebAssembly',
    headers: policy("script-src 'self'"),
    info: { name: 'reference', threads: 1 },
    note: /auto: the reference backend, which is slow: wasm: expected WebAssembly, got a Content-Security-Policy that forbids it; add 'wasm-unsafe-eval' to script-src/,
    requested: NO_WASM,
    inWorker: NO_WASM,
  },
];

describe.each(CASES.map((each) => [each.title, each] as const))('%s', (_, each) => {
  const { page = 'own', headers, info, note, requested } = each;
  const { inWorker = typeof requested === 'number' ? requested : NO_WORKER } = each;
  it.each(BROWSERS)('%s', async (browser) => {
    const site = await serveFolder(project.folder, headers);
    try {
      const { result } = await visit(browser, `${site.url}${page}.html`);
      expect(result).toMatchObject({ ...info, relu: [0, 2] });
      if (note) expect((result.notes as readonly string[]).join('\n')).toMatch(note);
      if (typeof requested === 'number') expect(result.requested).toBe(requested);
      else expect(result.requested).toMatch(requested);
      if (!('inWorker' in result)) return;
      if (typeof inWorker === 'number') expect(result.inWorker).toBe(inWorker);
      else expect(result.inWorker).toMatch(inWorker);
    } finally {
      await site.close();
    }
  });
});

describe('a service worker that adds the headers', () => {
  it.each(BROWSERS)('%s', async (browser) => {
    const site = await serveFolder(project.folder, {});
    try {
      const { result } = await visit(browser, `${site.url}isolating.html`);
      expect(result).toMatchObject({ ...THREADS.info, requested: 2, inWorker: 2 });
    } finally {
      await site.close();
    }
  });
});

describe('handgrad/inline in a service worker', () => {
  it.each(BROWSERS)('%s', async (browser) => {
    const site = await serveFolder(project.folder, ISOLATED);
    try {
      const { result } = await visit(browser, `${site.url}service.html`);
      expect(result).toMatchObject({ name: 'wasm', threads: 1, relu: [0, 2] });
      // A service worker starts no workers, and in Firefox it shares no memory.
      expect((result.notes as readonly string[]).join('\n')).toMatch(/One thread instead of 3: /);
    } finally {
      await site.close();
    }
  });
});
