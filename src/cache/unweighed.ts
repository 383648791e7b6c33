/** More than these are not listed: then all entries are looked through. */
const MOST_LISTED = 256;

/**
 * Slots whose bytes nobody has counted yet.
 *
 * To weigh a string means to read it (40 to 60 ns for 200 characters), and while the upper bounds of all
 * together are within a cache's bound of bytes, nobody needs to know.
 */
export class Unweighed {
  #listed: number[] = [];
  #areMore = false;

  add(slot: number): void {
    if (this.#listed.length < MOST_LISTED) this.#listed.push(slot);
    else this.#areMore = true;
  }

  /** @returns all that were added since the last call, and maybe others. @param slots of the store */
  take(slots: Iterable<number>): Iterable<number> {
    const { isEmpty } = this;
    const taken = this.#areMore ? slots : this.#listed;
    if (!isEmpty) this.clear();
    return taken;
  }

  get isEmpty(): boolean {
    return this.#listed.length === 0;
  }

  clear(): void {
    this.#listed = [];
    this.#areMore = false;
  }
}
