import { callNative, loadAddon } from '../native/addon.ts';

/** Reads how long this thread has been on a CPU, in ms. */
export type ThreadClock = () => number;

interface ThreadUsage {
  threadCpuUsage?(): { readonly user: number; readonly system: number };
}

/**
 * The clock of this thread: that of the addon (0.3 µs), else that of Node where it has one (from 23.9), else that of the
 * process, which also counts the threads of the collector and of the pool.
 */
export function threadClock(): ThreadClock {
  try {
    const { ownThreadCpuMs } = callNative(loadAddon);
    if (ownThreadCpuMs() !== null) return () => ownThreadCpuMs() ?? 0;
  } catch {
    // Without the addon a tool is measured all the same.
  }
  const host = process as ThreadUsage;
  const read = host.threadCpuUsage?.bind(process) ?? process.cpuUsage.bind(process);
  return () => {
    const { user, system } = read();
    return (user + system) / 1_000;
  };
}
