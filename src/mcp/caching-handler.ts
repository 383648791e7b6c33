import type { ServerResponse } from 'node:http';

import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';

import type { CacheStats } from '../cache/cache-stats.ts';
import type { ResourceCache } from '../cache/resource-cache.ts';
import { checkFunction, checkOptions, checkUri } from '../options.ts';
import type { CacheServerOptions } from './cache-server-options.ts';
import { isStateless, revisionOf } from './envelope.ts';
import { FetchGate } from './fetch-gate.ts';
import type { AnswerStyle } from './http-answer.ts';
import { HttpGate } from './http-gate.ts';
import {
  VersionsSeen,
  type GateTerms,
  type HttpTransportOptions,
  type RequestHead,
} from './http-terms.ts';
import { linkEvents, type EventBus, type EventLink } from './link-events.ts';
import { readUriOf } from './question.ts';
import type { FetchOptions, HttpRequest } from './sdk-transport.ts';
import type { SdkServer } from './sdk-types.ts';
import { StatelessAnswers } from './stateless-answers.ts';

/** What `createMcpHandler` of version 2 makes, as much of it as is used. */
export interface SdkMcpHandler {
  fetch(request: Request, options?: never): Promise<Response>;
  readonly notify: { resourceUpdated(uri: string): void };
  readonly bus: EventBus;
  close(): Promise<void>;
}

/** Makes the server of one request, not cached and not connected yet. */
export type ServerFactory = (context: never) => SdkServer | Promise<SdkServer>;

/** Options of a caching handler: those of `cacheServer`, and of `createMcpHandler`. */
export interface CachingHandlerOptions<HandlerOptions = object> extends CacheServerOptions {
  /** What `createMcpHandler` is given. */
  readonly handler?: HandlerOptions | undefined;
}

/** What of the options of `createMcpHandler` says how it answers. */
interface AnsweringOptions extends Pick<HttpTransportOptions, 'maxRequestBodySize'> {
  readonly legacy?: 'stateless' | 'reject';
  readonly responseMode?: 'auto' | 'sse' | 'json';
}

/** As `toNodeHandler` of `@modelcontextprotocol/node` answers. */
export type NodeHandler = (
  request: HttpRequest,
  response: ServerResponse,
  parsedBody?: unknown,
) => Promise<void>;

/**
 * The handler of `createMcpHandler`, on every revision that it speaks: a hit is answered before a server
 * is made, everything else by the SDK.
 *
 * What is published on its bus, by `notify` or otherwise, is dropped before clients hear of it.
 */
export class CachingHandler<Made extends SdkMcpHandler = SdkMcpHandler> implements AsyncDisposable {
  /** Where answers are kept: the one given, or one of its own. */
  readonly cache: ResourceCache;
  readonly notify: Made['notify'];
  readonly bus: Made['bus'];
  readonly #inner: Made;
  readonly #options: AnsweringOptions;
  readonly #answers: StatelessAnswers;
  readonly #versions = new VersionsSeen();
  readonly #gate: FetchGate;
  readonly #terms: GateTerms;
  readonly #link: EventLink;

  constructor(
    createMcpHandler: (factory: never, options?: never) => Made,
    makeServer: ServerFactory,
    options?: CachingHandlerOptions,
  ) {
    checkFunction('createMcpHandler', createMcpHandler);
    checkFunction('makeServer', makeServer);
    const { handler, ...cacheOptions } = checkOptions('options', options);
    const handlerOptions = { ...checkOptions('handler', handler) };
    this.#options = handlerOptions;
    this.#answers = new StatelessAnswers(cacheOptions, revisionOf);
    this.cache = this.#answers.cache;
    const make = async (context: never): Promise<SdkServer> => {
      const server = await makeServer(context);
      this.#answers.follow(server);
      return server;
    };
    this.#inner = createMcpHandler(make as never, handlerOptions as never);
    this.notify = this.#inner.notify;
    this.bus = this.#inner.bus;
    this.#link = linkEvents(this.#inner, { cache: this.cache });
    this.#gate = new FetchGate(this.#options, this.#versions);
    this.#terms = {
      answers: this.#answers,
      scheme: 'http',
      admits: () => true,
      styleOf: (request, head, authInfo) =>
        this.#answers.challenges.lets(request, authInfo) ? this.#styleOf(request, head) : undefined,
    };
  }

  /** In place of the handler's `fetch`; to be passed on as it is. */
  readonly fetch = (request: Request, options?: FetchOptions): Promise<Response> =>
    this.#answers.isOpen
      ? this.#gate.handle(request, options, this.#terms, this.#pass)
      : this.#pass(request, options);

  /**
   * For `node:http`: a hit is written without a `Request` or a `Response` being made.
   *
   * @param toNodeHandler of `@modelcontextprotocol/node`, in place of calling it with this handler
   * @param options what it is given besides
   * @returns what answers requests, whose `auth` says who has sent them
   * @throws `ERR_GRANARY_BAD_OPTION`; what `toNodeHandler` throws
   */
  forNode<Options extends object>(
    toNodeHandler: (handler: never, options?: Options) => unknown,
    options?: Options,
  ): NodeHandler {
    checkFunction('toNodeHandler', toNodeHandler);
    const pass = toNodeHandler({ fetch: this.#pass } as never, options) as NodeHandler;
    const bounds = [this.#options, { ...options } as AnsweringOptions].flatMap(
      ({ maxRequestBodySize }) => maxRequestBodySize ?? [],
    );
    const bound = bounds.length === 0 ? {} : { maxRequestBodySize: Math.min(...bounds) };
    const gate = new HttpGate(bound, this.#versions);
    return (request, response, parsedBody) => {
      // Express gives its `next` there.
      const body = typeof parsedBody === 'function' ? undefined : parsedBody;
      return this.#answers.isOpen
        ? gate.handle(request, response, body, this.#terms, pass)
        : pass(request, response, body);
    };
  }

  /** Counters since the cache was made. @throws `ERR_GRANARY_CLOSED` once the cache is closed */
  stats(): CacheStats {
    return this.cache.stats();
  }

  /** Drops every read of a URI, for whomever it is kept, and tells who listens. @throws `ERR_GRANARY_BAD_URI` */
  invalidate(uri: string): void {
    checkUri(uri);
    this.#answers.dropUri(uri);
    this.notify.resourceUpdated(uri);
  }

  /** Closes the SDK's handler, and frees a cache of its own. */
  async close(): Promise<void> {
    this.#link.close();
    this.#answers.close();
    await this.#inner.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  readonly #pass = (request: Request, options?: FetchOptions): Promise<Response> =>
    this.#inner.fetch(request, options as never);

  /** @returns how the SDK would answer, by what era a request is of; `undefined` where it might refuse */
  #styleOf(request: JSONRPCRequest, head: RequestHead): AnswerStyle | undefined {
    const { legacy, responseMode } = this.#options;
    const revision = revisionOf(request);
    if (revision === undefined) {
      const isRefused = legacy === 'reject' || isStateless(head.header('mcp-protocol-version'));
      return isRefused ? undefined : { isJson: false, sessionId: undefined };
    }
    if (!agrees(request, revision, head)) return undefined;
    return { isJson: responseMode !== 'sse', sessionId: undefined };
  }
}

/** What headers of 2026-07-28 repeat of the body (SEP-2243); a name that is encoded is the SDK's affair. */
function agrees(request: JSONRPCRequest, revision: string, head: RequestHead): boolean {
  const uri = readUriOf(request);
  return (
    head.header('mcp-protocol-version') === revision &&
    head.header('mcp-method') === request.method &&
    (uri === undefined || (head.header('mcp-name') === uri && /^[!-<>-~][!-~]*$/.test(uri)))
  );
}
