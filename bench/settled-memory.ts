import { setTimeout } from 'node:timers/promises';

const LOOKS = 5;
const LOOK_MS = 20;

export interface SettledMemory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly heapTotal: number;
}

/** The lowest of several looks after collections, bytes: these end in the background. */
export async function settledMemory(): Promise<SettledMemory> {
  const looks: NodeJS.MemoryUsage[] = [];
  for (let look = 0; look < LOOKS; look++) {
    globalThis.gc?.();
    await setTimeout(LOOK_MS);
    looks.push(process.memoryUsage());
  }
  const least = (name: keyof SettledMemory) => Math.min(...looks.map((usage) => usage[name]));
  return { rss: least('rss'), heapUsed: least('heapUsed'), heapTotal: least('heapTotal') };
}
