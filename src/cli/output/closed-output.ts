import { describeFailure, FAILURE, SUCCESS } from '../failure.js';

let worksUnread = false;
let isReported = false;

/**
 * From now on the program goes on quietly when nothing reads its output, since it saves its results in
 * files.
 */
export function workWithoutReader(): void {
  worksUnread = true;
}

/**
 * Ends the program quietly when a reader such as `head` closes the pipe, and with an error when output
 * cannot be written, as on a full disk. After `workWithoutReader`, the program goes on, and only the
 * exit status tells of output that could not be written.
 */
export function watchOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => onError(stream, error));
  }
}

function onError(stream: NodeJS.WriteStream, error: NodeJS.ErrnoException): void {
  if (isClosed(stream, error)) {
    if (!worksUnread) process.exit(SUCCESS);
    return;
  }
  if (stream === process.stdout && !isReported) {
    isReported = true;
    process.stderr.write(describeFailure(error, process.argv.includes('--verbose')));
  }
  if (!worksUnread) process.exit(FAILURE);
  process.exitCode = FAILURE;
}

/** Whether the reader has gone: of a pipe, or a terminal, which then answers EIO. */
function isClosed({ isTTY }: NodeJS.WriteStream, { code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED' || (code === 'EIO' && isTTY);
}
