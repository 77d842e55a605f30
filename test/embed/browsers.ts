/* Pages in Chromium and Firefox. */
import puppeteer, { type Browser } from 'puppeteer-core';

export const BROWSERS = ['chromium', 'firefox'] as const;
export type BrowserName = (typeof BROWSERS)[number];

const PATHS: Readonly<Record<BrowserName, string>> = {
  chromium: process.env.CHROMIUM ?? '/usr/bin/chromium',
  firefox: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
};

const FLAGS: readonly string[] = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
];

const opened = new Map<string, Promise<Browser>>();

/** Opens a browser, once for each set of flags. */
export function open(name: BrowserName, flags: readonly string[] = []): Promise<Browser> {
  const key = [name, ...flags].join(' ');
  const browser =
    opened.get(key) ??
    puppeteer.launch({
      browser: name === 'firefox' ? 'firefox' : 'chrome',
      executablePath: PATHS[name],
      headless: true,
      args: name === 'firefox' ? [...flags] : [...FLAGS, ...flags],
    });
  opened.set(key, browser);
  return browser;
}

export async function closeBrowsers(): Promise<void> {
  for (const browser of opened.values()) await (await browser).close();
  opened.clear();
}

/** What a page wrote into its `<output>`, as JSON, and the errors that it threw. */
export interface PageResult {
  readonly result: Record<string, never>;
  readonly errors: readonly string[];
}

/** Opens a page, and waits for its result. */
export async function visit(name: BrowserName, url: string): Promise<PageResult> {
  const page = await (await open(name)).newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  try {
    await page.goto(url);
    await page.waitForFunction(
      () => document.querySelector('output')?.textContent?.startsWith('{'),
      { timeout: 60_000 },
    );
    const text = await page.$eval('output', (output) => output.textContent ?? '');
    return { result: JSON.parse(text), errors };
  } finally {
    await page.close();
  }
}
