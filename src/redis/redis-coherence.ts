import { describeError } from '../describe-value.ts';
import { envelopeKey } from '../tiers/envelope.ts';
import { OwnWrites } from './own-writes.ts';
import type { RedisConnection } from './redis-connection.ts';
import type { RedisTierSettings } from './redis-options.ts';
import { VERSION_LENGTH } from './redis-scripts.ts';
import { RedisTrackings } from './redis-trackings.ts';

/** What is told of the doings of others. */
export interface CoherenceListener {
  /** Entries, by name; `undefined`: any of them. */
  changed(names: readonly string[] | undefined): void;
  /** There are invalidations that may be unknown here. */
  invalidated(): void;
  /** Redis tells again. */
  restored(): void;
  /** It does not tell any more. */
  lost(cause: unknown): void;
}

/** What the names of entries begin with. */
const ENTRY_PREFIXES = ['resource:', 'private:'];

/** Tells apart what others change in Redis from what this process does. */
export class RedisCoherence {
  /** What this process writes. */
  readonly own = new OwnWrites();
  readonly #settings: RedisTierSettings;
  readonly #connection: RedisConnection;
  readonly #logKey: string;
  readonly #listener: CoherenceListener;
  #tracking: Promise<RedisTrackings | undefined> | undefined;
  /** Keys that have changed and may be this process's own doing. */
  #doubtful = new Set<string>();
  /** Whether anything was read or written: what has changed before that is nothing to anybody. */
  #isUsed = false;
  #isClosed = false;

  /** @param logKey of the invalidations */
  constructor(
    settings: RedisTierSettings,
    connection: RedisConnection,
    logKey: string,
    listener: CoherenceListener,
  ) {
    this.#settings = settings;
    this.#connection = connection;
    this.#logKey = logKey;
    this.#listener = listener;
  }

  /** To be waited for before anything is read or written: then Redis tells, or will not. */
  async start(): Promise<void> {
    if (!this.#settings.tracking || this.#isClosed) return;
    this.#tracking ??= this.#makeTracking();
    const tracking = await this.#tracking;
    await tracking?.started;
    this.#isUsed = true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    (await this.#tracking)?.close();
  }

  async #makeTracking(): Promise<RedisTrackings | undefined> {
    const { prefix, logger } = this.#settings;
    const find = await this.#connection.trackedServers().catch((cause: unknown) => {
      // No node-redis: the read that waits for this tells that.
      logger?.warn('Redis does not tell of changes', { cause: describeError(cause) });
      return undefined;
    });
    if (find === undefined || this.#isClosed) return undefined;
    const prefixes = [...ENTRY_PREFIXES.map((each) => prefix + envelopeKey(each)), this.#logKey];
    const listener = {
      changed: (key: string | undefined) => this.#onChanged(key),
      ready: () => this.#onReady(),
      lost: (cause: unknown) => this.#listener.lost(cause),
    };
    return new RedisTrackings(find, prefixes, listener, logger);
  }

  /** What has changed while nobody told is not known: nothing in memory is to be trusted. */
  #onReady(): void {
    if (!this.#isUsed) return;
    this.#listener.changed(undefined);
    this.#listener.restored();
  }

  #onChanged(key: string | undefined): void {
    if (key === undefined) this.#listener.changed(undefined);
    else if (key === this.#logKey) this.#listener.invalidated();
    else if (!this.own.hasPart(key)) this.#tellChanged([key]);
    else {
      if (this.#doubtful.size === 0) queueMicrotask(() => void this.#settleDoubts());
      this.#doubtful.add(key);
    }
  }

  /** Whose a key is, its version tells; where that cannot be had, it is taken for somebody else's. */
  async #settleDoubts(): Promise<void> {
    const keys = [...this.#doubtful];
    this.#doubtful = new Set();
    const versions = await this.#connection.heads(keys, VERSION_LENGTH).catch(() => []);
    await this.own.settled();
    this.#tellChanged(keys.filter((key, at) => versions[at] !== this.own.versionOf(key)));
  }

  #tellChanged(keys: readonly string[]): void {
    const start = this.#settings.prefix.length;
    if (keys.length > 0) this.#listener.changed(keys.map((key) => key.slice(start)));
  }
}
