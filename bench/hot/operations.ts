/** What the caches have in common: called as it is, so that no wrapper's cost blurs the ratios. */
export interface SyncCache {
  get(key: string): unknown;
  set(key: string, value: unknown): unknown;
}

export interface AsyncCache {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown): Promise<unknown>;
}

/** What one call of a benchmarked function works through. */
export interface Batch {
  readonly keys: readonly string[];
  /** As many as keys. */
  readonly values: readonly unknown[];
  /** 1 where a mixed batch sets, 0 where it gets. */
  readonly isSet: Uint8Array;
  /** How many gets must hit; undefined = that depends on the contender. */
  readonly hits: number | undefined;
}

/** Works through a batch; returns how many gets hit. */
export type Operation = (cache: SyncCache, miss: unknown, batch: Batch) => number;
export type AsyncOperation = (cache: AsyncCache, miss: unknown, batch: Batch) => Promise<number>;

/** An operation, and the same for caches that answer by promises. */
export interface OperationPair {
  readonly sync: Operation;
  readonly async: AsyncOperation;
}

export const GET: OperationPair = {
  sync(cache, miss, { keys }) {
    let hits = 0;
    for (const key of keys) if (cache.get(key) !== miss) hits++;
    return hits;
  },
  async async(cache, miss, { keys }) {
    let hits = 0;
    for (const key of keys) if ((await cache.get(key)) !== miss) hits++;
    return hits;
  },
};

export const SET: OperationPair = {
  sync(cache, _miss, { keys, values }) {
    for (let index = 0; index < keys.length; index++) {
      cache.set(keys[index] as string, values[index]);
    }
    return 0;
  },
  async async(cache, _miss, { keys, values }) {
    for (let index = 0; index < keys.length; index++) {
      await cache.set(keys[index] as string, values[index]);
    }
    return 0;
  },
};

/** The loader costs nothing: the value is there. */
export const READ_THROUGH: OperationPair = {
  sync(cache, miss, { keys, values }) {
    let hits = 0;
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string;
      if (cache.get(key) === miss) cache.set(key, values[index]);
      else hits++;
    }
    return hits;
  },
  async async(cache, miss, { keys, values }) {
    let hits = 0;
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string;
      if ((await cache.get(key)) === miss) await cache.set(key, values[index]);
      else hits++;
    }
    return hits;
  },
};

export const MIXED: OperationPair = {
  sync(cache, miss, { keys, values, isSet }) {
    let hits = 0;
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string;
      if (isSet[index] === 1) cache.set(key, values[index]);
      else if (cache.get(key) !== miss) hits++;
    }
    return hits;
  },
  async async(cache, miss, { keys, values, isSet }) {
    let hits = 0;
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string;
      if (isSet[index] === 1) await cache.set(key, values[index]);
      else if ((await cache.get(key)) !== miss) hits++;
    }
    return hits;
  },
};
