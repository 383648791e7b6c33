/** Numbers in [0, 1) that are the same in every process: mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** So many draws of one of `size` indices, all as likely. */
export function uniformDraws(size: number, count: number, random: () => number): Uint32Array {
  const draws = new Uint32Array(count);
  for (let index = 0; index < count; index++) draws[index] = Math.floor(size * random());
  return draws;
}

/** @returns makes so many draws of one of `size` indices, index i with a weight of 1 / (i + 1) ^ exponent */
export function zipfDraws(
  size: number,
  exponent: number,
  random: () => number,
): (count: number) => Uint32Array {
  const sums = new Float64Array(size);
  let sum = 0;
  for (let index = 0; index < size; index++) {
    sum += 1 / (index + 1) ** exponent;
    sums[index] = sum;
  }
  return (count) => {
    const draws = new Uint32Array(count);
    for (let index = 0; index < count; index++) draws[index] = firstAbove(sums, sum * random());
    return draws;
  };
}

function firstAbove(sums: Float64Array, value: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sums[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The items that were drawn: `Array.from` with a callback takes ten times as long. */
export function drawn<T>(items: readonly T[], draws: Uint32Array): T[] {
  const found: T[] = [];
  for (let index = 0; index < draws.length; index++) {
    found.push(items[(draws[index] ?? 0) % items.length] as T);
  }
  return found;
}
