import type { TierRead } from './tier.ts';
import type { TierGuard } from './tier-guard.ts';

/** Look-ups of a second level that are made in one go cost one round trip together. */
export class ReadBatch<R extends TierRead> {
  readonly #look: (names: readonly string[]) => Promise<R>;
  readonly #guard: TierGuard;
  #names = new Set<string>();
  #reading: Promise<R | undefined> | undefined;

  /** @param look asks the level */
  constructor(look: (names: readonly string[]) => Promise<R>, guard: TierGuard) {
    this.#look = look;
    this.#guard = guard;
  }

  /** @returns what is held of these names and perhaps of others; `undefined` where it cannot be told */
  read(names: readonly string[]): Promise<R | undefined> {
    for (const name of names) this.#names.add(name);
    this.#reading ??= this.#readNext();
    return this.#reading;
  }

  async #readNext(): Promise<R | undefined> {
    // When all promises of this turn have gone on: whoever got his answer in it may ask again.
    await new Promise<void>((resolve) => queueMicrotask(() => process.nextTick(resolve)));
    const names = [...this.#names];
    this.#names = new Set();
    this.#reading = undefined;
    return (await this.#guard.attempt('read', () => this.#look(names)))?.result;
  }
}
