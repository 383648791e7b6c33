import { Buffer } from 'node:buffer';

import { badOption, checkDurationMs, checkOptions } from '../options.ts';
import {
  envelopeKey,
  type EnvelopeOptions,
  openEnvelope,
  sealEnvelope,
} from '../tiers/envelope.ts';
import type { Invalidation } from '../tiers/invalidation.ts';
import { uriOfResourceKey } from '../tiers/resource-key.ts';
import type { Tier, TierEntry, TierListener, TierRead, TierWrite } from '../tiers/tier.ts';
import { checkPrefix, readValueOptions, type TierValueOptions } from '../tiers/value-options.ts';

/** What is asked of a store: a `Keyv`, any of its storage adapters, or a `Map` has it. */
export interface KeyvStoreLike {
  get(key: string): unknown;
  /** @param ttlMs where the store knows of it */
  set(key: string, value: string, ttlMs?: number): unknown;
  getMany?(keys: string[]): unknown;
}

/** Options of `KeyvTier`. */
export interface KeyvTierOptions extends TierValueOptions {
  /** In front of every key; default none. */
  readonly prefix?: string | undefined;
  /** ms that an entry lives at most, and that invalidations are remembered; default 86,400,000 (1 day). */
  readonly maxTtlMs?: number | undefined;
}

interface StoredEntry {
  readonly entry: TierEntry;
  readonly version: number;
}

/**
 * Any Keyv store as second level: a `Keyv`, a storage adapter, or a `Map`.
 *
 * Such stores can do little more than get and set. So invalidations are stamps with the time, one for each
 * URI and tag, which every read asks for too: processes that share a store need clocks that agree, and
 * **a pattern drops everything**. Nobody is told of what others do: first levels serve what they have
 * for up to `l1TtlMs`. `RedisTier` has none of these limits.
 *
 * @example
 * ```ts
 * import Keyv from 'keyv';
 * import { TieredCache } from 'mcp-granary';
 * import { KeyvTier } from 'mcp-granary/keyv';
 * const cache = new TieredCache<string>({ tier: new KeyvTier(new Keyv()) });
 * await cache.set('user://42', 'Ada');
 * cache.close();
 * ```
 */
export class KeyvTier implements Tier {
  readonly #store: KeyvStoreLike;
  readonly #prefix: string;
  readonly #maxTtlMs: number;
  readonly #envelope: EnvelopeOptions;
  readonly #listeners = new Set<TierListener>();
  #lastVersion = 0;

  /**
   * @param store stays open when the tier is closed
   * @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range
   */
  constructor(store: KeyvStoreLike, options?: KeyvTierOptions) {
    const isStore = typeof store?.get === 'function' && typeof store.set === 'function';
    if (!isStore) badOption('store', store, 'a Keyv, or an object with get() and set()');
    const { prefix, maxTtlMs = 86_400_000, ...values } = checkOptions('options', options);
    this.#store = store;
    this.#prefix = checkPrefix(prefix);
    this.#envelope = readValueOptions(values);
    this.#maxTtlMs = checkDurationMs('maxTtlMs', maxTtlMs, 'for ever');
  }

  /** One getMany of entries and stamps, and one more where entries have tags. */
  async getMany(names: readonly string[]): Promise<TierRead> {
    const moment = this.#tick();
    const stamps = [ALL, ...new Set(names.map(stampOfName))];
    const texts = await this.#get([...names.map(envelopeKey), ...stamps]);
    const found = names.flatMap((name, at) => {
      const held = this.#open(texts[at]);
      return held === undefined ? [] : [{ name, ...held }];
    });
    const stampedAt = new Map(
      stamps.map((stamp, at) => [stamp, toVersion(texts[names.length + at])]),
    );
    const tags = [...new Set(found.flatMap(({ entry }) => entry.tags.map(stampOfTag)))];
    const tagTexts = await this.#get(tags);
    for (const [at, stamp] of tags.entries()) stampedAt.set(stamp, toVersion(tagTexts[at]));
    const entries = new Map<string, TierEntry>();
    for (const { name, entry, version } of found) {
      const about = [ALL, stampOfName(name), ...entry.tags.map(stampOfTag)];
      const isValid = about.every((stamp) => (stampedAt.get(stamp) ?? 0) < version);
      if (isValid) entries.set(name, entry);
    }
    return { entries, moment };
  }

  /** One set for each, and one more for each value that was set. */
  async setMany(writes: readonly TierWrite[], by?: TierListener): Promise<readonly string[]> {
    const outcomes = await Promise.all(
      writes.map(async (write) => [write.name, await this.#write(write)] as const),
    );
    const written = outcomes.filter(([, isWritten]) => isWritten).map(([name]) => name);
    if (written.length > 0) this.#tell((listener) => listener.changed(written), by);
    return outcomes.filter(([, isWritten]) => !isWritten).map(([name]) => name);
  }

  /** One set for each. */
  async invalidate(invalidations: readonly Invalidation[], by?: TierListener): Promise<void> {
    const version = this.#tick();
    const stamps = new Set(invalidations.map(stampOf));
    await Promise.all(
      [...stamps].map((stamp) => this.#set(stamp, String(version), this.#maxTtlMs)),
    );
    this.#tell((listener) => listener.invalidated(invalidations), by);
  }

  subscribe(listener: TierListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Leaves the store open. */
  async close(): Promise<void> {
    this.#listeners.clear();
  }

  /** @returns whether it was written, or need not be: not where something newer is held */
  async #write(write: TierWrite): Promise<boolean> {
    const { name, moment, isRepeated = false } = write;
    const bytes = sealEnvelope(write, write.value, this.#envelope);
    let version = Number(moment);
    if (moment === undefined) {
      const stamp = isRepeated ? write.createdAtMs * 1_000 : this.#tick();
      if (isRepeated) {
        const [held] = await this.#get([envelopeKey(name)]);
        if ((this.#open(held)?.version ?? 0) > stamp) return false;
      }
      // Loads that began before it may still write, and must not be found then.
      await this.#set(stampOfName(name), String(stamp), this.#maxTtlMs);
      version = isRepeated ? stamp + 1 : this.#tick();
    }
    if (bytes !== undefined) {
      const text = `${version} ${bytes.toString('base64')}`;
      await this.#set(envelopeKey(name), text, this.#shorter(Math.ceil(write.ttlMs)));
    }
    return true;
  }

  #open(text: unknown): StoredEntry | undefined {
    if (typeof text !== 'string') return undefined;
    const blank = text.indexOf(' ');
    const version = Number(text.slice(0, blank));
    if (blank < 1 || !Number.isFinite(version)) return undefined;
    const entry = openEnvelope(Buffer.from(text.slice(blank + 1), 'base64'), this.#envelope);
    return entry && { entry, version };
  }

  #shorter(ttlMs: number): number {
    return ttlMs === 0 ? this.#maxTtlMs : Math.min(ttlMs, this.#maxTtlMs || ttlMs);
  }

  async #get(keys: readonly string[]): Promise<unknown[]> {
    if (keys.length === 0) return [];
    const full = keys.map((key) => this.#prefix + key);
    if (typeof this.#store.getMany === 'function') {
      return (await this.#store.getMany(full)) as unknown[];
    }
    return Promise.all(full.map((key) => this.#store.get(key)));
  }

  async #set(key: string, value: string, ttlMs: number): Promise<void> {
    const full = this.#prefix + key;
    const told = await (ttlMs === 0
      ? this.#store.set(full, value)
      : this.#store.set(full, value, ttlMs));
    // Keyv swallows the errors of its stores, and tells by this.
    if (told === false) throw new Error('the Keyv store did not take a value');
  }

  /** µs since 1970, never the same twice. */
  #tick(): number {
    this.#lastVersion = Math.max(this.#lastVersion + 1, Date.now() * 1_000);
    return this.#lastVersion;
  }

  #tell(what: (listener: TierListener) => void, but: TierListener | undefined): void {
    for (const listener of [...this.#listeners]) if (listener !== but) what(listener);
  }
}

const ALL = 'invalidated:all';

function stampOf(invalidation: Invalidation): string {
  switch (invalidation.kind) {
    case 'uri':
      return `invalidated:uri:${invalidation.uri}`;
    case 'tag':
      return stampOfTag(invalidation.tag);
    case 'pattern':
    case 'all':
      return ALL;
  }
}

function stampOfTag(tag: string): string {
  return `invalidated:tag:${tag}`;
}

function stampOfName(name: string): string {
  return `invalidated:uri:${uriOfResourceKey(name) ?? name}`;
}

function toVersion(text: unknown): number {
  return typeof text === 'string' ? Number(text) || 0 : 0;
}
