import type { Logger } from '../logger.ts';
import { RedisTracking, type TrackingListener } from './redis-tracking.ts';
import type { ServerFinder, TrackedServer } from './tracked-servers.ts';

/** How often it is looked whether other servers have taken over. */
const LOOK_MS = 500;

interface Member {
  /** Made once its client is there. */
  tracking: RedisTracking | undefined;
  isReady: boolean;
  isGone: boolean;
  readonly started: Promise<void>;
}

/**
 * Is told of changes by every server that entries are written to, and follows a cluster or sentinels to
 * those that take over. All is told while each of them tells.
 */
export class RedisTrackings {
  /** Settled once the first attempts to be told have succeeded or failed. */
  readonly started: Promise<unknown>;
  readonly #find: ServerFinder;
  readonly #prefixes: readonly string[];
  readonly #listener: TrackingListener;
  readonly #logger: Logger | undefined;
  readonly #members = new Map<string, Member>();
  readonly #looking: NodeJS.Timeout;
  #isReady = false;
  #isClosed = false;

  constructor(
    find: ServerFinder,
    prefixes: readonly string[],
    listener: TrackingListener,
    logger: Logger | undefined,
  ) {
    this.#find = find;
    this.#prefixes = prefixes;
    this.#listener = listener;
    this.#logger = logger;
    this.#look();
    this.started = Promise.all([...this.#members.values()].map(({ started }) => started));
    this.#looking = setInterval(() => this.#look(), LOOK_MS);
    this.#looking.unref();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#looking);
    for (const member of this.#members.values()) leave(member);
    this.#members.clear();
  }

  /** Opens what is new, and leaves what is no master any more. */
  #look(): void {
    const servers = this.#find();
    // While nobody knows who is there, those that were are as good.
    if (servers.length === 0) return;
    const ids = new Set(servers.map(({ id }) => id));
    for (const [id, member] of this.#members) {
      if (ids.has(id)) continue;
      this.#members.delete(id);
      leave(member);
    }
    const isNew = servers.filter(({ id }) => !this.#members.has(id));
    for (const server of isNew) this.#join(server);
    if (isNew.length > 0) this.#lose(new Error('another server of Redis has taken over'));
    else this.#settle();
  }

  #join(server: TrackedServer): void {
    const listener = {
      changed: (key: string | undefined) => this.#listener.changed(key),
      ready: () => {
        member.isReady = true;
        this.#settle();
      },
      lost: (cause: unknown) => {
        member.isReady = false;
        this.#lose(cause);
      },
    };
    const start = async (): Promise<void> => {
      try {
        const client = await server.open();
        if (member.isGone) return;
        member.tracking = new RedisTracking(client, this.#prefixes, listener, this.#logger);
        await member.tracking.started;
      } catch {
        // The node could not be reached: with the next look it is tried again.
        if (this.#members.get(server.id) === member) this.#members.delete(server.id);
      }
    };
    const member: Member = {
      tracking: undefined,
      isReady: false,
      isGone: false,
      // After this object is there.
      started: Promise.resolve().then(start),
    };
    this.#members.set(server.id, member);
  }

  #settle(): void {
    if (this.#isReady || this.#isClosed || this.#members.size === 0) return;
    if (![...this.#members.values()].every(({ isReady }) => isReady)) return;
    this.#isReady = true;
    this.#listener.ready();
  }

  #lose(cause: unknown): void {
    if (!this.#isReady || this.#isClosed) return;
    this.#isReady = false;
    this.#listener.lost(cause);
  }
}

function leave(member: Member): void {
  member.isGone = true;
  member.tracking?.close();
}
