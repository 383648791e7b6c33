/** How long Redis may take to tell of a write, in ms; later it is taken for somebody else's. */
const REMEMBERED_MS = 5_000;

interface OwnWrite {
  readonly version: string;
  readonly atMs: number;
}

/**
 * What this process has written of late, by key: Redis tells of it too, and does not tell it from what
 * others write. The version that is held does.
 */
export class OwnWrites {
  readonly #writes = new Map<string, OwnWrite>();
  /** Keys of each write that has no answer yet: Redis may tell of it before that. */
  readonly #underWay = new Map<Promise<unknown>, ReadonlySet<string>>();

  /** @param answer settled when the write has an answer, and `add` was called */
  begin(keys: readonly string[], answer: Promise<unknown>): void {
    this.#underWay.set(answer, new Set(keys));
    const end = (): void => void this.#underWay.delete(answer);
    answer.then(end, end);
  }

  /** Whether it may be this process that has changed a key. */
  hasPart(key: string): boolean {
    if (this.versionOf(key) !== undefined) return true;
    return [...this.#underWay.values()].some((keys) => keys.has(key));
  }

  /** @returns resolves when what is under way has an answer */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay.keys());
  }

  add(key: string, version: string): void {
    const atMs = performance.now();
    this.#writes.delete(key);
    this.#writes.set(key, { version, atMs });
    for (const [oldest, write] of this.#writes) {
      if (atMs - write.atMs < REMEMBERED_MS) break;
      this.#writes.delete(oldest);
    }
  }

  /** @returns the version that was written; `undefined` where it was somebody else for sure */
  versionOf(key: string): string | undefined {
    const write = this.#writes.get(key);
    const isKnown = write !== undefined && performance.now() - write.atMs < REMEMBERED_MS;
    return isKnown ? write.version : undefined;
  }
}
