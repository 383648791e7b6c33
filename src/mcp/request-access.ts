import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';

import { describeError } from '../describe-value.ts';
import { readerOf, type Reader } from '../manager/partition.ts';
import type { CacheServerSettings } from './cache-server-options.ts';
import { notFoundError } from './json-rpc-error.ts';
import { hasSession, readerOfRequest, type RequestIdentity } from './request-context.ts';
import { originOf } from './sdk-context.ts';

/** Who sends the requests of one connection, and what they may read. */
export class RequestAccess {
  readonly #transport: Transport;
  readonly #connection: string;
  readonly #settings: CacheServerSettings;

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
    const isSession = !isShared && hasSession(this.#transport, identity);
    const session = isSession ? this.#connection : undefined;
    try {
      return readerOf(readerOfRequest(identity, session, this.#settings.partition));
    } catch (error) {
      this.log('naming the principal', error);
      throw error;
    }
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
