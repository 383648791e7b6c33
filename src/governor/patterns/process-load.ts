const SHORTEST_MS = 500;

/** @returns what tells how much CPU this process has used lately, 1 is one core; it looks twice a second at most */
export function processLoad(): () => number {
  let before = process.cpuUsage();
  let beforeMs = performance.now();
  let load = 0;
  return () => {
    const nowMs = performance.now();
    const passedMs = nowMs - beforeMs;
    if (passedMs < SHORTEST_MS) return load;
    const { user, system } = process.cpuUsage(before);
    load = (user + system) / 1_000 / passedMs;
    before = process.cpuUsage();
    beforeMs = nowMs;
    return load;
  };
}
