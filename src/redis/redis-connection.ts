import { Buffer } from 'node:buffer';

import { describeError } from '../describe-value.ts';
import { GranaryError } from '../errors.ts';
import { overOneConnection } from './one-connection.ts';
import { importRedis } from './redis-peer.ts';
import type { RedisClientLike, RedisTierSettings } from './redis-options.ts';
import type { RedisScript } from './redis-scripts.ts';
import { type ServerFinder, trackedServers } from './tracked-servers.ts';

/** Keys and arguments of a script. */
export interface ScriptCall {
  readonly keys: readonly string[];
  readonly arguments: readonly (string | Buffer)[];
}

/** The commands that are used, of whatever kind of client, which answers with bytes. */
interface Commands {
  mGet(keys: readonly string[]): Promise<(Buffer | null)[]>;
  unlink(keys: readonly string[]): Promise<unknown>;
  getRange(key: string, start: number, end: number): Promise<Buffer>;
  evalSha(sha1: string, call: ScriptCall): Promise<unknown>;
  eval(source: string, call: ScriptCall): Promise<unknown>;
}

/** A node of a cluster that is away so long may have been replaced: it is asked who has taken over. */
const LOST_NODE_MS = 500;

interface OpenClient {
  readonly client: RedisClientLike & { destroy?(): unknown };
  readonly commands: Commands;
  readonly isCluster: boolean;
  /** Settled once it is known whether the first connection came about. */
  connecting: Promise<unknown> | undefined;
}

/** What is told of a connection. */
export interface ConnectionListener {
  connected(): void;
  disconnected(cause: unknown): void;
}

/** One client of node-redis, opened when it is first used; what it says of itself is told once. */
export class RedisConnection {
  readonly #settings: RedisTierSettings;
  readonly #listener: ConnectionListener;
  #opening: Promise<OpenClient> | undefined;
  /** What is told once it is open, or is not. */
  #isConnected: boolean | undefined;
  #isClosed = false;

  constructor(settings: RedisTierSettings, listener: ConnectionListener) {
    this.#settings = settings;
    this.#listener = listener;
  }

  /**
   * @returns whether this is a cluster: then keys of one call need not be in one place
   * @throws (rejects with) `ERR_GRANARY_CLOSED`, `ERR_GRANARY_MISSING_PEER`, or what node-redis says
   */
  async connect(): Promise<{ readonly isCluster: boolean }> {
    return this.#opened();
  }

  async mGet(keys: readonly string[]): Promise<(Buffer | null)[]> {
    const { commands } = await this.#opened();
    return this.#heard(commands.mGet(keys));
  }

  async unlink(keys: readonly string[]): Promise<void> {
    const { commands } = await this.#opened();
    await this.#heard(commands.unlink(keys));
  }

  /** @returns the first bytes of each value, as text */
  async heads(keys: readonly string[], length: number): Promise<string[]> {
    const { commands } = await this.#opened();
    const replies = keys.map((key) => commands.getRange(key, 0, length - 1));
    return (await this.#heard(Promise.all(replies))).map((bytes) => bytes.toString('latin1'));
  }

  /**
   * @returns who tells of changes, as soon as anybody is known; `undefined` where that cannot be found out
   * @throws (rejects with) `ERR_GRANARY_CLOSED`, `ERR_GRANARY_MISSING_PEER`
   */
  async trackedServers(): Promise<ServerFinder | undefined> {
    if (this.#isClosed) throw closedError();
    this.#opening ??= this.#makeClient();
    const { client } = await this.#opening;
    // A cluster and sentinels know nobody before; whoever reads next is told why that fails.
    await this.#opened().catch(() => {});
    return trackedServers(client, this.#settings);
  }

  /** Sends a script by its hash, and by its text where Redis does not know it yet. */
  async run(script: RedisScript, call: ScriptCall): Promise<unknown> {
    const { commands } = await this.#opened();
    return this.#heard(sendScript(commands, script, call));
  }

  /**
   * As `run`, for a script that writes: resolves when as many replicas have that as were asked for, or
   * all that are connected.
   *
   * @throws (rejects with) an error where fewer have it in time
   */
  async runReplicated(script: RedisScript, call: ScriptCall): Promise<unknown> {
    const { replicas, replicasTimeoutMs } = this.#settings;
    if (replicas === 0) return this.run(script, call);
    const { client } = await this.#opened();
    return overOneConnection(client, call.keys[0]!, async ({ client: one, send }) => {
      const [reply, info] = await this.#heard(
        Promise.all([sendScript(one as Commands, script, call), send(REPLICATION)]),
      );
      const asked = Math.min(replicas, connectedReplicas(info));
      // It would wait for those that are not there, too.
      if (asked === 0) return reply;
      const reached = Number(await send(['WAIT', String(asked), String(replicasTimeoutMs)]));
      if (reached >= asked) return reply;
      throw new Error(`${reached} of ${asked} replicas have it after ${replicasTimeoutMs} ms`);
    });
  }

  /** Ends what it has opened; what is under way fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const opened = await this.#opening?.catch(() => undefined);
    if (opened === undefined) return;
    const { client } = opened;
    client.off('ready', this.#onReady);
    client.off('end', this.#onError);
    if (client === this.#settings.client) {
      client.off('error', this.#onError);
      return;
    }
    // Its errors are nobody's now, and must not become the process's.
    try {
      await client.destroy?.();
    } catch {
      // it was not open
    }
  }

  async #opened(): Promise<OpenClient> {
    if (this.#isClosed) throw closedError();
    this.#opening ??= this.#makeClient();
    const opened = await this.#opening;
    const { client } = opened;
    if (!client.isOpen) opened.connecting ??= firstConnection(client);
    try {
      await opened.connecting;
    } catch (error) {
      this.#tell(false, error);
      throw error;
    } finally {
      opened.connecting = undefined;
    }
    if (this.#isClosed) throw closedError();
    // It would keep what is sent now, and send it when nobody waits for it any more.
    if (!(client.isReady ?? client.isOpen)) throw new Error('there is no connection to Redis');
    return opened;
  }

  async #makeClient(): Promise<OpenClient> {
    const redis = await importRedis();
    const client = this.#made(redis);
    client.on('ready', this.#onReady);
    client.on('error', this.#onError);
    client.on('end', this.#onError);
    const commands = client.withTypeMapping({ [redis.RESP_TYPES.BLOB_STRING]: Buffer }) as Commands;
    return { client, commands, isCluster: 'masters' in client, connecting: undefined };
  }

  #made(redis: Awaited<ReturnType<typeof importRedis>>): RedisClientLike {
    const { client, cluster, sentinel, url, clientOptions } = this.#settings;
    // What cannot be sent fails at once: it is the tier's caller who keeps it for later.
    const impatient = { disableOfflineQueue: true };
    if (client !== undefined) return client;
    if (cluster !== undefined) {
      return redis.createCluster({
        topologyRefreshOnReconnectionAttemptStrategy: LOST_NODE_MS,
        ...cluster,
        defaults: { ...impatient, ...cluster.defaults },
      });
    }
    if (sentinel !== undefined) return redis.createSentinel(sentinel);
    return redis.createClient({ ...impatient, ...clientOptions, url });
  }

  /** A command that got an answer shows that there is a connection, whatever events there were. */
  async #heard<T>(reply: Promise<T>): Promise<T> {
    const got = await reply;
    this.#tell(true, undefined);
    return got;
  }

  readonly #onReady = (): void => this.#tell(true, undefined);
  readonly #onError = (cause?: unknown): void => this.#tell(false, cause);

  #tell(isConnected: boolean, cause: unknown): void {
    if (this.#isClosed || this.#isConnected === isConnected) return;
    this.#isConnected = isConnected;
    const { logger } = this.#settings;
    if (isConnected) {
      logger?.info('the connection to Redis is open');
      this.#listener.connected();
    } else {
      logger?.warn('the connection to Redis is lost', { cause: describeError(cause) });
      this.#listener.disconnected(cause);
    }
  }
}

const REPLICATION = ['INFO', 'replication'];

/** @param info what a master says of its replication */
function connectedReplicas(info: unknown): number {
  return Number(/connected_slaves:(\d+)/.exec(String(info))?.[1] ?? Infinity);
}

async function sendScript(
  commands: Pick<Commands, 'evalSha' | 'eval'>,
  { source, sha1 }: RedisScript,
  call: ScriptCall,
): Promise<unknown> {
  try {
    return await commands.evalSha(sha1, call);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return commands.eval(source, call);
  }
}

/**
 * A client goes on trying by itself; whoever asks first is told of the first failure.
 *
 * @throws (rejects with) what the client says
 */
async function firstConnection(client: RedisClientLike): Promise<void> {
  await new Promise<unknown>((resolve, reject) => {
    client.on('error', reject);
    client
      .connect()
      .then(resolve, reject)
      .finally(() => client.off('error', reject));
  });
}

function closedError(): GranaryError {
  return new GranaryError('ERR_GRANARY_CLOSED', 'this tier is closed: make a new one');
}
