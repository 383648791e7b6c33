import type { ServerResponse } from 'node:http';

import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

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
import { versionsSeenBy } from './caching-http.ts';
import { HttpGate, type HttpTransportOptions } from './http-gate.ts';
import { plainQuestionOf } from './plain-request.ts';
import type { ReadyAnswers } from './ready-answers.ts';
import { RequestAccess } from './request-access.ts';
import { protocolOf } from './sdk-server.ts';
import type { HttpRequest, HttpTransportClass, SdkHttpTransport } from './sdk-transport.ts';
import type { SdkServer } from './sdk-types.ts';

/** Options of a handler without sessions: those of `cacheServer`, and of the SDK's transport. */
export interface StatelessOptions<TransportOptions = object> extends CacheServerOptions {
  /** What the SDK's transport is made with; there is no session. */
  readonly transport?: Omit<TransportOptions, 'sessionIdGenerator'> | undefined;
}

/** As the transport of a request without sessions is judged, where there is none yet. */
const NO_TRANSPORT: Transport & Pick<SdkHttpTransport, 'handleRequest'> = {
  start: async () => {},
  send: async () => {},
  close: async () => {},
  handleRequest: async () => {},
};

/**
 * Streamable HTTP without sessions: a hit is answered before a server is made, everything else by a
 * server and a transport of its own.
 */
export class StatelessHandler implements Disposable {
  /** Where answers are kept: the one given, or one of its own. */
  readonly cache: ResourceCache;
  readonly #transportClass: HttpTransportClass<object>;
  readonly #makeServer: () => SdkServer | Promise<SdkServer>;
  readonly #cacheOptions: CacheServerOptions;
  readonly #transportOptions: HttpTransportOptions;
  readonly #settings: CacheServerSettings;
  readonly #ownCache: ResourceCache | undefined;
  readonly #answers: AnswerCache;
  readonly #access: RequestAccess;
  readonly #gate: HttpGate;
  #isOpen = true;

  constructor(
    transportClass: HttpTransportClass<object>,
    makeServer: () => SdkServer | Promise<SdkServer>,
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
    request: HttpRequest,
    response: ServerResponse,
    parsedBody?: unknown,
  ): Promise<void> =>
    this.#gate.handle(
      request,
      response,
      parsedBody,
      {
        answers: this.#isOpen ? this.#ready : undefined,
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

  readonly #ready: ReadyAnswers = {
    find: (request, extra) => {
      // Whom `authorize` is asked about waits for it.
      if (!this.#isOpen || this.#settings.authorize !== undefined) return undefined;
      const question = plainQuestionOf(request, undefined);
      if (question === undefined) return undefined;
      const partition = this.#access.partitionOf(question, extra, false);
      return partition === undefined ? undefined : this.#answers.ready(question, partition);
    },
  };

  readonly #serve: SdkHttpTransport['handleRequest'] = async (request, response, parsedBody) => {
    const server = await this.#makeServer();
    if (this.#isOpen) cacheServer(server, this.#cacheOptions);
    const protocol = protocolOf(server);
    const transport = new this.#transportClass({ ...this.#transportOptions });
    response.once('close', () => {
      protocol.close().catch((error: unknown) => transport.onerror?.(error as Error));
    });
    await protocol.connect(transport as unknown as Transport);
    await transport.handleRequest(request, response, parsedBody);
  };
}
