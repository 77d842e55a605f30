/** A promise's result, or undefined if it takes longer than a time in milliseconds. */
export async function orTimeout<Result>(
  promise: Promise<Result>,
  milliseconds: number,
): Promise<Result | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** `Promise.withResolvers`, which older engines lack. */
export function promiseWithResolvers() {
  let resolve = () => {};
  let reject = (_error: Error) => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // Callers that await the promise see the error; this avoids an unhandled rejection if none does.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
