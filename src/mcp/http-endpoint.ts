import type { Endpoint } from './endpoint.ts';
import { HttpListener } from './http-listener.ts';
import { HttpSessions, type HttpSessionsOptions } from './http-sessions.ts';
import { announceListChange } from './served-server.ts';

const HOST = '127.0.0.1';
const MAX_ANSWERING = 128;

/** Where the endpoint listens and what it says of itself. */
export interface HttpEndpointOptions extends HttpSessionsOptions {
  /** 0 = any that is free. */
  readonly port: number;
  /** What `/healthz` tells besides the number of sessions. */
  readonly health: () => Readonly<Record<string, unknown>>;
  /** How long a client may take to send a request, or to take some of its answer; default 30,000. */
  readonly patienceMs?: number;
}

/** Streamable HTTP on this machine. */
export class HttpEndpoint implements Endpoint {
  /** HTTP goes on until it is told to end. */
  readonly ended: Promise<void> = new Promise(() => {});
  readonly #listener: HttpListener;
  readonly #sessions: HttpSessions;

  /** @throws (rejects with) `ERR_GRANARY_BAD_OPTION` where the port cannot be had */
  static async open(options: HttpEndpointOptions): Promise<HttpEndpoint> {
    const { port, maxSessions, patienceMs, health, logger } = options;
    const sessions = new HttpSessions(options);
    const listener = await HttpListener.open({
      ...{ host: HOST, port, maxSessions, maxAnswering: MAX_ANSWERING, patienceMs, logger },
      health: () => ({ ...health(), sessions: sessions.size }),
      handle: (request, response) => sessions.handle(request, response),
    });
    return new HttpEndpoint(listener, sessions);
  }

  private constructor(listener: HttpListener, sessions: HttpSessions) {
    this.#listener = listener;
    this.#sessions = sessions;
  }

  get url(): string {
    return this.#listener.url;
  }

  announceListChange(): void {
    for (const server of this.#sessions.servers()) announceListChange(server);
  }

  async drain(): Promise<void> {
    await this.#listener.drain(
      () => this.#listener.answered(),
      () => this.#sessions.close(),
    );
  }
}
