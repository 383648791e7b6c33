import type { IncomingMessage, ServerResponse } from 'node:http';

import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';

import type { CacheStats } from '../cache/cache-stats.ts';
import { ResourceCache } from '../cache/resource-cache.ts';
import { checkFunction, checkOptions, checkUri } from '../options.ts';
import { AnswerCache } from './answer-cache.ts';
import {
  readCacheServerOptions,
  type CacheServerOptions,
  type CacheServerSettings,
} from './cache-server-options.ts';
import { cacheServer } from './cache-server.ts';
import { versionsSeenBy, type HttpTransport, type HttpTransportClass } from './caching-http.ts';
import { HttpGate, type HttpTransportOptions } from './http-gate.ts';
import type { PlainRequest } from './plain-request.ts';
import type { ReadyAnswer } from './ready-answer.ts';
import type { ReadyAnswers } from './ready-answers.ts';
import { RequestAccess } from './request-access.ts';
import type { AnyServer } from './sdk-server.ts';

/** Options of a handler without sessions: those of `cacheServer`, and of the SDK's transport. */
export interface StatelessOptions extends CacheServerOptions {
  /** What the SDK's transport is made with; there is no session. */
  readonly transport?: Omit<HttpTransportOptions, 'sessionIdGenerator'> | undefined;
}

/** As the transport of a request without sessions is judged, where there is none yet. */
const NO_TRANSPORT: Transport & Pick<HttpTransport, 'handleRequest'> = {
  start: async () => {},
  send: async () => {},
  close: async () => {},
  handleRequest: async () => {},
};

/**
 * Streamable HTTP without sessions: a hit is answered before a server is made, everything else by a
 * server and a transport of its own.
 */
export class StatelessHandler implements Disposable, ReadyAnswers {
  /** Where answers are kept: the one given, or one of its own. */
  readonly cache: ResourceCache;
  readonly #transportClass: HttpTransportClass;
  readonly #makeServer: () => AnyServer | Promise<AnyServer>;
  readonly #cacheOptions: CacheServerOptions;
  readonly #transportOptions: HttpTransportOptions;
  readonly #settings: CacheServerSettings;
  readonly #ownCache: ResourceCache | undefined;
  readonly #answers: AnswerCache;
  readonly #access: RequestAccess;
  readonly #gate: HttpGate;
  #isOpen = true;

  constructor(
    transportClass: HttpTransportClass,
    makeServer: () => AnyServer | Promise<AnyServer>,
    options?: StatelessOptions,
  ) {
    checkFunction('StreamableHTTPServerTransport', transportClass);
    checkFunction('makeServer', makeServer);
    const { transport, ...cacheOptions } = checkOptions('options', options);
    const transportOptions = { ...checkOptions('transport', transport) };
    readCacheServerOptions(cacheOptions);
    this.#ownCache = cacheOptions.cache === undefined ? new ResourceCache() : undefined;
    this.cache = cacheOptions.cache ?? this.#ownCache!;
    this.#cacheOptions = { ...cacheOptions, cache: this.cache };
    this.#transportOptions = transportOptions;
    this.#transportClass = transportClass;
    this.#makeServer = makeServer;
    this.#settings = readCacheServerOptions(this.#cacheOptions);
    this.#answers = new AnswerCache(this.cache, this.#settings.ttlMs);
    this.#access = new RequestAccess(NO_TRANSPORT, '', this.#settings);
    this.#gate = new HttpGate(transportOptions, versionsSeenBy(transportClass));
  }

  /** In place of the transport's `handleRequest`; to be passed on as it is. */
  readonly handleRequest = (
    request: IncomingMessage & { auth?: AuthInfo },
    response: ServerResponse,
    parsedBody?: unknown,
  ): Promise<void> =>
    this.#gate.handle(
      request,
      response,
      parsedBody,
      {
        answers: this.#isOpen ? this : undefined,
        hasSessions: false,
        sessionId: undefined,
        isJson: this.#transportOptions.enableJsonResponse === true,
      },
      this.#serve,
    );

  /** Counters since the cache was made. @throws `ERR_GRANARY_CLOSED` once the cache is closed */
  stats(): CacheStats {
    return this.cache.stats();
  }

  /** Drops every read of a URI, for whomever it is kept. @throws `ERR_GRANARY_BAD_URI` */
  invalidate(uri: string): void {
    checkUri(uri);
    this.#answers.dropUri(uri);
  }

  /** Frees a cache of its own; requests are served without one from then on. */
  close(): void {
    this.#isOpen = false;
    this.#ownCache?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  find({ question }: PlainRequest, extra: MessageExtraInfo | undefined): ReadyAnswer | undefined {
    // Whom `authorize` is asked about waits for it.
    if (!this.#isOpen || this.#settings.authorize !== undefined) return undefined;
    const partition = this.#access.partitionOf(question, extra, false);
    return partition === undefined ? undefined : this.#answers.ready(question, partition);
  }

  readonly #serve: HttpTransport['handleRequest'] = async (request, response, parsedBody) => {
    const server = await this.#makeServer();
    if (this.#isOpen) cacheServer(server, this.#cacheOptions);
    const transport = new this.#transportClass({ ...this.#transportOptions });
    response.once('close', () => {
      server.close().catch((error: unknown) => transport.onerror?.(error as Error));
    });
    await server.connect(transport);
    await transport.handleRequest(request, response, parsedBody);
  };
}
