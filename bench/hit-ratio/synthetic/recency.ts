import type { Random } from './random.ts';

/** How likely it is that an access goes back, and how far. */
export interface Recency {
  /** The share of accesses that are to a key as of before; the others are to new keys. */
  readonly returns: number;
  /** Keys since the last access to the one returned to, on average. */
  readonly meanDistance: number;
  /** No access goes back farther. */
  readonly longestDistance: number;
}

/** @returns draws by the stack distance of keys, exponentially distributed: what LRU is made for. */
export function recency({ returns, meanDistance, longestDistance }: Recency, random: Random) {
  // The last in use stands last.
  const stack: number[] = [];
  let nextKey = 0;
  return (): number => {
    const distance = Math.floor(-Math.log(1 - random()) * meanDistance);
    if (random() < returns && distance < stack.length) {
      const [key = 0] = stack.splice(stack.length - 1 - distance, 1);
      stack.push(key);
      return key;
    }
    stack.push(nextKey);
    if (stack.length > longestDistance) stack.shift();
    return nextKey++;
  };
}
