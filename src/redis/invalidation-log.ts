import {
  type EntryMatcher,
  entryMatcher,
  type Invalidation,
  parseInvalidation,
} from '../tiers/invalidation.ts';

/** Versions of the order of things, as Redis keeps them; µs. */
export interface OrderState {
  /** The last that was given out. */
  readonly clock: number;
  /** Of the last invalidation. */
  readonly head: number;
  /** Everything older is invalid. */
  readonly floor: number;
}

/** Three versions of 16 digits with a blank in between. */
const STATE_LENGTH = 50;
/** What a failover may set the server's clock back by, without an invalidation being missed. */
const OVERLAP_US = 5_000_000;

/** @returns the state, `undefined` for what is none: it was lost, or never was */
export function parseOrderState(text: string | undefined): OrderState | undefined {
  if (text?.length !== STATE_LENGTH) return undefined;
  const [clock = NaN, head = NaN, floor = NaN] = text.split(' ').map(Number);
  return Number.isNaN(clock + head + floor) ? undefined : { clock, head, floor };
}

/** What this process knows of the invalidations that Redis remembers. */
export class InvalidationLog {
  #state: OrderState | undefined;
  /** Of the last invalidation of all. */
  #all = 0;
  /** Version of each by its text, for those that are looked up by what they are about. */
  readonly #versions = new Map<string, number>();
  readonly #patterns = new Map<string, { version: number; matches: EntryMatcher }>();

  /** The last version that is known to have been given out; 0 before the first. */
  get clock(): number {
    return this.#state?.clock ?? 0;
  }

  /**
   * @param head of the invalidations that Redis has; a failover may have set it back
   * @returns version after which there may be some that are not known here
   */
  cursor(head = Infinity): number {
    return Math.max(Math.min(this.#state?.head ?? 0, head) - OVERLAP_US, 0);
  }

  /** Whether all is known that a state tells of. */
  covers(state: OrderState): boolean {
    return this.#state?.head === state.head && this.#state.floor === state.floor;
  }

  /**
   * Takes in what Redis has told since the cursor.
   *
   * @param records text and version in turns
   * @returns what is new; everything, where some of it is not remembered any more
   */
  learn(state: OrderState, records: readonly string[]): readonly Invalidation[] {
    const before = this.#state;
    this.#state = state;
    const fresh: Invalidation[] = [];
    for (let at = 0; at + 1 < records.length; at += 2) {
      const version = Number(records[at + 1]);
      const invalidation = this.#enter(records[at]!, version);
      // One of all that stands for others is nothing new to who knows those.
      const isKnown = invalidation?.kind === 'all' && version <= (before?.head ?? 0);
      if (invalidation !== undefined && !isKnown) fresh.push(invalidation);
    }
    this.#forgetBelow(state.floor);
    if (before === undefined) return [];
    const hasMissedSome = state.floor > before.head && state.floor > before.floor;
    return hasMissedSome ? [{ kind: 'all' }] : fresh;
  }

  /** Whether nothing that is known has made an entry invalid. */
  isValid(version: number, uri: string, tags: readonly string[]): boolean {
    if (this.#state === undefined || version < this.#state.floor) return false;
    return !this.isOvertaken(version, uri, tags);
  }

  /**
   * Whether something that is known has made an entry invalid: other than `isValid` where what was
   * invalidated is not known, since Redis has lost it.
   */
  isOvertaken(version: number, uri: string, tags: readonly string[]): boolean {
    if (this.#all > version) return true;
    if (this.#isAfter(`u:${uri}`, version)) return true;
    if (tags.some((tag) => this.#isAfter(`t:${tag}`, version))) return true;
    for (const pattern of this.#patterns.values()) {
      if (pattern.version > version && pattern.matches(uri, tags)) return true;
    }
    return false;
  }

  /** @returns the invalidation, where this process did not know it */
  #enter(text: string, version: number): Invalidation | undefined {
    if (text === '*') return this.#enterAll(version);
    const known = this.#versions.get(text) ?? this.#patterns.get(text)?.version ?? 0;
    if (known >= version) return undefined;
    const invalidation = parseInvalidation(text);
    if (invalidation?.kind === 'uri' || invalidation?.kind === 'tag') {
      this.#versions.set(text, version);
    } else {
      // What a later version of this package has written may be about anything.
      const understood: Invalidation = invalidation ?? { kind: 'all' };
      this.#patterns.set(text, { version, matches: entryMatcher(understood) });
      return understood;
    }
    return invalidation;
  }

  #enterAll(version: number): Invalidation | undefined {
    if (version <= this.#all) return undefined;
    this.#all = version;
    return { kind: 'all' };
  }

  #isAfter(text: string, version: number): boolean {
    return (this.#versions.get(text) ?? 0) > version;
  }

  #forgetBelow(floor: number): void {
    for (const [text, version] of this.#versions) {
      if (version <= floor) this.#versions.delete(text);
    }
    for (const [text, { version }] of this.#patterns) {
      if (version <= floor) this.#patterns.delete(text);
    }
  }
}
