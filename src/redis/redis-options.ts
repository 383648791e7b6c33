import type { RedisClientOptions, RedisClusterOptions, RedisSentinelOptions } from 'redis';

import type { Logger } from '../logger.ts';
import { badOption, checkInteger, checkOptions } from '../options.ts';
import type { EnvelopeOptions } from '../tiers/envelope.ts';
import { checkPrefix, readValueOptions, type TierValueOptions } from '../tiers/value-options.ts';

/** What is asked of a client of node-redis: a client, a pool, a cluster or a sentinel has it. */
export interface RedisClientLike {
  readonly isOpen: boolean;
  /** A pool has none. */
  readonly isReady?: boolean;
  connect(): Promise<unknown>;
  duplicate?(options: object): object;
  withTypeMapping(mapping: Readonly<Record<number, unknown>>): object;
  on(event: string, listener: (cause?: unknown) => void): unknown;
  off(event: string, listener: (cause?: unknown) => void): unknown;
}

/** Options of `RedisTier`: where Redis is, and how entries are laid out there. */
export interface RedisTierOptions extends TierValueOptions {
  /** `redis://…`, or `rediss://…` for TLS; default `redis://localhost:6379`. */
  readonly url?: string | undefined;
  /** More of node-redis' options for a client: socket and TLS, user, password, database. */
  readonly clientOptions?: Omit<RedisClientOptions, 'url'> | undefined;
  /** A client, cluster or sentinel of your own, which `close` leaves open; in place of `url`. */
  readonly client?: RedisClientLike | undefined;
  /** node-redis' options for a cluster; in place of `url`. */
  readonly cluster?: RedisClusterOptions | undefined;
  /** node-redis' options for sentinels; in place of `url`. */
  readonly sentinel?: RedisSentinelOptions | undefined;
  /** In front of every key; default none. All processes with one prefix share entries. */
  readonly prefix?: string | undefined;
  /**
   * Whether Redis tells this process what others change, over one more connection to each server that
   * is written to (client tracking, mode BCAST): then memory drops it within milliseconds. Default true.
   * Sentinels that are given as `client` do not tell how their master is reached: there memory learns
   * of it with the next read.
   */
  readonly tracking?: boolean | undefined;
  /**
   * How many replicas must have an invalidation before it counts as told (WAIT): so many masters may be
   * lost then without it. Default 0; 1 where there are replicas, as in a cluster with failover. One that
   * fewer have after `replicasTimeoutMs` is repeated until as many have it; where fewer are connected,
   * those will do.
   */
  readonly replicas?: number | undefined;
  /** ms at most that an invalidation waits for replicas; default 500. */
  readonly replicasTimeoutMs?: number | undefined;
  /** Invalidations that Redis and each process remember; default 10,000. */
  readonly maxInvalidations?: number | undefined;
  /** Gets what an operator may want to know: connections lost and regained. */
  readonly logger?: Logger | undefined;
}

/** Options after the checks. */
export interface RedisTierSettings {
  readonly url: string;
  readonly clientOptions: Omit<RedisClientOptions, 'url'>;
  readonly client: RedisClientLike | undefined;
  readonly cluster: RedisClusterOptions | undefined;
  readonly sentinel: RedisSentinelOptions | undefined;
  readonly prefix: string;
  readonly envelope: EnvelopeOptions;
  readonly tracking: boolean;
  readonly maxInvalidations: number;
  readonly replicas: number;
  readonly replicasTimeoutMs: number;
  readonly logger: Logger | undefined;
}

const DEFAULT_URL = 'redis://localhost:6379';
/** More than are sent in one piece. */
const FEWEST_INVALIDATIONS = 2_000;

const MOST_REPLICAS = 100;

/** @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range */
export function readRedisOptions(options: RedisTierOptions | undefined): RedisTierSettings {
  const {
    url,
    clientOptions,
    client,
    cluster,
    sentinel,
    prefix,
    tracking = true,
    maxInvalidations = 10_000,
    replicas = 0,
    replicasTimeoutMs = 500,
    logger,
    ...values
  } = checkOptions('options', options);
  checkOne({ url, client, cluster, sentinel });
  checkUrl(url);
  if (clientOptions !== undefined && (client ?? cluster ?? sentinel) !== undefined) {
    badOption('clientOptions', clientOptions, 'left out where url is not used');
  }
  if (typeof tracking !== 'boolean') badOption('tracking', tracking, 'true or false');
  if (client !== undefined) checkClient(client);
  return {
    url: url ?? DEFAULT_URL,
    clientOptions: checkOptions('clientOptions', clientOptions),
    client,
    cluster,
    sentinel,
    prefix: checkPrefix(prefix),
    envelope: readValueOptions(values),
    tracking,
    maxInvalidations: checkInteger(
      'maxInvalidations',
      maxInvalidations,
      FEWEST_INVALIDATIONS,
      1_000_000,
    ),
    replicas: checkInteger('replicas', replicas, 0, MOST_REPLICAS),
    replicasTimeoutMs: checkInteger('replicasTimeoutMs', replicasTimeoutMs, 1, 60_000),
    logger,
  };
}

function checkOne(places: Readonly<Record<string, unknown>>): void {
  const given = Object.keys(places).filter((name) => places[name] !== undefined);
  const [first, second] = given;
  if (second !== undefined) badOption(second, places[second], `left out where ${first} is given`);
}

function checkUrl(url: unknown): void {
  if (url === undefined) return;
  const isUrl = typeof url === 'string' && /^(rediss?|unix):\/\//.test(url);
  // It may hold a password: the message says only what kind of thing it was.
  if (!isUrl) badOption('url', typeof url, 'a URL that begins with redis://, rediss:// or unix://');
}

function checkClient(client: RedisClientLike): void {
  const methods = ['connect', 'withTypeMapping', 'on', 'off'] as const;
  const isClient =
    typeof client === 'object' &&
    client !== null &&
    methods.every((method) => typeof client[method] === 'function');
  if (!isClient) badOption('client', client, 'a client, cluster or sentinel of node-redis 6');
}
