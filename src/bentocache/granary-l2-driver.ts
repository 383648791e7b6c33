import type { ResourceCache } from '../cache/resource-cache.ts';
import type { GranaryL1Driver } from './granary-l1-driver.ts';

/**
 * A `ResourceCache` as the second level of a BentoCache store: what `granaryDriver` makes of
 * `layer: 'l2'`. The same as a first level, with promises.
 */
export class GranaryL2Driver {
  readonly type = 'l2';
  /** Where the entries are, for `stats()`, events and invalidation. */
  readonly cache: ResourceCache;
  readonly #driver: GranaryL1Driver;

  /** Use `granaryDriver`. */
  constructor(driver: GranaryL1Driver) {
    this.cache = driver.cache;
    this.#driver = driver;
  }

  /** As `GranaryL1Driver.namespace`. */
  namespace(namespace: string): GranaryL2Driver {
    return new GranaryL2Driver(this.#driver.namespace(namespace));
  }

  /** As `GranaryL1Driver.get`. */
  async get(key: string): Promise<string | undefined> {
    return this.#driver.get(key);
  }

  /** As `GranaryL1Driver.pull`. */
  async pull(key: string): Promise<string | undefined> {
    return this.#driver.pull(key);
  }

  /** As `GranaryL1Driver.set`. */
  async set(key: string, value: string, ttl?: number): Promise<boolean> {
    return this.#driver.set(key, value, ttl);
  }

  /** As `GranaryL1Driver.clear`. */
  async clear(): Promise<void> {
    this.#driver.clear();
  }

  /** As `GranaryL1Driver.delete`. */
  async delete(key: string): Promise<boolean> {
    return this.#driver.delete(key);
  }

  /** As `GranaryL1Driver.deleteMany`. */
  async deleteMany(keys: string[]): Promise<boolean> {
    return this.#driver.deleteMany(keys);
  }

  /** As `GranaryL1Driver.prune`. */
  async prune(): Promise<void> {
    this.#driver.prune();
  }

  /** As `GranaryL1Driver.disconnect`. */
  async disconnect(): Promise<void> {
    this.#driver.disconnect();
  }
}
