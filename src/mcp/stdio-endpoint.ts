import type { Readable, Writable } from 'node:stream';

import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';

import type { Logger } from '../logger.ts';
import { DrainableTransport } from './drainable-transport.ts';
import { atMost, DRAIN_MS, type Endpoint } from './endpoint.ts';
import { IntakeGate, MAX_UNANSWERED } from './intake-gate.ts';
import { LineFilter } from './line-filter.ts';
import { importSdkStdio } from './sdk-peer.ts';
import { announceListChange } from './served-server.ts';

/** Requests to a server of resources are short; the same bound as the SDK's for a body over HTTP. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;

/** What one client at the other end of a pair of pipes is served by. */
export interface StdioEndpointOptions {
  readonly server: McpServer;
  readonly input: Readable;
  readonly output: Writable;
  readonly logger: Logger;
}

/** One client over stdin and stdout. */
export class StdioEndpoint implements Endpoint {
  readonly ended: Promise<void>;
  readonly #server: McpServer;
  readonly #transport: DrainableTransport;
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #lines: LineFilter;

  /** Connects the server. @throws (rejects with) `ERR_GRANARY_MISSING_PEER` */
  static async open(options: StdioEndpointOptions): Promise<StdioEndpoint> {
    const { StdioServerTransport } = await importSdkStdio();
    const { input, output, logger } = options;
    const lines = new LineFilter(MAX_LINE_BYTES, (reason) => {
      logger.warn('a line was ignored', { reason });
    });
    const inner = new StdioServerTransport(lines, output);
    const endpoint = new StdioEndpoint(
      options,
      lines,
      new DrainableTransport(inner, new IntakeGate(lines, output)),
    );
    await endpoint.#server.connect(endpoint.#transport);
    input.pipe(lines);
    return endpoint;
  }

  private constructor(
    { server, input, output, logger }: StdioEndpointOptions,
    lines: LineFilter,
    transport: DrainableTransport,
  ) {
    this.#server = server;
    this.#transport = transport;
    this.#input = input;
    this.#output = output;
    this.#lines = lines;
    // The SDK listens anew for each answer that is not flushed.
    output.setMaxListeners(output.getMaxListeners() + MAX_UNANSWERED);
    const read = new Promise((resolve) => lines.once('end', resolve));
    this.ended = new Promise((resolve) => {
      void read.then(() => resolve());
      // What is not taken in, since nobody reads the answers, does not hold up the end.
      input.once('end', () => void atMost(DRAIN_MS, read).then(resolve));
      input.once('error', (error) => {
        logger.warn('the input failed', { error: error.message });
        resolve();
      });
      // EPIPE: the client is gone, and with it everybody who could be told so.
      output.on('error', () => resolve());
    });
  }

  announceListChange(): void {
    announceListChange(this.#server);
  }

  async drain(): Promise<void> {
    this.#input.unpipe(this.#lines);
    if (!this.#output.errored) {
      await atMost(
        DRAIN_MS,
        this.#transport.drained().then(() => this.#flushed()),
      );
    }
    await this.#server.close();
    this.#input.destroy();
  }

  #flushed(): Promise<void> {
    return new Promise((resolve) => {
      this.#output.write('', () => resolve());
    });
  }
}
