import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  expect,
  expectWhole,
  handgrad,
  isLeftover,
  namesIn,
  resultOf,
  trainFurther,
} from './program.mjs';

/**
 * Kills runs at random moments, and continues each until it has been killed up to `MOST_KILLS` times; then
 * lets it end, and compares its weights and history with those of an unbroken run.
 *
 * @returns counts of what happened
 */
export async function killRuns({ kills, random, folder, train, decode }) {
  const whole = join(folder, 'whole');
  const { status, milliseconds } = await handgrad([...train, '--out', whole]);
  expect(status === 0, 'expected the unbroken run to succeed');
  const wanted = await resultOf(whole);
  const counts = { kills: 0, runs: 0, resumed: 0, leftovers: 0, locks: 0, beforeFirstEpoch: 0 };
  while (counts.kills < kills) {
    const out = join(folder, `run-${counts.runs++}`);
    const most = Math.min(1 + Math.floor(random() * MOST_KILLS), kills - counts.kills);
    for (let n = 0; n < most; n++) {
      const outcome = await trainFurther(out, train, random() * 1.1 * milliseconds);
      if (outcome.signal !== 'SIGKILL') {
        expect(outcome.status === 0, `expected status 0, got ${outcome.status}: ${outcome.stderr}`);
        break;
      }
      counts.kills++;
      const names = await namesIn(out);
      counts.leftovers += Number(names.some((name) => name.endsWith('.part')));
      counts.locks += Number(names.some((name) => name.endsWith('.lock')));
      counts.beforeFirstEpoch += Number(!names.includes('checkpoint.safetensors'));
      await expectWhole(out, decode);
    }
    counts.resumed += Number(existsSync(join(out, 'checkpoint.safetensors')));
    const last = await trainFurther(out, train);
    expect(last.status === 0, `expected the last run to succeed, got: ${last.stderr}`);
    const left = (await namesIn(out)).filter(isLeftover);
    expect(left.length === 0, `expected no leftovers in ${out}, got ${left}`);
    expect((await resultOf(out)) === wanted, `expected the bits of an unbroken run in ${out}`);
    await rm(out, { recursive: true });
  }
  return counts;
}

const MOST_KILLS = 6;
