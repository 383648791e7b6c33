/** A pass over keys that nobody asks for again, and how often one comes. */
export interface Scan {
  /** Keys of one pass. */
  readonly length: number;
  /** Accesses between two passes. */
  readonly pause: number;
  /** The first key that no other draw gives. */
  readonly firstKey: number;
}

/** @returns draws of `draw`, with a scan over new keys after every `pause` of them. */
export function withScans(draw: () => number, { length, pause, firstKey }: Scan): () => number {
  let access = 0;
  let nextKey = firstKey;
  return () => (access++ % (pause + length) < pause ? draw() : nextKey++);
}
