import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';

import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

import type { SdkHttpTransport } from '../../src/mcp/sdk-transport.ts';
import { settled } from './process-signals.ts';

interface Connectable {
  connect(transport: Transport): Promise<void>;
  close(): Promise<void>;
}

export const INITIALIZE = {
  jsonrpc: '2.0',
  id: 'init',
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'raw', version: '1' },
  },
};
const INITIALIZED = { jsonrpc: '2.0', method: 'notifications/initialized' };

/** A client that writes bytes into the pipe of a server, and reads lines from the other. */
export class StdioWire {
  readonly input = new PassThrough();
  readonly output: PassThrough;
  /** What the server's transport told of failures. */
  readonly errors: string[] = [];
  closed = false;
  readonly #server: Connectable;
  #text = '';

  private constructor(server: Connectable, output: PassThrough) {
    this.#server = server;
    this.output = output;
  }

  /** @param makeTransport over the two streams */
  static async open(
    server: Connectable,
    makeTransport: (input: PassThrough, output: PassThrough) => Transport,
    { isInitialized = true, output = new PassThrough() } = {},
  ): Promise<StdioWire> {
    const wire = new StdioWire(server, output);
    const transport = makeTransport(wire.input, output);
    transport.onerror = (error) => void wire.errors.push(error.message);
    transport.onclose = () => void (wire.closed = true);
    await server.connect(transport);
    if (!isInitialized) return wire;
    wire.readOn();
    await wire.exchange(`${JSON.stringify(INITIALIZE)}\n${JSON.stringify(INITIALIZED)}\n`);
    return wire;
  }

  readOn(): void {
    this.output.on('data', (chunk: Buffer) => (this.#text += chunk.toString()));
    this.output.resume();
  }

  /** Lines that have come since the last call. */
  lines(): string[] {
    const lines = this.#text.split('\n');
    this.#text = lines.pop() ?? '';
    return lines;
  }

  /** Writes, and lets handlers that wait for nothing answer. @returns the messages that came */
  async exchange(...chunks: readonly (Buffer | string)[]): Promise<Record<string, unknown>[]> {
    for (const chunk of chunks) {
      this.input.write(chunk);
      await settled();
    }
    for (let turn = 0; turn < 4; turn++) await settled();
    return this.lines().map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async close(): Promise<void> {
    await this.#server.close();
  }
}

/** An answer over HTTP, as it came. */
export interface WireResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** A client that posts bytes with headers of its choice. */
export class HttpWire implements AsyncDisposable {
  readonly errors: string[] = [];
  session: string | undefined;
  readonly #http;

  private constructor(http: ReturnType<typeof createServer>) {
    this.#http = http;
  }

  /** @param handle what answers the requests */
  static async serving(handle: SdkHttpTransport['handleRequest']): Promise<HttpWire> {
    const http = createServer((request, response) => {
      const { authorization } = request.headers;
      const token = authorization?.replace('Bearer ', '');
      const auth = token === undefined ? {} : { auth: { token, clientId: 'test', scopes: [] } };
      handle(Object.assign(request, auth), response).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(500);
        response.end(String(error));
      });
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return new HttpWire(http);
  }

  /** One session of a server, initialized. */
  static async session(
    server: Connectable,
    makeTransport: (
      sessionIdGenerator: () => string,
    ) => Transport & Pick<SdkHttpTransport, 'handleRequest'>,
  ): Promise<HttpWire> {
    const transport = makeTransport(randomUUID);
    const wire = await HttpWire.serving((request, response) =>
      transport.handleRequest(request, response),
    );
    transport.onerror = (error) => void wire.errors.push(error.message);
    await server.connect(transport);
    const { headers } = await wire.post(JSON.stringify(INITIALIZE));
    wire.session = headers['mcp-session-id'] as string;
    await wire.post(JSON.stringify(INITIALIZED));
    wire.errors.length = 0;
    return wire;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  /** @param headers in place of, or besides, those of a client that does all right; `null` = without */
  async post(
    body: string | Buffer,
    headers: Readonly<Record<string, string | readonly string[] | null>> = {},
  ): Promise<WireResponse> {
    const sent = {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(this.session === undefined ? {} : { 'mcp-session-id': this.session }),
      ...headers,
    };
    const request = httpRequest({
      port: this.port,
      host: '127.0.0.1',
      method: 'POST',
      headers: Object.fromEntries(
        Object.entries(sent).filter(([, value]) => value !== null),
      ) as never,
      agent: false,
    });
    request.end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part as Buffer);
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: Buffer.concat(parts).toString(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http.closeAllConnections();
    this.#http.close();
    await once(this.#http, 'close');
  }
}
