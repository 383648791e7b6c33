/** @returns draws of `0 … keys − 1` in order, again and again: what LRU never hits once it is longer. */
export function loop(keys: number): () => number {
  let next = 0;
  return () => {
    const key = next;
    next = next + 1 === keys ? 0 : next + 1;
    return key;
  };
}
