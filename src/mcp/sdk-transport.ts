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

/** `StreamableHTTPServerTransport` of version 1: what it is made with, and what it makes. */
export type HttpTransportClass<Options, Made extends SdkHttpTransport = SdkHttpTransport> = new (
  options?: Options,
) => Made;
