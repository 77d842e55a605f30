import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { get } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const missing = existsSync(executablePath) ? '' : ` (no Chromium at ${executablePath})`;

/** Starts the server on a free port. Its first line is the address. */
function startServer() {
  const script = fileURLToPath(new URL('../../examples/browser/serve.mjs', import.meta.url));
  return spawn(process.execPath, [script, '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
}

describe.skipIf(missing)(`the page of examples/browser${missing}`, () => {
  let server: ReturnType<typeof startServer>;
  let browser: Browser;
  let address: string;

  beforeAll(async () => {
    server = startServer();
    [address] = await once(createInterface({ input: server.stdout }), 'line');
    browser = await chromium.launch({
      executablePath,
      args: ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
    });
  });
  afterAll(async () => {
    await browser?.close();
    server?.kill();
  });

  /** Opens the page, trains, and waits until training is done. */
  async function train(backend: string, images: number, epochs: number): Promise<Page> {
    const page = await browser.newPage();
    await page.goto(address);
    await page.getByLabel('backend').selectOption(backend);
    await page.getByLabel('images').fill(String(images));
    await page.getByLabel('epochs').fill(String(epochs));
    await page.getByRole('button', { name: 'Train' }).click();
    await page.locator('#progress', { hasText: 'done: ' }).waitFor({ timeout: 100_000 });
    expect(await page.getByRole('alert').textContent()).toBe('');
    return page;
  }

  /** Reads a column of the table as numbers. */
  async function columnOf(page: Page, index: number): Promise<number[]> {
    const cells = await page.locator(`tbody td:nth-child(${index})`).allTextContents();
    return cells.map(Number.parseFloat);
  }

  async function expectLearning(page: Page, epochs: number): Promise<void> {
    const [loss, accuracy, rate] = await Promise.all([2, 3, 4].map((i) => columnOf(page, i)));
    expect(accuracy).toHaveLength(epochs);
    expect(accuracy.at(-1)).toBeGreaterThan(accuracy[0]);
    expect(loss.at(-1)).toBeLessThan(loss[0]);
    for (const imagesPerSecond of rate) expect(imagesPerSecond).toBeGreaterThan(0);
  }

  it('learns on the CPU, isolated, so that threads can share memory', async () => {
    const page = await train('wasm', 2000, 3);
    expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(true);
    expect(await page.locator('#backend').textContent()).toMatch(
      /^wasm \(\w+(\+threads)?, threads: /,
    );
    await expectLearning(page, 3);
  });

  it('learns on a GPU, and names it', async () => {
    const page = await train('webgpu', 1280, 2);
    expect(await page.locator('#backend').textContent()).toMatch(/^webgpu \(.*\w.*\)/);
    await expectLearning(page, 2);
  });

  it('shows with auto the timings of both backends, or why there are none', async () => {
    // Training has to last 100 ms before auto tries the GPU.
    const page = await train('auto', 10_000, 20);
    const text = await page.locator('#backend').textContent();
    expect(text).toMatch(/^(wasm|webgpu) \(.* (ms a step of batch 64 on wasm, |not considered)/);
    expect(text).not.toContain('starts on');
  });

  it('stops, keeps the focus, and does not mix two runs', async () => {
    const page = await browser.newPage();
    await page.goto(address);
    await page.getByLabel('backend').selectOption('wasm');
    await page.getByLabel('images').fill('2000');
    await page.getByLabel('epochs').fill('100');
    const button = page.getByRole('button', { name: 'Train' });
    await button.click();
    await page.locator('tbody tr').nth(1).waitFor();
    expect(await button.evaluate((element) => element === document.activeElement)).toBe(true);
    // A second run ends the first, and only its rows are left.
    await page.getByLabel('epochs').fill('3');
    await button.click();
    await page.locator('#progress', { hasText: 'done: ' }).waitFor();
    expect(await columnOf(page, 1)).toEqual([1, 2, 3]);

    await page.getByLabel('epochs').fill('100');
    await button.click();
    await page.locator('tbody tr').nth(1).waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.locator('#progress', { hasText: 'stopped in epoch' }).waitFor();
    const epochs = await columnOf(page, 1);
    await page.waitForTimeout(200);
    expect(await columnOf(page, 1)).toEqual(epochs);
    expect(await page.getByRole('alert').textContent()).toBe('');
  });

  it('stays responsive while digits are drawn', async () => {
    const page = await browser.newPage();
    await page.goto(address);
    await page.getByLabel('images').fill('20000');
    await page.evaluate(() => {
      const times = { last: performance.now(), longest: 0 };
      const tick = () => {
        const now = performance.now();
        times.longest = Math.max(times.longest, now - times.last);
        times.last = now;
        setTimeout(tick);
      };
      tick();
      Object.assign(globalThis, { times });
    });
    await page.getByRole('button', { name: 'Train' }).click();
    await page.locator('#backend', { hasText: 'threads' }).waitFor({ timeout: 200_000 });
    const longest = await page.evaluate(
      () => (globalThis as unknown as { times: { longest: number } }).times.longest,
    );
    // Drawing took seconds in the page's own thread; other tests run at the same time.
    expect(longest).toBeLessThan(500);
  });

  it('announces at most once a second, has a dark mode and targets of 24 pixels', async () => {
    const page = await browser.newPage({ colorScheme: 'dark' });
    await page.goto(address);
    const background = await page.evaluate(
      () => getComputedStyle(document.documentElement).colorScheme,
    );
    expect(background).toBe('light dark');
    for (const target of await page.locator('button, select, input').all()) {
      const box = await target.boundingBox();
      expect(Math.min(box?.width ?? 0, box?.height ?? 0)).toBeGreaterThanOrEqual(24);
    }
    await page.evaluate(() => {
      const times: number[] = [];
      const status = document.querySelector('[role=status]') as Element;
      const note = () => times.push(performance.now());
      new MutationObserver(note).observe(status, { childList: true });
      Object.assign(globalThis, { times });
    });
    await page.getByLabel('backend').selectOption('wasm');
    await page.getByLabel('epochs').fill('20');
    await page.getByRole('button', { name: 'Train' }).click();
    await page.locator('#progress', { hasText: 'done: ' }).waitFor({ timeout: 100_000 });
    const times = await page.evaluate(
      () => (globalThis as unknown as { times: readonly number[] }).times,
    );
    // Cleared, begun, and done; between these, once a second.
    const [first, last] = [times[0], times[times.length - 1]];
    expect(times.length).toBeLessThanOrEqual(4 + (last - first) / 1000);
  });

  it('survives a request whose path is not a valid URL', async () => {
    const { hostname, port } = new URL(address);
    const status = await new Promise((resolve, reject) => {
      const request = get({ hostname, port, path: '//' }, (response) =>
        resolve(response.statusCode),
      );
      request.on('error', reject);
    });
    expect(status).toBe(400);
    expect((await fetch(address)).status).toBe(200);
  });

  it('serves only the page and the package', async () => {
    const statuses = async (...paths: string[]) =>
      Promise.all(paths.map(async (path) => (await fetch(new URL(path, address))).status));
    expect(await statuses('/', '/main.js', '/dist/index.js')).toEqual([200, 200, 200]);
    const others = ['/package.json', '/dist/types', '/dist/..%2fpackage.json', '/dist/none.js'];
    expect(await statuses(...others)).toEqual(others.map(() => 404));
  });
});
