import type { RedisClientType } from 'redis';

import { importRedis } from './redis-peer.ts';
import type { RedisClientLike, RedisTierSettings } from './redis-options.ts';
import type { TrackingClient } from './redis-tracking.ts';

/** A server of which changes are told. */
export interface TrackedServer {
  /** The same for the same server. */
  readonly id: string;
  /** @returns a client of its own, not connected, that tells what the server says of changes */
  open(): Promise<TrackingClient>;
}

/** All servers that entries may be written to, as far as is known now; of a cluster, every master. */
export type ServerFinder = () => readonly TrackedServer[];

/** A connection that is lost without a word is found out by this. */
const TOLD = { emitInvalidate: true, pingInterval: 2_000, disableOfflineQueue: true } as const;

/** The only server there is. */
const ONLY = 'the only one';

type Duplicable = Pick<RedisClientType, 'duplicate'>;

/** A cluster of node-redis. */
interface ClusterLike {
  readonly masters: readonly { readonly address: string }[];
  nodeClient(node: object): Promise<Duplicable>;
}

interface SentinelLike {
  getMasterNode(): { readonly host: string; readonly port: number } | undefined;
}

interface PoolLike {
  execute<T>(run: (client: Duplicable) => T): Promise<T>;
}

/**
 * @param client that is used for everything else
 * @returns `undefined` for sentinels of the user's own: how to reach their master they do not tell
 */
export async function trackedServers(
  client: RedisClientLike,
  settings: RedisTierSettings,
): Promise<ServerFinder | undefined> {
  const { url, clientOptions, sentinel } = settings;
  const redis = await importRedis();
  if (isCluster(client)) {
    return () =>
      client.masters.map((node) => ({
        id: node.address,
        open: async () => told(await client.nodeClient(node)),
      }));
  }
  if (isSentinel(client)) {
    if (sentinel === undefined) return undefined;
    const { nodeClientOptions } = sentinel;
    return () => {
      const master = client.getMasterNode();
      if (master === undefined) return [];
      const { host, port } = master;
      const options = {
        ...nodeClientOptions,
        ...TOLD,
        socket: { ...nodeClientOptions?.socket, host, port },
      } as Parameters<typeof redis.createClient>[0];
      const open = async () => redis.createClient(options) as unknown as TrackingClient;
      return [{ id: `${host}:${port}`, open }];
    };
  }
  if (settings.client === undefined) {
    const options = { ...clientOptions, ...TOLD, url };
    return only(async () => redis.createClient(options));
  }
  if (isPool(client)) return only(() => client.execute(told));
  return only(async () => told(client as unknown as Duplicable));
}

function only(open: () => Promise<TrackingClient>): ServerFinder {
  const servers = [{ id: ONLY, open }];
  return () => servers;
}

function told(client: Duplicable): TrackingClient {
  return client.duplicate(TOLD);
}

function isCluster(client: object): client is ClusterLike {
  return 'masters' in client && 'nodeClient' in client;
}

function isSentinel(client: object): client is SentinelLike {
  return 'getMasterNode' in client;
}

function isPool(client: object): client is PoolLike {
  return 'execute' in client && !('socketEpoch' in client);
}
