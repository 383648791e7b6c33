import { hash, randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

import { respond } from '../mcp/http-refusal.ts';
import { IdleSessions, type Use } from '../mcp/idle-sessions.ts';
import { INVALID_PARAMS } from '../mcp/json-rpc-error.ts';
import { envelopeFault } from './envelope.ts';
import { requestVersion } from './era.ts';
import { HttpClient } from './http-client.ts';
import { EventLog, placeOf } from './event-log.ts';
import { headerMismatch } from './http-headers.ts';
import { errorAnswer, type Message } from './message.ts';
import type { Proxy } from './proxy.ts';
import type { ClientContext } from './relay.ts';
import { StatelessUpstreams } from './stateless-upstreams.ts';

export interface HttpClientsOptions {
  readonly proxy: Proxy;
  /** Headers of clients' requests that go on; in lower case. */
  readonly forwardedHeaders: readonly string[];
  readonly idleSessionMs: number;
  /** Of sessions, and of upstreams that single requests share. */
  readonly maxSessions: number;
  /** What is kept of a session's events for a client that comes back to them; 0 = nothing. */
  readonly resumeBytes: number;
}

interface Session {
  readonly id: string;
  readonly client: HttpClient;
  readonly use: Use;
}

/** Of Streamable HTTP; a session is on one of them. */
const VERSIONS: ReadonlySet<string> = new Set([
  '2024-11-05',
  '2025-03-26',
  '2025-06-18',
  '2025-11-25',
]);
const LAST_EVENT_ID = 'last-event-id';
/** "HeaderMismatch" (SEP-2243). */
const HEADER_MISMATCH = -32_020;

/** The clients of a proxy over HTTP: sessions before 2026-07-28, single requests since. */
export class HttpClients {
  readonly #options: HttpClientsOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #stateless: StatelessUpstreams;
  readonly #idle: IdleSessions;
  readonly #requests = new Set<HttpClient>();
  /** Upstreams for which there is room, and that are not open yet. */
  #beginning = 0;
  /** Sessions that are over, and whose upstreams have not let go yet. */
  #ending = 0;

  constructor(options: HttpClientsOptions) {
    this.#options = options;
    this.#idle = new IdleSessions(options.idleSessionMs, options.proxy.options.logger);
    this.#stateless = new StatelessUpstreams(options.proxy, this.#idle);
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Resolves when what has arrived is answered, besides subscriptions. */
  async idle(): Promise<void> {
    const clients = [
      ...Array.from(this.#sessions.values(), ({ client }) => client),
      ...this.#requests,
    ];
    await Promise.all(clients.map(({ relay }) => relay.idle()));
  }

  async close(): Promise<void> {
    const ends = [...this.#sessions.values()].map((session) => this.#end(session));
    for (const client of this.#requests) client.close();
    await Promise.all([...ends, this.#stateless.close()]);
  }

  /** Takes what a client has posted. */
  async post(
    messages: readonly Message[],
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const [first] = messages;
    const fault = messages.length === 1 && first && envelopeFaultOf(first, request.headers);
    if (fault) {
      answerError(response, first, INVALID_PARAMS, `Invalid params: ${fault}`);
    } else if (messages.some((message) => requestVersion(message) !== undefined)) {
      await this.#postAlone(messages, request, response);
    } else if (first?.kind === 'request' && first.method === 'initialize') {
      if (messages.length > 1) refuse(response, 400, 'An initialization comes alone');
      else await this.#begin(first, request, response);
    } else {
      const session = this.#sessionOf(request, response);
      if (session !== undefined) this.#postTo(session, messages, request, response);
    }
  }

  /** Opens the stream of a session for what belongs to no request. */
  listen(request: IncomingMessage, response: ServerResponse): void {
    const session = this.#sessionOf(request, response);
    if (session === undefined) return;
    const { [LAST_EVENT_ID]: lastId } = request.headers;
    const from = lastId === undefined ? undefined : placeOf(single(lastId) ?? '');
    if (lastId !== undefined && from === undefined) {
      refuse(response, 400, 'Bad Request: no event of the session has this Last-Event-ID');
      return;
    }
    session.use.during(response);
    const headers = { 'mcp-session-id': session.id };
    if (from !== undefined) {
      if (session.client.resume(from, response, headers)) return;
      refuse(response, 400, 'Bad Request: nothing after this Last-Event-ID is kept');
    } else if (!session.client.listen(response, headers)) {
      refuse(response, 409, 'The session has such a stream already');
    }
  }

  /** Ends a session as its client wants. */
  async delete(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const session = this.#sessionOf(request, response);
    if (session === undefined) return;
    await this.#end(session);
    response.writeHead(200).end();
  }

  async #begin(
    message: Message,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (!(await this.#makeRoom(response))) return;
    this.#beginning--;
    const { proxy } = this.#options;
    const id = randomUUID();
    const { resumeBytes } = this.#options;
    const log = resumeBytes === 0 ? undefined : new EventLog(resumeBytes);
    const client = new HttpClient(() => void this.#end(session), proxy.options.logger, log);
    const use = this.#idle.add(
      () => this.#sessions.has(id),
      () => this.#end(session),
    );
    const session: Session = { id, client, use };
    this.#sessions.set(id, session);
    client.relay = proxy.newRelay(client, proxy.newUpstream(), true);
    use.during(response);
    client.relay.open();
    const context = this.#contextOf(session, request.headers);
    client.post([message], response, context, { 'mcp-session-id': id });
    // One that was refused has begun no session.
    response.once('close', () => {
      if (client.relay.version === undefined) void this.#end(session);
    });
  }

  #postTo(
    session: Session,
    messages: readonly Message[],
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const { client } = session;
    const version = request.headers['mcp-protocol-version'];
    const isKnown = version === undefined || version === client.relay.version;
    if (!isKnown && !(typeof version === 'string' && VERSIONS.has(version))) {
      refuse(
        response,
        400,
        `Unsupported protocol version: the session is on ${client.relay.version}`,
      );
      return;
    }
    if (client.relay.isClogged) {
      refuse(response, 503, 'The upstream does not take in what it was sent');
      return;
    }
    if (messages.some(({ kind, id }) => kind === 'request' && client.awaits(id))) {
      refuse(response, 400, 'Bad Request: another request of the session has its id');
      return;
    }
    session.use.during(response);
    const context = this.#contextOf(session, request.headers);
    if (messages.some(({ kind }) => kind === 'request')) {
      client.post(messages, response, context, { 'mcp-session-id': session.id });
      return;
    }
    for (const message of messages) client.relay.receive(message, context);
    response.writeHead(202).end();
  }

  /** Answers a request that belongs to no session. */
  async #postAlone(
    messages: readonly Message[],
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const [message] = messages;
    if (message === undefined || messages.length > 1) {
      refuse(response, 400, 'This revision has no batches');
      return;
    }
    if (message.kind !== 'request') {
      response.writeHead(202).end();
      return;
    }
    const mismatch = headerMismatch(message, (name) => single(request.headers[name]));
    if (mismatch !== undefined) {
      answerError(response, message, HEADER_MISMATCH, `Bad Request: ${mismatch}`);
      return;
    }
    const { proxy } = this.#options;
    const identity = identityOf(request.headers, this.#options.forwardedHeaders);
    const partition = identity === undefined ? undefined : hashed(identity);
    if (!this.#stateless.has(partition)) {
      if (!(await this.#makeRoom(response))) return;
      this.#beginning--;
    }
    const client = new HttpClient(() => {}, proxy.options.logger);
    const relay = proxy.newRelay(client, this.#stateless.newUpstream(partition), false);
    client.relay = relay;
    this.#requests.add(client);
    relay.open();
    const context = { partition, headers: this.#forwarded(request.headers) };
    client.post([message], response, context);
    // On this revision whoever ends the connection withdraws the request.
    response.once('close', () => {
      this.#requests.delete(client);
      void relay.close();
    });
  }

  /**
   * Makes room for another upstream, for which one that nobody uses may have to end. Who is given room
   * takes it within the same turn.
   *
   * @param response by which the client is told where there is no room
   */
  async #makeRoom(response: ServerResponse): Promise<boolean> {
    const { maxSessions } = this.#options;
    // Clients that left without a word must not keep others out; who comes back begins anew.
    while (this.#open >= maxSessions && (await this.#idle.endLongest()));
    if (response.closed) return false;
    if (this.#open < maxSessions) {
      this.#beginning++;
      return true;
    }
    refuse(response, 503, `There are ${maxSessions} sessions already`);
    return false;
  }

  get #open(): number {
    return this.#sessions.size + this.#stateless.size + this.#beginning + this.#ending;
  }

  #sessionOf(request: IncomingMessage, response: ServerResponse): Session | undefined {
    const id = request.headers['mcp-session-id'];
    const session = typeof id === 'string' ? this.#sessions.get(id) : undefined;
    if (session !== undefined) return session;
    if (id !== undefined) {
      respond(response, 404, -32_001, 'Session not found');
    } else if (request.method === 'POST') {
      refuse(response, 400, 'Mcp-Session-Id header is required');
    } else {
      // Since 2026-07-28 there is nothing but POST.
      response.setHeader('allow', 'POST');
      refuse(response, 405, 'Method not allowed without a session');
    }
    return undefined;
  }

  #contextOf({ client }: Session, headers: IncomingHttpHeaders): ClientContext {
    const identity = identityOf(headers, this.#options.forwardedHeaders) ?? '';
    return {
      partition: hashed(`${client.relay.id} ${identity}`),
      headers: this.#forwarded(headers),
    };
  }

  #forwarded(headers: IncomingHttpHeaders): Record<string, string> {
    const names = [
      ...this.#options.forwardedHeaders,
      // Parameters of tools (SEP-2243): the upstream checks them against the body.
      ...Object.keys(headers).filter((name) => name.startsWith('mcp-param-')),
    ];
    const found = names.map((name) => [name, single(headers[name])] as const);
    return Object.fromEntries(
      found.filter((pair): pair is readonly [string, string] => pair[1] !== undefined),
    );
  }

  async #end(session: Session): Promise<void> {
    session.use.stop();
    if (!this.#sessions.delete(session.id)) return session.client.relay.close();
    this.#ending++;
    session.client.close();
    try {
      await session.client.relay.close();
    } finally {
      this.#ending--;
    }
  }
}

/** Of a session the revision was agreed on before. */
function envelopeFaultOf(message: Message, headers: IncomingHttpHeaders): string | undefined {
  if (headers['mcp-session-id'] !== undefined) return undefined;
  return envelopeFault(message, single(headers['mcp-protocol-version']));
}

/** Refuses one request, which since 2026-07-28 is told by its id. */
function answerError(response: ServerResponse, { id }: Message, code: number, text: string): void {
  response.writeHead(400, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id, ...errorAnswer(code, text) }));
}

function refuse(response: ServerResponse, status: number, message: string): void {
  respond(response, status, -32_000, message);
}

function single(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.join(', ');
}

/** What tells a user apart; nothing but a token is a secret that only its user has. */
function identityOf(
  headers: IncomingHttpHeaders,
  forwarded: readonly string[],
): string | undefined {
  if (headers.authorization === undefined) return undefined;
  const others = forwarded.map((name) => [name, single(headers[name])]);
  return JSON.stringify([headers.authorization, others]);
}

/** Never the token itself: keys end up in dumps. */
function hashed(identity: string): string {
  return hash('sha256', identity, 'base64url');
}
