import { setImmediate } from 'node:timers/promises';

/** What executions do. */
export interface Workload {
  /** How many run at the same time. */
  readonly concurrent: number;
  readonly code: (n: number) => Promise<number>;
}

const settled = Promise.resolve();

/** By name. */
export const WORKLOADS: ReadonlyMap<string, Workload> = new Map([
  [
    'concurrent-10000',
    {
      concurrent: 10_000,
      // All of them run before the first is done.
      code: async (n) => {
        await setImmediate();
        return n;
      },
    },
  ],
  [
    'concurrent-100',
    {
      concurrent: 100,
      code: async (n) => {
        await setImmediate();
        return n;
      },
    },
  ],
  [
    'one-await-10000',
    {
      concurrent: 10_000,
      code: async (n) => {
        await settled;
        return n;
      },
    },
  ],
]);
