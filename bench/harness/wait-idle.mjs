/** Milliseconds over which the CPU time of the process is measured. */
const INTERVAL_MILLISECONDS = 10;
/** Share of the interval up to which a process counts as idle; measuring takes some CPU time itself. */
const BUSY_SHARE = 0.1;
const TIMEOUT_MILLISECONDS = 1000;

/**
 * Waits until no thread of this process computes, so that the next candidate has the machine to
 * itself. Threads of a pool spin for a while before they sleep; those of OpenBLAS for 0.1 s.
 */
export async function waitIdle() {
  for (let waited = 0; waited < TIMEOUT_MILLISECONDS; waited += INTERVAL_MILLISECONDS) {
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MILLISECONDS));
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1000 <= BUSY_SHARE * INTERVAL_MILLISECONDS) return;
  }
}
