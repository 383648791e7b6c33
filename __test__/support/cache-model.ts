import type { Clock } from '../../src/clock.ts';
import type { SetOptions } from '../../src/cache/loader.ts';

/** What an entry of the model is; the newest-used entry stands last in the map. */
interface ModelEntry<V> {
  value: V;
  weight: number;
  born: number;
  accessedAt: number;
  accessCount: number;
  ttlMs: number;
  idleTtlMs: number;
  tags: readonly string[];
  /** Place in the order of iteration: when the URI became resident. */
  entered: number;
}

export interface ModelSettings {
  maxEntries: number;
  maxBytes: number;
  ttlMs: number;
  idleTtlMs: number;
}

/**
 * The contract of a `ResourceCache` in exact LRU order, as a plain Map and a look at every entry.
 *
 * Slow and obvious on purpose: what it does is what the documentation says, not how the cache does
 * it. `events` has the form of `EventLog.takeTitles`.
 */
export class CacheModel<V> {
  readonly #settings: ModelSettings;
  readonly #clock: Clock;
  #entries = new Map<string, ModelEntry<V>>();
  #events: string[] = [];
  #entered = 0;

  constructor(settings: ModelSettings, clock: Clock) {
    this.#settings = { ...settings };
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  get weightBytes(): number {
    return [...this.#entries.values()].reduce((sum, { weight }) => sum + weight, 0);
  }

  takeEvents(): string[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  get(uri: string): V | undefined {
    const entry = this.#living(uri);
    if (entry === undefined) return undefined;
    this.#use(uri, entry);
    entry.accessCount++;
    this.#events.push(`accessed ${uri}`);
    return entry.value;
  }

  peek(uri: string): V | undefined {
    return this.#living(uri)?.value;
  }

  has(uri: string): boolean {
    return this.peek(uri) !== undefined;
  }

  set(uri: string, value: V, options: SetOptions & { weightBytes: number }): void {
    this.#store(uri, value, options, false);
  }

  async load(
    uri: string,
    loader: () => V,
    options: SetOptions & { weightBytes: number },
  ): Promise<V> {
    const cached = this.get(uri);
    if (cached !== undefined) return cached;
    const value = loader();
    this.#store(uri, value, options, true);
    this.#events.push(`accessed ${uri}`);
    return value;
  }

  invalidate(uri: string): boolean {
    if (this.#living(uri) === undefined) return false;
    this.#leave(uri, 'invalidated');
    return true;
  }

  invalidateWhere(matches: (uri: string) => boolean): number {
    const uris = [...this.#entries.keys()].filter(matches);
    return uris.filter((uri) => this.invalidate(uri)).length;
  }

  invalidateTag(tag: string): number {
    return this.invalidateWhere((uri) => this.#entries.get(uri)!.tags.includes(tag));
  }

  clear(): void {
    this.invalidateWhere(() => true);
  }

  cleanupExpired(): number {
    const uris = [...this.#entries.keys()];
    return uris.filter((uri) => this.#living(uri) === undefined).length;
  }

  sync(): void {
    this.cleanupExpired();
  }

  resize(bounds: { maxEntries?: number; maxBytes?: number }): void {
    Object.assign(this.#settings, bounds);
    // What is now too large goes first, so that nothing else goes for it.
    for (const [uri, { weight }] of [...this.#entries]) {
      if (weight > this.#settings.maxBytes) this.#leave(uri, 'evicted', 'resize');
    }
    this.#trim('resize');
  }

  info(uri: string): Record<string, unknown> | undefined {
    const entry = this.#living(uri);
    if (entry === undefined) return undefined;
    const deadline = this.#deadlineOf(entry);
    return {
      createdAtMs: entry.born,
      lastAccessedAtMs: entry.accessedAt,
      accessCount: entry.accessCount,
      weightBytes: entry.weight,
      expiresAtMs: deadline === Infinity ? undefined : deadline,
      tags: entry.tags,
    };
  }

  entries(): [string, V][] {
    this.cleanupExpired();
    return [...this.#entries]
      .sort(([, a], [, b]) => a.entered - b.entered)
      .map(([uri, { value }]) => [uri, value]);
  }

  #store(
    uri: string,
    value: V,
    options: SetOptions & { weightBytes: number },
    loaded: boolean,
  ): void {
    const former = this.#living(uri);
    if (options.weightBytes > this.#settings.maxBytes) {
      this.#entries.delete(uri);
      this.#events.push(`evicted ${uri} (too-large)`);
      return;
    }
    if (loaded) this.#events.push(`loaded ${uri}`);
    const now = this.#clock.now();
    const entry: ModelEntry<V> = {
      value,
      weight: options.weightBytes,
      born: now,
      accessedAt: now,
      accessCount: 0,
      ttlMs: options.ttlMs ?? this.#settings.ttlMs,
      idleTtlMs: options.idleTtlMs ?? this.#settings.idleTtlMs,
      tags: options.tags ?? [],
      entered: former?.entered ?? this.#entered++,
    };
    this.#use(uri, entry);
    this.#trim('size');
  }

  #use(uri: string, entry: ModelEntry<V>): void {
    entry.accessedAt = this.#clock.now();
    this.#entries.delete(uri);
    this.#entries.set(uri, entry);
  }

  #trim(cause: string): void {
    const { maxEntries, maxBytes } = this.#settings;
    while (this.size > maxEntries || this.weightBytes > maxBytes) {
      const [oldest] = this.#entries.keys();
      this.#leave(oldest!, 'evicted', cause);
    }
  }

  #living(uri: string): ModelEntry<V> | undefined {
    const entry = this.#entries.get(uri);
    if (entry === undefined || this.#clock.now() <= this.#deadlineOf(entry)) return entry;
    this.#leave(uri, 'expired');
    return undefined;
  }

  #deadlineOf({ ttlMs, idleTtlMs, born, accessedAt }: ModelEntry<V>): number {
    return Math.min(
      ttlMs === 0 ? Infinity : born + ttlMs,
      idleTtlMs === 0 ? Infinity : accessedAt + idleTtlMs,
    );
  }

  #leave(uri: string, event: string, cause?: string): void {
    this.#entries.delete(uri);
    this.#events.push(cause === undefined ? `${event} ${uri}` : `${event} ${uri} (${cause})`);
  }
}
