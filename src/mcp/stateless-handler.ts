import type { ServerResponse } from 'node:http';

import type { CacheStats } from '../cache/cache-stats.ts';
import type { ResourceCache } from '../cache/resource-cache.ts';
import { checkFunction, checkOptions, checkUri } from '../options.ts';
import type { CacheServerOptions } from './cache-server-options.ts';
import { versionsSeenBy } from './caching-http.ts';
import { HttpGate } from './http-gate.ts';
import type { GateTerms, HttpTransportOptions } from './http-terms.ts';
import { protocolOf, type ConnectableServer } from './sdk-server.ts';
import type { HttpRequest, HttpTransportClass, SdkHttpTransport } from './sdk-transport.ts';
import type { SdkServer } from './sdk-types.ts';
import { StatelessAnswers } from './stateless-answers.ts';

/** Options of a handler without sessions: those of `cacheServer`, and of the SDK's transport. */
export interface StatelessOptions<TransportOptions = object> extends CacheServerOptions {
  /** What the SDK's transport is made with; there is no session. */
  readonly transport?: Omit<TransportOptions, 'sessionIdGenerator'> | undefined;
}

/**
 * Streamable HTTP without sessions: a hit is answered before a server is made, everything else by a
 * server and a transport of its own.
 */
export class StatelessHandler implements Disposable {
  /** Where answers are kept: the one given, or one of its own. */
  readonly cache: ResourceCache;
  readonly #transportClass: HttpTransportClass<object>;
  readonly #makeServer: () => SdkServer | Promise<SdkServer>;
  readonly #transportOptions: HttpTransportOptions;
  readonly #answers: StatelessAnswers;
  readonly #terms: GateTerms;
  readonly #gate: HttpGate;

  constructor(
    transportClass: HttpTransportClass<object>,
    makeServer: () => SdkServer | Promise<SdkServer>,
    options?: StatelessOptions,
  ) {
    checkFunction('StreamableHTTPServerTransport', transportClass);
    checkFunction('makeServer', makeServer);
    const { transport, ...cacheOptions } = checkOptions('options', options);
    const transportOptions: HttpTransportOptions = { ...checkOptions('transport', transport) };
    this.#answers = new StatelessAnswers(cacheOptions);
    this.cache = this.#answers.cache;
    this.#transportOptions = transportOptions;
    this.#transportClass = transportClass;
    this.#makeServer = makeServer;
    this.#gate = new HttpGate(transportOptions, versionsSeenBy(transportClass));
    const style = { isJson: transportOptions.enableJsonResponse === true, sessionId: undefined };
    this.#terms = {
      answers: this.#answers,
      admits: () => true,
      styleOf: (request, _, authInfo) =>
        this.#answers.challenges.lets(request, authInfo) ? style : undefined,
    };
  }

  /** In place of the transport's `handleRequest`; to be passed on as it is. */
  readonly handleRequest = (
    request: HttpRequest,
    response: ServerResponse,
    parsedBody?: unknown,
  ): Promise<void> =>
    this.#answers.isOpen
      ? this.#gate.handle(request, response, parsedBody, this.#terms, this.#serve)
      : this.#serve(request, response, parsedBody);

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
    this.#answers.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  readonly #serve: SdkHttpTransport['handleRequest'] = async (request, response, parsedBody) => {
    const server = await this.#makeServer();
    this.#answers.follow(server);
    const transport = new this.#transportClass({ ...this.#transportOptions });
    response.once('close', () => {
      protocolOf(server)
        .close()
        .catch((error: unknown) => transport.onerror?.(error as Error));
    });
    // By the server itself, which may have more to tell its transport than what is below it.
    await (server as ConnectableServer).connect(transport);
    await transport.handleRequest(request, response, parsedBody);
  };
}
