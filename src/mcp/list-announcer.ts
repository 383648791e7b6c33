import type { MethodGroup } from './method-group.ts';

/** Announces changes of lists once for all of one turn. */
export class ListAnnouncer {
  readonly #tell: (group: MethodGroup) => void;
  readonly #groups = new Set<MethodGroup>();

  constructor(tell: (group: MethodGroup) => void) {
    this.#tell = tell;
  }

  announce(group: MethodGroup): void {
    if (this.#groups.size === 0) queueMicrotask(() => this.#tellAll());
    this.#groups.add(group);
  }

  #tellAll(): void {
    const groups = [...this.#groups];
    this.#groups.clear();
    for (const group of groups) this.#tell(group);
  }
}
