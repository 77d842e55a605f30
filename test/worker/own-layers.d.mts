import type { Schedule } from '../../src/index.js';

export function falling(options: {
  readonly rate: number;
  readonly [other: string]: unknown;
}): Schedule;
