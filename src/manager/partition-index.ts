import { KeyIndex } from '../cache/key-index.ts';
import type { UriPattern } from '../registry/uri-pattern.ts';

/**
 * Which keys of a URI are held or being loaded, public ones apart: those stand under the URI itself.
 *
 * A key is entered when a load of it begins, since an invalidation must reach what is still being
 * loaded, and leaves when its entry does or when its load has ended without one.
 */
export class PartitionIndex {
  readonly #keys = new Map<string, Set<string>>();
  readonly #flights = new Map<string, number>();
  /** Keys whose entries have expired and may be revalidated, with their URIs; oldest first. */
  readonly #retired = new Map<string, string>();
  readonly #isHeld: (key: string) => boolean;
  readonly #unheld: (uri: string, key: string) => void;
  #settled: { uri: string; key: string }[] = [];
  #ordered: KeyIndex | undefined;

  /**
   * @param isHeld whether the cache holds an entry under a key.
   * @param unheld told of a key whose load has ended without one: to be forgotten, or retired
   */
  constructor(
    isHeld: (key: string) => boolean,
    unheld: (uri: string, key: string) => void = (uri, key) => this.forget(uri, key),
  ) {
    this.#isHeld = isHeld;
    this.#unheld = unheld;
  }

  /** How many URIs are indexed. */
  get size(): number {
    return this.#keys.size;
  }

  beginLoad(uri: string, key: string): void {
    this.#flights.set(key, (this.#flights.get(key) ?? 0) + 1);
    this.add(uri, key);
  }

  /** The loader is done; whether its value is kept shows once the cache has had its turn. */
  endLoad(uri: string, key: string): void {
    if (this.#settled.push({ uri, key }) === 1) setImmediate(() => this.#settle());
  }

  add(uri: string, key: string): void {
    this.#retired.delete(key);
    const keys = this.#keys.get(uri);
    if (keys !== undefined) {
      keys.add(key);
      return;
    }
    this.#keys.set(uri, new Set([key]));
    this.#ordered?.add(uri);
    if (this.#ordered?.isExhausted(this.#keys.size)) this.#ordered = undefined;
  }

  /**
   * The entry under a key has expired, and is kept to be revalidated. That nobody tells the end of: there
   * are no more of them than the cache may hold entries.
   */
  retire(uri: string, key: string, most: number): void {
    this.add(uri, key);
    this.#retired.set(key, uri);
    for (const [oldest, of] of this.#retired) {
      if (this.#retired.size <= most) return;
      this.forget(of, oldest);
      this.#retired.delete(oldest);
    }
  }

  /** The entry under a key is gone. */
  forget(uri: string, key: string): void {
    this.#retired.delete(key);
    if (this.#flights.has(key)) return;
    const keys = this.#keys.get(uri);
    keys?.delete(key);
    if (keys?.size === 0) this.#keys.delete(uri);
  }

  keysOf(uri: string): readonly string[] {
    return [...(this.#keys.get(uri) ?? [])];
  }

  /** A prefix or a template looks at the URIs that begin as it does, a RegExp at all. */
  keysMatching(pattern: UriPattern): readonly string[] {
    if (pattern.kind === 'exact') return this.keysOf(pattern.prefix);
    return this.#candidates(pattern)
      .filter((uri) => pattern.matches(uri))
      .flatMap((uri) => this.keysOf(uri));
  }

  /** Whether a pattern would match a key, taken whole, although it does not match the key's URI. */
  hasStray(pattern: UriPattern): boolean {
    return this.#candidates(pattern).some(
      (uri) => !pattern.matches(uri) && this.keysOf(uri).some((key) => pattern.matches(key)),
    );
  }

  #candidates(pattern: UriPattern): string[] {
    if (pattern.prefix === '') return [...this.#keys.keys()];
    this.#ordered ??= new KeyIndex(this.#keys.keys());
    return this.#ordered.withPrefix(pattern.prefix, (uri) => this.#keys.has(uri));
  }

  #settle(): void {
    const settled = this.#settled;
    this.#settled = [];
    for (const { uri, key } of settled) {
      const flights = (this.#flights.get(key) ?? 1) - 1;
      if (flights > 0) this.#flights.set(key, flights);
      else {
        this.#flights.delete(key);
        if (!this.#isHeld(key)) this.#unheld(uri, key);
      }
    }
  }
}
