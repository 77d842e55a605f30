import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isObject } from '../../../options.js';

/** What tells a process apart from all others, as far as the system says. */
export interface ProcessIdentity {
  readonly pid: number;
  /** The computer, and on Linux the namespace in which `pid` counts. */
  readonly place: string;
  /** On Linux, the boot and the clock tick at which the process began; elsewhere empty. */
  readonly began: string;
}

/** The identity of this process. */
export function thisProcess(): ProcessIdentity {
  const { pid } = process;
  const namespace = tryTo(() => readlinkSync('/proc/self/ns/pid')) ?? '';
  return { pid, place: `${hostname()} ${namespace}`.trim(), began: beginning(pid) ?? '' };
}

/** Whether an untrusted value, such as the content of a file, has the form of an identity. */
export function isIdentity(value: unknown): value is ProcessIdentity {
  if (!isObject(value)) return false;
  const { pid, place, began } = value;
  return Number.isSafeInteger(pid) && typeof place === 'string' && typeof began === 'string';
}

/**
 * Whether a process of this place still runs. A killed process whose parent has not noticed is gone.
 *
 * @param began tells it from a later process of the same number; empty if it is unknown
 */
export function isRunning(pid: number, began = ''): boolean {
  const now = beginning(pid);
  if (now === 'ended' || !exists(pid)) return false;
  return began === '' || now === undefined || now === began;
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * The boot and the clock tick at which a process began; `ended` for one that was killed but that its
 * parent has not noticed; undefined where the system has no /proc.
 */
function beginning(pid: number): string | undefined {
  return tryTo(() => {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The fields after the name, which is in brackets and may contain spaces: the first is the state,
    // the twentieth the beginning (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return 'ZX'.includes(fields[0]) ? 'ended' : `${boot} ${fields[19]}`;
  });
}

function tryTo<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
