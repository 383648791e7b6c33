/** Whether an invalidation is about a key, given the tags of its entry. */
export type Overtaking = (key: string, tags: readonly string[]) => boolean;

/**
 * What has been set or invalidated since a restore began: a dump is older than all of it and must
 * not bring back what it replaced.
 */
export class Restore {
  /** The moment at which it began, as the store counts what other threads do. */
  readonly since: number;
  readonly #keys = new Set<string>();
  readonly #rules: Overtaking[] = [];

  constructor(since: number) {
    this.since = since;
  }

  overtake(key: string): void {
    this.#keys.add(key);
  }

  overtakeWhere(rule: Overtaking): void {
    this.#rules.push(rule);
  }

  /** Whether anything was invalidated by a rule: then each key of the dump has to be looked at. */
  get hasRules(): boolean {
    return this.#rules.length > 0;
  }

  isOvertaken(key: string, tags: readonly string[]): boolean {
    return this.#keys.has(key) || this.#rules.some((rule) => rule(key, tags));
  }
}

const restoresOfCaches = new WeakMap<object, Restores>();

/** The restores that are under way in a cache, and who hears of the keys that they bring. */
export class Restores {
  readonly #underWay = new Set<Restore>();
  /** Read with every set: `Set.size` is a call. */
  #areUnderWay = false;
  readonly #listeners = new Set<(key: string) => void>();

  /** @returns those of a cache, for what keeps an index of its keys. */
  static of(cache: object): Restores {
    let restores = restoresOfCaches.get(cache);
    if (restores === undefined) {
      restores = new Restores();
      restoresOfCaches.set(cache, restores);
    }
    return restores;
  }

  get areUnderWay(): boolean {
    return this.#areUnderWay;
  }

  begin(since: number): Restore {
    const restore = new Restore(since);
    this.#underWay.add(restore);
    this.#areUnderWay = true;
    return restore;
  }

  end(restore: Restore): void {
    this.#underWay.delete(restore);
    this.#areUnderWay = this.#underWay.size > 0;
  }

  /** A key was set or invalidated. */
  overtake(key: string): void {
    if (!this.#areUnderWay) return;
    for (const restore of this.#underWay) restore.overtake(key);
  }

  overtakeWhere(rule: Overtaking): void {
    for (const restore of this.#underWay) restore.overtakeWhere(rule);
  }

  /** Calls back with each key that a restore has brought, before any event of it. */
  onRestored(listener: (key: string) => void): void {
    this.#listeners.add(listener);
  }

  tellRestored(key: string): void {
    for (const listener of this.#listeners) listener(key);
  }
}
