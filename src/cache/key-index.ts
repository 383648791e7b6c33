import sortedBTree from 'sorted-btree';

/** A CommonJS module whose default export Node shows as a member. */
const BTree = sortedBTree.default;

/** Keys that an index may hold beyond three times the residents before it is given up. */
const SLACK = 1024;

/**
 * Keys in order, for invalidation by prefix and template without a look at every key.
 *
 * It exists from the first such call on. New keys wait in a list and are sorted in by the next
 * query, so a set pays one push; keys of entries that left are dropped when a query meets them.
 * Once it holds three times what is resident, the index is exhausted: its owner gives it up
 * and the next query builds another, which keeps the price per set constant and the memory bounded.
 */
export class KeyIndex {
  readonly #sorted: InstanceType<typeof BTree<string, true>>;
  #added: string[] = [];

  constructor(keys: Iterable<string>) {
    const sorted = [...keys].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    this.#sorted = new BTree<string, true>(sorted.map((key) => [key, true]));
  }

  add(key: string): void {
    this.#added.push(key);
  }

  /** @param residents how many entries the store holds. */
  isExhausted(residents: number): boolean {
    return this.#sorted.size + this.#added.length > 3 * residents + SLACK;
  }

  /** @returns the keys with this prefix that are `resident`; forgets those that are not. */
  withPrefix(prefix: string, resident: (key: string) => boolean): string[] {
    for (const key of this.#added) this.#sorted.set(key, true);
    this.#added = [];
    const found: string[] = [];
    const gone: string[] = [];
    for (const key of this.#sorted.keys(prefix)) {
      if (!key.startsWith(prefix)) break;
      (resident(key) ? found : gone).push(key);
    }
    this.#sorted.deleteKeys(gone);
    return found;
  }
}
