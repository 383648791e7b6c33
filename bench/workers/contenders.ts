/** Where a contender finds what its threads share. */
export interface SharedPlace {
  /** Of a named store. */
  readonly name: string;
  /** Empty, for a database. */
  readonly folder: string;
  /** Of a Redis on loopback. */
  readonly redisPort: number;
}

/** A look-up that waits for nobody. */
export interface Lookup {
  get(key: string): string | undefined;
}

/** A cache as one thread has it open. */
export interface ThreadCache {
  /** Where a look-up waits for nobody: what does it, so that nothing stands between. */
  readonly lookup?: Lookup;
  get(key: string): string | undefined | Promise<string | undefined>;
  set(key: string, value: string): void | Promise<unknown>;
  invalidate(key: string): void | Promise<unknown>;
  /** The cached value, else the loader's, as the contender's users would do it. */
  load(key: string, loader: () => Promise<string>): Promise<string>;
  /** Does what it has put off. */
  settle?(): void;
  close(): void | Promise<void>;
}

/** One way for threads to cache. A thread loads no other's package: that would cost time and memory. */
export interface Contender {
  /** @param maxEntries what it must have room for */
  open(place: SharedPlace, maxEntries: number): Promise<ThreadCache>;
  /** Forgets what a former run has left. */
  empty?(place: SharedPlace): Promise<void>;
  /** Resident bytes of what runs beside the process of the threads. */
  serverBytes?(place: SharedPlace): Promise<number>;
}

const TTL_MS = 900_000;
const MAX_BYTES = 2 ** 28;
const LMDB_MAP_BYTES = 2 ** 30;
const PX = { expiration: { type: 'PX', value: TTL_MS } } as const;

const granaryNative: Contender = {
  async open({ name }, maxEntries) {
    const { ResourceCache } = await import('mcp-granary');
    const cache = new ResourceCache<string>({
      storage: 'native',
      name,
      maxEntries,
      maxBytes: MAX_BYTES,
    });
    return {
      lookup: cache,
      get: (key) => cache.get(key),
      set: (key, value) => cache.set(key, value),
      invalidate: (key) => void cache.invalidate(key),
      load: (key, loader) => cache.load(key, loader),
      settle: () => cache.sync(),
      close: () => cache.close(),
    };
  },
};

/** Each thread has its own. */
const lruCache: Contender = {
  async open(_, max) {
    const { LRUCache } = await import('lru-cache');
    const cache = new LRUCache<string, string, () => Promise<string>>({
      max,
      ttl: TTL_MS,
      fetchMethod: (_key, _stale, { context: loader }) => loader(),
    });
    return {
      lookup: cache,
      get: (key) => cache.get(key),
      set: (key, value) => void cache.set(key, value),
      invalidate: (key) => void cache.delete(key),
      load: (key, loader) => cache.forceFetch(key, { context: loader }),
      close: () => cache.clear(),
    };
  },
};

/** A get, then a set on a miss: what has no read-through of its own. */
function readThrough(get: ThreadCache['get'], set: ThreadCache['set']): ThreadCache['load'] {
  return async (key, loader) => {
    const cached = await get(key);
    if (cached !== undefined) return cached;
    const value = await loader();
    await set(key, value);
    return value;
  };
}

/** One database that all threads map; nothing waits for the disk, as it is a cache. */
const lmdb: Contender = {
  async open({ folder }) {
    const { open } = await import('lmdb');
    const database = open<string, string>({
      path: folder,
      encoding: 'string',
      mapSize: LMDB_MAP_BYTES,
      noSync: true,
    });
    const get = (key: string) => database.get(key);
    // When it returns, others see it: `put` would tell so by a promise.
    const set = (key: string, value: string) => database.putSync(key, value);
    return {
      lookup: database,
      get,
      set,
      invalidate: (key) => void database.removeSync(key),
      load: readThrough(get, set),
      close: () => database.close(),
    };
  },
};

async function redisClient({ redisPort }: SharedPlace) {
  const { createClient } = await import('redis');
  const client = createClient({ socket: { host: '127.0.0.1', port: redisPort } });
  // Without a listener the error of a connection that is cut would end the process untold.
  client.on('error', (error: Error) => console.error(`redis: ${error.message}`));
  await client.connect();
  return client;
}

const redis: Contender = {
  async open(place) {
    const client = await redisClient(place);
    const get = async (key: string) => (await client.get(key)) ?? undefined;
    const set = (key: string, value: string) => client.set(key, value, PX);
    return {
      get,
      set,
      invalidate: (key) => client.del(key),
      load: readThrough(get, set),
      close: () => client.close(),
    };
  },
  async empty(place) {
    const client = await redisClient(place);
    await client.flushAll();
    await client.close();
  },
  async serverBytes(place) {
    const client = await redisClient(place);
    const memory = await client.info('memory');
    await client.close();
    return Number(/^used_memory_rss:(\d+)/m.exec(memory)?.[1]);
  },
};

/** By name. */
export const CONTENDERS: ReadonlyMap<string, Contender> = new Map([
  ['granary-native', granaryNative],
  ['lru-cache', lruCache],
  ['lmdb', lmdb],
  ['redis', redis],
]);
