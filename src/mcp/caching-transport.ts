import process from 'node:process';
import type { Readable, Writable } from 'node:stream';

import { badOption, checkFunction, checkInteger, checkOptions } from '../options.ts';
import {
  CachingHandler,
  type CachingHandlerOptions,
  type SdkMcpHandler,
  type ServerFactory,
} from './caching-handler.ts';
import { cachingHttpTransport } from './caching-http.ts';
import { LineSource } from './line-source.ts';
import { LineSplitter } from './line-splitter.ts';
import { MAX_PLAIN_BYTES, requestIn } from './plain-request.ts';
import { LINE, ReadyMessage } from './ready-answer.ts';
import { noteWire, readyAnswersOf } from './ready-answers.ts';
import { ReadyBatch } from './ready-batch.ts';
import type {
  HttpTransportClass,
  SdkFetchTransport,
  SdkHttpTransport,
  SdkTransport,
  StdioTransportClass,
} from './sdk-transport.ts';
import type { SdkServer } from './sdk-types.ts';
import { StatelessHandler, type StatelessOptions } from './stateless-handler.ts';

/** As the SDK has it. */
const DEFAULT_MAX_MESSAGE_BYTES = 10 * 1024 * 1024;
/** With so much unread by the client nothing more is taken from it. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** Options of a `CachingTransport`. */
export interface CachingTransportOptions {
  /** Where requests come from; default stdin. */
  readonly input?: Readable | undefined;
  /** Where answers go; default stdout. */
  readonly output?: Writable | undefined;
  /**
   * The longest message that a client may send, in bytes; default 10,485,760. One that is longer ends
   * the connection with an error, as the SDK's transport does.
   */
  readonly maxMessageBytes?: number | undefined;
}

/**
 * Stdio in place of the SDK's `StdioServerTransport`: what `cacheServer` has kept goes out as the
 * bytes that it was serialised to once, with the id of the request put in, and neither the SDK nor a
 * handler takes part. Everything else goes through the SDK's transport, byte for byte as it came, and
 * in the order in which it came.
 *
 * A hit is found under the same rules as without this transport. Answers to requests for which
 * `authorize` is asked go the ordinary way. A client that does not read its answers is not read from
 * once 1 MiB is unread.
 */
export class CachingTransport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: unknown, extra?: unknown) => void;
  readonly #input: Readable;
  readonly #output: Writable;
  /** Hits that nothing was written after: many in a row cost one call of the system. */
  readonly #batch: ReadyBatch;
  readonly #lines = new LineSource();
  readonly #inner: SdkTransport;
  readonly #splitter: LineSplitter;
  /** What is to be looked at when the client has read on. */
  #rest: Buffer[] = [];
  #isWaiting = false;
  #isStarted = false;

  /**
   * @param StdioServerTransport the class of the SDK
   * @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range
   * @example
   * ```ts
   * import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
   * import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
   * import { CachingTransport, cacheServer } from 'mcp-granary/mcp';
   * const server = new McpServer({ name: 'weather', version: '1.0.0' });
   * cacheServer(server, { ttlMs: 60_000 });
   * await server.connect(new CachingTransport(StdioServerTransport));
   * ```
   */
  constructor(StdioServerTransport: StdioTransportClass, options?: CachingTransportOptions) {
    const given = checkOptions('options', options);
    const { input = process.stdin, output = process.stdout } = given;
    const { maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES } = given;
    checkFunction('StdioServerTransport', StdioServerTransport);
    if (typeof input?.on !== 'function') badOption('input', input, 'a readable stream');
    if (typeof output?.write !== 'function') badOption('output', output, 'a writable stream');
    checkInteger('maxMessageBytes', maxMessageBytes, 1, Number.MAX_SAFE_INTEGER);
    this.#input = input;
    this.#output = output;
    this.#batch = new ReadyBatch(output);
    this.#inner = new StdioServerTransport(this.#lines, output, {
      maxBufferSize: maxMessageBytes,
    });
    this.#splitter = new LineSplitter(Math.min(MAX_PLAIN_BYTES, maxMessageBytes), {
      line: (text) => this.#answer(text),
      pass: (bytes) => {
        this.#batch.flush();
        this.#lines.deliver(bytes);
      },
      isFull: () =>
        this.#output.writableNeedDrain && this.#output.writableLength >= MAX_UNREAD_BYTES,
    });
  }

  /**
   * Streamable HTTP with sessions: an instance of the SDK's class, of either version, whose
   * `handleRequest` answers hits itself, with the SDK's status and headers.
   *
   * @param StreamableHTTPServerTransport the class of the SDK
   * @param options what it is made with
   * @throws `ERR_GRANARY_BAD_OPTION`; what the class throws
   * @example
   * ```ts
   * import { randomUUID } from 'node:crypto';
   * import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
   * import { CachingTransport } from 'mcp-granary/mcp';
   * const transport = CachingTransport.http(StreamableHTTPServerTransport, {
   *   sessionIdGenerator: randomUUID,
   * });
   * ```
   */
  static http<Options, Made extends SdkHttpTransport | SdkFetchTransport>(
    StreamableHTTPServerTransport: HttpTransportClass<Options, Made>,
    options?: Options,
  ): Made {
    return cachingHttpTransport(StreamableHTTPServerTransport, options);
  }

  /**
   * Streamable HTTP without sessions: hits are answered before a server is made.
   *
   * @param StreamableHTTPServerTransport the class of the SDK
   * @param makeServer makes the server of one request, not cached and not connected yet
   * @param options of `cacheServer`, and as `transport` of the SDK's transport
   * @throws `ERR_GRANARY_BAD_OPTION`, `ERR_GRANARY_BAD_TEMPLATE`
   */
  static stateless<Options extends object>(
    StreamableHTTPServerTransport: HttpTransportClass<Options>,
    makeServer: () => SdkServer | Promise<SdkServer>,
    options?: StatelessOptions<Options>,
  ): StatelessHandler {
    const transportClass = StreamableHTTPServerTransport as HttpTransportClass<object>;
    return new StatelessHandler(transportClass, makeServer, options);
  }

  /**
   * Streamable HTTP of version 2, in place of `createMcpHandler`: hits are answered before a server is
   * made, whatever revision they ask in.
   *
   * @param createMcpHandler the function of the SDK
   * @param makeServer makes the server of one request, not cached and not connected yet
   * @param options of `cacheServer`, and as `handler` of `createMcpHandler`
   * @throws `ERR_GRANARY_BAD_OPTION`, `ERR_GRANARY_BAD_TEMPLATE`; what `createMcpHandler` throws
   * @example
   * ```ts
   * import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
   * import { CachingTransport } from 'mcp-granary/mcp';
   * const handler = CachingTransport.handler(
   *   createMcpHandler,
   *   () => new McpServer({ name: 'weather', version: '1.0.0' }),
   *   { public: ['weather://{city}'], ttlMs: 60_000 },
   * );
   * await handler.close();
   * ```
   */
  static handler<Factory extends ServerFactory, Options extends object, Made extends SdkMcpHandler>(
    createMcpHandler: (factory: Factory, options?: Options) => Made,
    makeServer: NoInfer<Factory>,
    options?: CachingHandlerOptions<Options>,
  ): CachingHandler<Made> {
    return new CachingHandler(createMcpHandler, makeServer, options);
  }

  async start(): Promise<void> {
    const inner = this.#inner;
    inner.onmessage = (message: object, extra?: unknown) => {
      noteWire(message, this);
      this.onmessage?.(message, extra);
    };
    inner.onerror = (error) => this.onerror?.(error);
    inner.onclose = () => {
      this.#leave();
      this.onclose?.();
    };
    await inner.start();
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#input.on('data', this.#take);
    this.#input.on('error', this.#fail);
    this.#input.on('end', this.#end);
    this.#input.on('close', this.#close);
    // Whoever comes too late for its end: a transport that waits for one is told.
    if (this.#input.readableEnded || this.#input.destroyed) setImmediate(this.#close);
  }

  send(message: object, options?: object): Promise<void> {
    return this.#inner.send(message as never, options as never);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  readonly #fail = (error: Error): void => {
    this.#lines.emit('error', error);
  };

  readonly #end = (): void => {
    this.#lines.emit('end');
  };

  readonly #close = (): void => {
    this.#lines.emit('close');
  };

  readonly #take = (chunk: Buffer | string): void => {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (this.#isWaiting) this.#rest.push(bytes);
    else this.#split(bytes);
  };

  #split(bytes: Buffer): void {
    this.#output.cork();
    let rest: Buffer | undefined;
    try {
      rest = this.#splitter.split(bytes);
    } finally {
      this.#batch.flush();
      this.#output.uncork();
    }
    if (rest === undefined || !this.#isStarted) return;
    this.#rest.unshift(rest);
    this.#wait();
  }

  #wait(): void {
    this.#isWaiting = true;
    this.#input.pause();
    this.#output.once('drain', this.#goOn);
    this.#output.once('close', this.#goOn);
  }

  readonly #goOn = (): void => {
    this.#stopWaiting();
    while (!this.#isWaiting) {
      const next = this.#rest.shift();
      if (next === undefined) {
        this.#input.resume();
        return;
      }
      this.#split(next);
    }
  };

  #stopWaiting(): void {
    this.#isWaiting = false;
    this.#output.off('drain', this.#goOn);
    this.#output.off('close', this.#goOn);
  }

  /** @returns whether a line was answered here. */
  #answer(text: string): boolean {
    const answers = readyAnswersOf(this);
    const request = answers === undefined ? undefined : requestIn(text);
    const ready = request === undefined ? undefined : answers?.find(request, undefined);
    if (request === undefined || ready === undefined) return false;
    this.#batch.add(new ReadyMessage(request.id, ready, LINE));
    return true;
  }

  /** As the SDK's transport leaves its stream. */
  #leave(): void {
    if (!this.#isStarted) return;
    this.#isStarted = false;
    this.#stopWaiting();
    this.#rest = [];
    this.#input.off('data', this.#take);
    this.#input.off('error', this.#fail);
    this.#input.off('end', this.#end);
    this.#input.off('close', this.#close);
    if (this.#input.listenerCount('data') === 0) this.#input.pause();
  }
}
