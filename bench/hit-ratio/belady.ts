import type { Trace } from './trace.ts';

const NEVER = 0xff_ff_ff_ff;

/** The next access to the same key, for each access, or `NEVER`. */
function nextAccesses({ keys, accesses }: Trace): Uint32Array {
  const next = new Uint32Array(accesses.length);
  const following = new Uint32Array(keys.length).fill(NEVER);
  for (let access = accesses.length - 1; access >= 0; access--) {
    const key = accesses[access] ?? 0;
    next[access] = following[key] ?? NEVER;
    following[key] = access;
  }
  return next;
}

/** A heap of accesses to come, the last one on top. */
class FarthestFirst {
  #accesses: number[] = [];

  get size(): number {
    return this.#accesses.length;
  }

  push(access: number): void {
    const heap = this.#accesses;
    let at = heap.length;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt] ?? 0;
      if (parent >= access) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = access;
  }

  pop(): number | undefined {
    const heap = this.#accesses;
    const [top] = heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= heap.length) break;
      if (childAt + 1 < heap.length && (heap[childAt + 1] ?? 0) > (heap[childAt] ?? 0)) childAt++;
      const child = heap[childAt] ?? 0;
      if (child <= last) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = last;
    return top;
  }

  /** Drops the accesses up to this one. */
  dropUntil(access: number): void {
    // What is sorted downwards is a heap.
    this.#accesses = this.#accesses.filter((later) => later > access).sort((a, b) => b - a);
  }
}

/**
 * Hits of a cache that knows the future (Belady 1966): what is used next farthest from now leaves, or
 * is not kept at all, where it is the newcomer. No cache of as many entries has more hits.
 *
 * Where the trace tells bytes, the same rule is a heuristic that comes close to the most hits, which
 * nobody can compute for long traces; a cache that prefers small entries may pass it.
 */
export function beladyHits(trace: Trace, capacity: number): number {
  const { keys, accesses, bytes } = trace;
  const next = nextAccesses(trace);
  /** Of each key that is in the cache; of others 0. */
  const weights = new Uint32Array(keys.length);
  const uses = new FarthestFirst();
  let entries = 0;
  let used = 0;
  let hits = 0;

  /** @returns what the key takes no longer. */
  const leave = (key: number): number => {
    const weight = weights[key] ?? 0;
    weights[key] = 0;
    entries--;
    return weight;
  };

  for (let access = 0; access < accesses.length; access++) {
    const key = accesses[access] ?? 0;
    const following = next[access] ?? NEVER;
    if (weights[key] !== 0) {
      hits++;
      if (following === NEVER) used -= leave(key);
      else uses.push(following);
      continue;
    }
    const weight = bytes === undefined ? 1 : (bytes[access] ?? 1);
    if (following === NEVER || weight > capacity) continue;
    weights[key] = weight;
    used += weight;
    entries++;
    uses.push(following);
    while (used > capacity) used -= leave(accesses[uses.pop() ?? 0] ?? 0);
    // Accesses that are past sink to the bottom of the heap and stay there.
    if (uses.size > 2 * entries + 1_024) uses.dropUntil(access);
  }
  return hits;
}
