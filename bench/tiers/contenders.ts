/** Where the processes of a contender meet. */
export interface TierPlace {
  readonly redisPort: number;
  /** In front of every key of a run. */
  readonly prefix: string;
}

/** A cache of two levels as one process has it open. */
export interface TierUse {
  /** The cached value, else the loader's, as the contender's users would do it. */
  load(key: string, loader: () => Promise<string>): Promise<string | undefined>;
  set(key: string, value: string): Promise<unknown>;
  invalidate(key: string): Promise<unknown>;
  /** Does what it has put off. */
  settle?(): Promise<void>;
  close(): Promise<unknown>;
}

/** One way to cache in memory and in Redis. A process loads no other's package. */
export type TierContender = (place: TierPlace) => Promise<TierUse>;

const HOST = '127.0.0.1';
const MAX_ENTRIES = 50_000;
const L1_TTL_MS = 60_000;
const TTL_MS = 900_000;

async function granary({ redisPort, prefix }: TierPlace): Promise<TierUse> {
  const { TieredCache } = await import('mcp-granary');
  const { RedisTier } = await import('mcp-granary/redis');
  const tier = new RedisTier({ url: `redis://${HOST}:${redisPort}`, prefix });
  const cache = new TieredCache<string>({ tier, maxEntries: MAX_ENTRIES });
  return {
    load: (key, loader) => cache.load(key, loader),
    set: (key, value) => cache.set(key, value),
    invalidate: (key) => cache.invalidate(key),
    settle: () => cache.flush(),
    close: async () => {
      cache.close();
      await tier.close();
    },
  };
}

async function bentocache({ redisPort, prefix }: TierPlace): Promise<TierUse> {
  const { BentoCache, bentostore } = await import('bentocache');
  const { memoryDriver } = await import('bentocache/drivers/memory');
  const { redisBusDriver, redisDriver } = await import('bentocache/drivers/redis');
  const connection = { host: HOST, port: redisPort };
  const cache = new BentoCache({
    default: 'tiers',
    prefix,
    ttl: TTL_MS,
    stores: {
      tiers: bentostore()
        // By default it keeps text; with `serialize: false` a crowd of 1.6.1 fails.
        .useL1Layer(memoryDriver({ maxItems: MAX_ENTRIES }))
        .useL2Layer(redisDriver({ connection }))
        .useBus(redisBusDriver({ connection })),
    },
  });
  return {
    load: (key, loader) => cache.getOrSet({ key, factory: loader }),
    set: (key, value) => cache.set({ key, value }),
    invalidate: (key) => cache.delete({ key }),
    close: () => cache.disconnectAll(),
  };
}

async function cacheable({ redisPort, prefix }: TierPlace): Promise<TierUse> {
  const { Cacheable, Keyv } = await import('cacheable');
  const { default: KeyvRedis } = await import('@keyv/redis');
  const { RedisMessageProvider } = await import('@qified/redis');
  const uri = `redis://${HOST}:${redisPort}`;
  const { KeyvCacheableMemory } = await import('@cacheable/memory');
  const provider = new RedisMessageProvider({ uri });
  const cache = new Cacheable({
    namespace: prefix,
    primary: new Keyv({ store: new KeyvCacheableMemory({ ttl: L1_TTL_MS, lruSize: MAX_ENTRIES }) }),
    secondary: new KeyvRedis(uri),
    ttl: TTL_MS,
    sync: { qified: provider },
  });
  return {
    load: (key, loader) => cache.getOrSet(key, loader),
    set: (key, value) => cache.set(key, value),
    invalidate: (key) => cache.delete(key),
    close: async () => {
      await provider.disconnect();
      await cache.disconnect();
    },
  };
}

/** It tells no other process of anything. */
async function cacheManager({ redisPort, prefix }: TierPlace): Promise<TierUse> {
  const { createCache } = await import('cache-manager');
  const { KeyvCacheableMemory } = await import('@cacheable/memory');
  const { Keyv } = await import('keyv');
  const { default: KeyvRedis } = await import('@keyv/redis');
  const memory = new KeyvCacheableMemory({ ttl: L1_TTL_MS, lruSize: MAX_ENTRIES });
  const cache = createCache({
    stores: [
      new Keyv({ store: memory }),
      new Keyv({ store: new KeyvRedis(`redis://${HOST}:${redisPort}`), namespace: prefix }),
    ],
    ttl: TTL_MS,
  });
  return {
    load: (key, loader) => cache.wrap(key, loader),
    set: (key, value) => cache.set(key, value),
    invalidate: (key) => cache.del(key),
    close: () => cache.disconnect(),
  };
}

async function layeredLoader({ redisPort, prefix }: TierPlace): Promise<TierUse> {
  const { createNotificationPair, Loader, RedisCache } = await import('layered-loader');
  const { Redis } = await import('ioredis');
  const connection = { host: HOST, port: redisPort };
  const redis = new Redis(connection);
  const { publisher, consumer } = createNotificationPair<string>({
    channel: `${prefix}changes`,
    publisherRedis: new Redis(connection),
    consumerRedis: new Redis(connection),
  });
  const cache = new Loader<string, { key: string; loader: () => Promise<string> }>({
    inMemoryCache: { cacheType: 'lru-map', ttlInMsecs: L1_TTL_MS, maxItems: MAX_ENTRIES },
    asyncCache: new RedisCache<string>(redis, { prefix, ttlInMsecs: TTL_MS }),
    cacheKeyFromLoadParamsResolver: ({ key }) => key,
    dataSourceGetOneFn: ({ loader }) => loader(),
    notificationPublisher: publisher,
    notificationConsumer: consumer,
  });
  await cache.init();
  return {
    load: async (key, loader) => (await cache.get({ key, loader })) ?? undefined,
    set: (key, value) => cache.forceSetValue(key, value),
    invalidate: (key) => cache.invalidateCacheFor(key),
    close: async () => {
      await cache.close();
      redis.disconnect();
    },
  };
}

/** By name. */
export const CONTENDERS: ReadonlyMap<string, TierContender> = new Map([
  ['granary', granary],
  ['bentocache', bentocache],
  ['cacheable', cacheable],
  ['cache-manager', cacheManager],
  ['layered-loader', layeredLoader],
]);
