import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';

import { PUBLIC_PARTITION, type Partition } from '../cache/partition-key.ts';
import { describeError } from '../describe-value.ts';
import { partitionOf, readerOf, type Reader } from '../manager/partition.ts';
import type { CacheServerSettings } from './cache-server-options.ts';
import { notFoundError } from './json-rpc-error.ts';
import type { Question } from './question.ts';
import { hasSession, readerOfRequest, type RequestIdentity } from './request-context.ts';
import { originOf } from './sdk-context.ts';

/** Of a request that is answered before anybody could withdraw it. */
const UNWITHDRAWN = new AbortController().signal;

/** Who sends the requests of one connection, and what they may read. */
export class RequestAccess {
  readonly #transport: Transport;
  readonly #connection: string;
  readonly #settings: CacheServerSettings;
  /** Of a request of which nothing is told: the session's, for each hit of stdio. */
  #sessionPartition: Partition | undefined;

  /** @param connection its id: not the session's, which may be that of another server's client too */
  constructor(transport: Transport, connection: string, settings: CacheServerSettings) {
    this.#transport = transport;
    this.#connection = connection;
    this.#settings = settings;
  }

  identityOf(extra: MessageExtraInfo | undefined, signal: AbortSignal): RequestIdentity {
    return { ...this.#identityOf(extra), signal };
  }

  /** Whether nothing tells the users of the connection's requests apart. */
  isAnonymous(extra: MessageExtraInfo | undefined): boolean {
    return !hasSession(this.#transport, this.#identityOf(extra));
  }

  /**
   * @param isShared whether several clients have been seen on the connection
   * @throws what `partition` throws; `ERR_GRANARY_BAD_OPTION` for what it returns
   */
  readerOf(identity: RequestIdentity, isShared: boolean): Reader {
    try {
      return this.#readerOf(identity, isShared);
    } catch (error) {
      this.log('naming the principal', error);
      throw error;
    }
  }

  /**
   * The partition in which a request finds what is kept for its reader.
   *
   * @returns `undefined` where there is none, and where it cannot be told: `readerOf` tells why
   */
  partitionOf(
    { method, subject }: Question,
    extra: MessageExtraInfo | undefined,
    isShared: boolean,
  ): Partition | undefined {
    if (method === 'resources/read' && this.#settings.isPublic(subject ?? '')) {
      return PUBLIC_PARTITION;
    }
    try {
      const isBare = extra === undefined && !isShared && this.#settings.partition === undefined;
      if (isBare && this.#sessionPartition !== undefined) return this.#sessionPartition;
      const partition = partitionOf(this.#readerOf(this.identityOf(extra, UNWITHDRAWN), isShared));
      if (isBare) this.#sessionPartition = partition;
      return partition;
    } catch {
      return undefined;
    }
  }

  #readerOf(identity: RequestIdentity, isShared: boolean): Reader {
    const isSession = !isShared && hasSession(this.#transport, identity);
    const session = isSession ? this.#connection : undefined;
    return readerOf(readerOfRequest(identity, session, this.#settings.partition));
  }

  /** @throws (rejects with) "not found" where the reader may not; what `authorize` throws */
  async authorize(identity: RequestIdentity, uri: string): Promise<void> {
    const { authorize } = this.#settings;
    if (authorize === undefined) return;
    let allowed: unknown;
    try {
      allowed = await authorize(identity, uri);
    } catch (error) {
      this.log('authorizing a read', error);
      throw error;
    }
    // Anything but true refuses: a forgotten return must not let everybody in.
    if (allowed !== true) throw notFoundError(uri);
  }

  log(what: string, error: unknown): void {
    this.#settings.logger?.warn(`${what} failed`, { error: describeError(error) });
  }

  #identityOf(extra: MessageExtraInfo | undefined): Omit<RequestIdentity, 'signal'> {
    const { sessionId } = this.#transport;
    return {
      ...originOf(extra),
      ...(sessionId === undefined ? {} : { sessionId }),
    };
  }
}
