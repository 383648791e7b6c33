/** Something met while sampling: how often, and for how many of the whole each meeting stands. */
export interface Sighting {
  /** How many of the whole the sampled one stands for; 1 where nothing was left out. */
  weight: number;
  /** How often it was met. */
  hits: number;
}

/** So many twice-met things make their number a measure of how many there are in all. */
const ENOUGH_PAIRS = 8;

/**
 * For how many distinct things of the whole a thing met once stands, at most.
 *
 * A sample of n that holds no pair comes from a large population, one with many pairs from a small
 * one: by Chao's estimator (Chao 1984, Scandinavian Journal of Statistics 11) there are
 * f1² / (2 · f2) unseen things beside f1 seen once and f2 seen twice.
 */
export function mostPerSingle(sightings: Iterable<Sighting>): number {
  let once = 0;
  let twice = 0;
  for (const { hits } of sightings) {
    if (hits === 1) once++;
    else if (hits === 2) twice++;
  }
  return twice < ENOUGH_PAIRS ? Infinity : 1 + once / (2 * twice);
}

/** How many distinct things of the whole this one stands for: what is met again is one thing. */
export function distinctWeight(sighting: Sighting, perSingle: number): number {
  return sighting.hits > 1 ? 1 : Math.min(sighting.weight, perSingle);
}

/** Bytes of strings that the process holds once each, however often they are referred to. */
export class DistinctTally {
  readonly #seen = new Map<string, Sighting & { readonly bytes: number }>();

  /** Counts one meeting with `text`. */
  add(text: string, weight: number, bytes: (text: string) => number): void {
    const known = this.#seen.get(text);
    if (known === undefined) this.#seen.set(text, { bytes: bytes(text), weight, hits: 1 });
    else known.hits++;
  }

  /** @returns the bytes of all distinct strings of the whole, in so far as the sample tells. */
  bytes(): number {
    const perSingle = mostPerSingle(this.#seen.values());
    let total = 0;
    for (const seen of this.#seen.values()) total += seen.bytes * distinctWeight(seen, perSingle);
    return total;
  }
}
