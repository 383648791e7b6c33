/** Reads how long this thread has been on a CPU, in ms. */
export type ThreadClock = () => number;

interface ThreadUsage {
  threadCpuUsage?(): { readonly user: number; readonly system: number };
}

/**
 * The clock of this thread where Node has it; else that of the process, which also counts the collector's and the
 * pool's threads.
 */
export function threadClock(): ThreadClock {
  const host = process as ThreadUsage;
  const read = host.threadCpuUsage?.bind(process) ?? process.cpuUsage.bind(process);
  return () => {
    const { user, system } = read();
    return (user + system) / 1_000;
  };
}
