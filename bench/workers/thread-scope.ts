import type { SharedPlace, ThreadCache } from './contenders.ts';

/** What a thread is started with. */
export interface ThreadStart {
  readonly contender: string;
  readonly workload: string;
  readonly place: SharedPlace;
  /** Its number, from 0. */
  readonly own: number;
  readonly threads: number;
  /** How much of its work the thread is to do, as the workload counts it. */
  readonly amount: number;
  /** Shared by the threads, zero at first. */
  readonly words: SharedArrayBuffer;
}

/** What a workload has at hand in each thread. */
export interface ThreadScope extends ThreadStart {
  readonly cache: ThreadCache;
  /** Waits until all threads are here. */
  readonly meet: () => Promise<void>;
}

/** Figures of one thread, by name. */
export type ThreadFigures = Readonly<Record<string, number>>;

/** What the threads are to do. */
export interface ThreadWorkload {
  /** Entries that a cache must have room for. */
  readonly maxEntries: number;
  /** Words that the threads share, 4 bytes each. */
  readonly sharedWords?: number;
  /** Whether resident bytes are looked at whenever all threads have met. */
  readonly looksAtMemory?: boolean;
  run(scope: ThreadScope): Promise<ThreadFigures>;
}
