/** How long a look at the process lasts. */
const LOOK_MILLISECONDS = 10;
/** Up to this much of it, a process is at rest: the looking itself takes some. */
const BUSY_SHARE = 0.1;
const PATIENCE_MILLISECONDS = 1000;

/**
 * Waits until no thread of this process computes any more, so that the next contestant has the
 * machine to itself: threads of a pool spin for a while in the hope of more work (OpenBLAS' for a
 * tenth of a second) before they sleep.
 */
export async function rest() {
  for (let waited = 0; waited < PATIENCE_MILLISECONDS; waited += LOOK_MILLISECONDS) {
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1000 <= BUSY_SHARE * LOOK_MILLISECONDS) return;
  }
}
