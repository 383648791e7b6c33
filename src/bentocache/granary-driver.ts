import {
  AdaptedCache,
  type AdapterOptions,
  readAdapterOptions,
} from '../adapters/adapted-cache.ts';
import { badOption, checkOneOf, checkOptions } from '../options.ts';
import { GranaryL1Driver } from './granary-l1-driver.ts';
import { GranaryL2Driver } from './granary-l2-driver.ts';

/** Options of `granaryDriver`: a cache, or those of one that it makes, and what BentoCache asks for. */
export interface GranaryDriverOptions extends AdapterOptions {
  /** Which level of the store the driver is for; default `l1`. */
  readonly layer?: 'l1' | 'l2' | undefined;
  /** Begins every key, in place of BentoCache's own prefix. */
  readonly prefix?: string | undefined;
  /**
   * As of BentoCache's memory driver; default true. False: objects, not their text, as storage `heap`
   * holds them by reference and storage `native` freezes or copies them.
   */
  readonly serialize?: boolean | undefined;
}

/** What BentoCache reads of the options by itself. */
interface SharedOptions {
  readonly prefix?: string;
  readonly serialize: boolean;
}

/** What `useL1Layer` and `useL2Layer` of BentoCache take. */
export interface GranaryDriverFactory<Driver extends GranaryL1Driver | GranaryL2Driver> {
  readonly options: SharedOptions;
  /** Called by BentoCache, with the prefix that its keys have. */
  factory(config?: { readonly prefix?: string }): Driver;
}

/**
 * A `ResourceCache` as a driver of BentoCache: as first level in place of its memory driver, or, with
 * `layer: 'l2'`, below a smaller one. With `storage: 'native'` and a `name` the threads of a process
 * share it: as a first level it needs no bus, since the next read in each thread sees what another has
 * set; as a second level it does, as any other.
 *
 * Each driver makes a cache of its own unless `cache` is given.
 *
 * @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range
 *
 * @example
 * ```ts
 * import { BentoCache, bentostore } from 'bentocache';
 * import { granaryDriver } from 'mcp-granary/bentocache';
 * const driver = granaryDriver({ maxEntries: 10_000, maxBytes: 50_000_000 });
 * const bento = new BentoCache({ default: 'main', stores: { main: bentostore().useL1Layer(driver) } });
 * console.log(await bento.getOrSet({ key: 'user:42', factory: () => 'Ada', ttl: '1m' })); // Ada
 * ```
 */
export function granaryDriver(
  options?: GranaryDriverOptions & { readonly layer?: 'l1' | undefined },
): GranaryDriverFactory<GranaryL1Driver>;
export function granaryDriver(
  options: GranaryDriverOptions & { readonly layer: 'l2' },
): GranaryDriverFactory<GranaryL2Driver>;
export function granaryDriver(
  options?: GranaryDriverOptions,
): GranaryDriverFactory<GranaryL1Driver | GranaryL2Driver> {
  const { layer = 'l1', prefix, serialize = true, ...rest } = checkOptions('options', options);
  checkOneOf('layer', layer, ['l1', 'l2']);
  if (prefix !== undefined && typeof prefix !== 'string') badOption('prefix', prefix, 'a string');
  if (typeof serialize !== 'boolean') badOption('serialize', serialize, 'true or false');
  const adapterOptions = readAdapterOptions(rest);
  return {
    // BentoCache lays these over its own: one that is there without a value would take its place.
    options: prefix === undefined ? { serialize } : { serialize, prefix },
    factory(config) {
      const adapted = new AdaptedCache(adapterOptions);
      const driver = new GranaryL1Driver(adapted, config?.prefix ?? prefix ?? '', true);
      return layer === 'l1' ? driver : new GranaryL2Driver(driver);
    },
  };
}
