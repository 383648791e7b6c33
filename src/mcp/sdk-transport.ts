import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable, Writable } from 'node:stream';

import type { VerifiedAuth } from './sdk-types.ts';

/** A transport of either generation of the SDK. */
export interface SdkTransport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: ((message: never, extra?: never) => void) | undefined;
  start(): Promise<void>;
  send(message: never, options?: never): Promise<void>;
  close(): Promise<void>;
}

/** `StdioServerTransport` of either generation. */
export type StdioTransportClass = new (
  stdin: Readable,
  stdout: Writable,
  options?: { maxBufferSize?: number },
) => SdkTransport;

/** A request as middleware leaves it that has verified its sender. */
export type HttpRequest = IncomingMessage & { auth?: VerifiedAuth };

/** A transport of Streamable HTTP for `node:http`. */
export interface SdkHttpTransport extends SdkTransport {
  readonly sessionId?: string | undefined;
  handleRequest(
    request: HttpRequest,
    response: ServerResponse,
    parsedBody?: unknown,
  ): Promise<void>;
}

/** What goes with a request of `fetch`. */
export interface FetchOptions {
  readonly authInfo?: VerifiedAuth | undefined;
  /** The body where it was read already, as `JSON.parse` gives it. */
  readonly parsedBody?: unknown;
}

/** `WebStandardStreamableHTTPServerTransport` of version 2. */
export interface SdkFetchTransport extends SdkTransport {
  readonly sessionId?: string | undefined;
  handleRequest(request: Request, options?: never): Promise<Response>;
}

/**
 * `StreamableHTTPServerTransport` of version 1, `NodeStreamableHTTPServerTransport` or
 * `WebStandardStreamableHTTPServerTransport` of version 2: what it is made with, and what it makes.
 */
export type HttpTransportClass<
  Options,
  Made extends SdkHttpTransport | SdkFetchTransport = SdkHttpTransport,
> = new (options?: Options) => Made;
