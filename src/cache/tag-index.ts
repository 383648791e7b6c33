/** Which slots carry a tag; untagged entries cost nothing. */
export class TagIndex {
  readonly #tagged = new Map<string, Set<number>>();

  add(slot: number, tags: readonly string[]): void {
    for (const tag of tags) {
      const slots = this.#tagged.get(tag);
      if (slots === undefined) this.#tagged.set(tag, new Set([slot]));
      else slots.add(slot);
    }
  }

  remove(slot: number, tags: readonly string[]): void {
    for (const tag of tags) {
      const slots = this.#tagged.get(tag);
      slots?.delete(slot);
      if (slots?.size === 0) this.#tagged.delete(tag);
    }
  }

  /** A copy: the caller removes what it visits. */
  withTag(tag: string): number[] {
    return [...(this.#tagged.get(tag) ?? [])];
  }

  clear(): void {
    this.#tagged.clear();
  }
}
