import type { Entry } from './entry.ts';

/** Which entries carry a tag; untagged entries cost nothing. */
export class TagIndex<V> {
  readonly #tagged = new Map<string, Set<Entry<V>>>();

  add(entry: Entry<V>): void {
    for (const tag of entry.extras?.tags ?? []) {
      const entries = this.#tagged.get(tag);
      if (entries === undefined) this.#tagged.set(tag, new Set([entry]));
      else entries.add(entry);
    }
  }

  remove(entry: Entry<V>): void {
    for (const tag of entry.extras?.tags ?? []) {
      const entries = this.#tagged.get(tag);
      entries?.delete(entry);
      if (entries?.size === 0) this.#tagged.delete(tag);
    }
  }

  /** A copy: the caller removes what it visits. */
  withTag(tag: string): Entry<V>[] {
    return [...(this.#tagged.get(tag) ?? [])];
  }

  clear(): void {
    this.#tagged.clear();
  }
}
