import { randomUUID } from 'node:crypto';

import { InMemoryTransport as InMemoryTransport1 } from '@modelcontextprotocol/sdk/inMemory.js';
import type { McpServer as McpServer1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { WebStandardStreamableHTTPServerTransport as HttpTransport1 } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import {
  createMcpHandler,
  InMemoryTransport as InMemoryTransport2,
  type McpHttpHandler,
  type McpServer as McpServer2,
  WebStandardStreamableHTTPServerTransport as HttpTransport2,
} from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { onTestFinished, vi } from 'vitest';

export type AnyMcpServer = McpServer1 | McpServer2;

export interface WireMessage {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** A client by hand: it sees each field of what a server sends. */
export interface Wire {
  /** @param meta what `_meta` holds besides what the revision asks for */
  ask(
    method: string,
    params?: Record<string, unknown>,
    meta?: Record<string, unknown>,
  ): Promise<WireMessage>;
  /** Sends a notification. */
  tell(method: string, params?: Record<string, unknown>): Promise<void>;
  /** What the server has sent without being asked, in the order of arrival. */
  readonly told: WireMessage[];
  /** Asks to be told of changes, as the revision has it. */
  subscribe(uris: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Where servers of one generation serve clients of one revision over one transport. */
export interface Setting {
  readonly name: string;
  readonly generation: 1 | 2;
  readonly revision: '2025-11-25' | '2026-07-28';
  readonly transport: 'stdio' | 'sessions' | 'requests';
}

function setting(
  generation: Setting['generation'],
  transport: Setting['transport'],
  revision: Setting['revision'],
): Setting {
  return {
    name: `version ${generation}, ${transport}, ${revision}`,
    generation,
    transport,
    revision,
  };
}

/** `stdio` one connection, `sessions` Streamable HTTP with sessions, `requests` without. */
export const SETTINGS: readonly Setting[] = [
  setting(1, 'stdio', '2025-11-25'),
  setting(1, 'sessions', '2025-11-25'),
  setting(1, 'requests', '2025-11-25'),
  setting(2, 'stdio', '2025-11-25'),
  setting(2, 'stdio', '2026-07-28'),
  setting(2, 'sessions', '2025-11-25'),
  setting(2, 'requests', '2025-11-25'),
  setting(2, 'requests', '2026-07-28'),
];

export const STDIO: readonly Setting[] = SETTINGS.filter(({ transport }) => transport === 'stdio');
export const HTTP: readonly Setting[] = SETTINGS.filter(({ transport }) => transport !== 'stdio');
export const STATELESS: readonly Setting[] = SETTINGS.filter(
  ({ revision }) => revision === '2026-07-28',
);

/** Who sends a request by HTTP. */
export interface Sender {
  readonly token?: string;
  readonly clientName?: string;
}

/** Servers made by one factory: one for each connection, session or request. */
export class Site {
  readonly #setting: Setting;
  readonly #make: () => AnyMcpServer | Promise<AnyMcpServer>;
  /** Of version 2, for requests without sessions. */
  readonly handler: McpHttpHandler | undefined;
  readonly #sessions = new Map<string, HttpTransport1 | HttpTransport2>();

  constructor(given: Setting, make: () => AnyMcpServer | Promise<AnyMcpServer>) {
    this.#setting = given;
    this.#make = make;
    if (given.generation === 2 && given.transport === 'requests') {
      const handler = createMcpHandler(async () => (await make()) as McpServer2);
      this.handler = handler;
      onTestFinished(() => handler.close());
    }
  }

  async connect(sender: Sender = {}): Promise<Wire> {
    const { transport } = this.#setting;
    const wire = transport === 'stdio' ? await this.#stdio(sender) : this.#http(sender);
    if (this.#setting.revision === '2025-11-25') {
      await wire.ask('initialize', {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: sender.clientName ?? 'wire', version: '1.0.0' },
      });
      await wire.tell('notifications/initialized');
    }
    onTestFinished(() => wire.close());
    return wire;
  }

  #params(
    { clientName = 'wire' }: Sender,
    params: Record<string, unknown> | undefined,
    meta: Record<string, unknown> | undefined,
  ): object {
    const envelope = this.#setting.revision === '2026-07-28' && {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: clientName, version: '1.0.0' },
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const all = { ...envelope, ...meta };
    const isBare = Object.keys(all).length === 0;
    if (isBare) return params === undefined ? {} : { params };
    return { params: { ...params, _meta: all } };
  }

  async #stdio(sender: Sender): Promise<Wire> {
    const { generation, revision } = this.#setting;
    const Transport = generation === 1 ? InMemoryTransport1 : InMemoryTransport2;
    const [near, far] = Transport.createLinkedPair() as InMemoryTransport2[];
    const waiting = new Map<unknown, (message: WireMessage) => void>();
    const told: WireMessage[] = [];
    near!.onmessage = (message: unknown) => {
      const received = message as WireMessage;
      const isAnswer = received.id !== undefined && received.method === undefined;
      if (isAnswer) waiting.get(received.id)?.(received);
      else told.push(received);
    };
    if (generation === 1) await ((await this.#make()) as McpServer1).connect(far as never);
    else serveStdio(async () => (await this.#make()) as McpServer2, { transport: far! });
    await near!.start();
    let id = 0;
    const ask: Wire['ask'] = (method, params, meta) =>
      new Promise((resolve) => {
        waiting.set(++id, resolve);
        void near!.send({
          jsonrpc: '2.0',
          id,
          method,
          ...this.#params(sender, params, meta),
        } as never);
      });
    return {
      ask,
      told,
      tell: (method, params) => near!.send({ jsonrpc: '2.0', method, params } as never),
      subscribe: async (uris) => {
        if (revision === '2025-11-25') {
          for (const uri of uris) await ask('resources/subscribe', { uri });
          return;
        }
        const before = told.length;
        void ask('subscriptions/listen', { notifications: filterOf(uris) });
        await vi.waitFor(() => {
          if (told.length === before) throw new Error('not acknowledged');
        });
        told.splice(before);
      },
      close: () => near!.close(),
    };
  }

  #http(sender: Sender): Wire {
    const { revision } = this.#setting;
    const told: WireMessage[] = [];
    const streams: ReadableStreamDefaultReader<Uint8Array>[] = [];
    let session: string | null = null;
    let id = 0;
    const post = async (message: WireMessage & { jsonrpc: '2.0' }): Promise<Response> => {
      const { name, uri } = (message.params ?? {}) as { name?: string; uri?: string };
      const request = new Request('http://127.0.0.1/mcp', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': revision,
          ...(session !== null && { 'mcp-session-id': session }),
          ...(revision === '2026-07-28' && {
            'mcp-method': message.method ?? '',
            ...((name ?? uri) !== undefined && { 'mcp-name': name ?? uri ?? '' }),
          }),
        },
        body: JSON.stringify(message),
      });
      const response = await this.#answer(request, session, sender);
      session ??= response.headers.get('mcp-session-id');
      return response;
    };
    const ask: Wire['ask'] = async (method, params, meta) => {
      const message = {
        jsonrpc: '2.0' as const,
        id: ++id,
        method,
        ...this.#params(sender, params, meta),
      };
      const messages = messagesIn(await (await post(message)).text());
      const answer = messages.find((one) => one.id === message.id && one.method === undefined);
      told.push(...messages.filter((one) => one !== answer));
      if (answer === undefined) throw new Error(`no answer to ${method}`);
      return answer;
    };
    return {
      ask,
      told,
      tell: async (method, params) => {
        await post({ jsonrpc: '2.0', method, ...(params && { params }) });
      },
      subscribe: async (uris) => {
        const params = this.#params(sender, { notifications: filterOf(uris) }, undefined);
        const response = await post({
          jsonrpc: '2.0',
          id: ++id,
          method: 'subscriptions/listen',
          ...params,
        });
        const reader = response.body!.getReader();
        streams.push(reader);
        await reader.read(); // the acknowledgement
        void pump(reader, told);
      },
      close: async () => {
        for (const reader of streams) await reader.cancel();
      },
    };
  }

  async #answer(request: Request, session: string | null, { token }: Sender): Promise<Response> {
    const authInfo = token === undefined ? undefined : authOf(token);
    const options = authInfo === undefined ? {} : { authInfo };
    if (this.handler !== undefined) return this.handler.fetch(request, options);
    const known = session === null ? undefined : this.#sessions.get(session);
    const transport = known ?? (await this.#open());
    return transport.handleRequest(request, options);
  }

  async #open(): Promise<HttpTransport1 | HttpTransport2> {
    const server = await this.#make();
    const isStateless = this.#setting.transport === 'requests';
    const options = isStateless
      ? {}
      : {
          sessionIdGenerator: randomUUID,
          onsessioninitialized: (id: string) => void this.#sessions.set(id, transport),
        };
    const Transport = this.#setting.generation === 1 ? HttpTransport1 : HttpTransport2;
    const transport: HttpTransport1 | HttpTransport2 = new Transport(options);
    await server.connect(transport);
    onTestFinished(() => transport.close());
    return transport;
  }
}

/** The bearer check of these sites knows tokens of the form `USER#ANYTHING`; roles are part of the user. */
function authOf(token: string): {
  token: string;
  clientId: string;
  scopes: string[];
  extra: { user: string };
} {
  const [user = ''] = token.split('#');
  return { token, clientId: 'wire', scopes: [], extra: { user } };
}

function filterOf(uris: readonly string[]): object {
  return {
    resourceSubscriptions: [...uris],
    resourcesListChanged: true,
    toolsListChanged: true,
    promptsListChanged: true,
  };
}

function messagesIn(body: string): WireMessage[] {
  if (body.startsWith('{')) return [JSON.parse(body) as WireMessage];
  return body
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice('data: '.length)) as WireMessage);
}

async function pump(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  told: WireMessage[],
): Promise<void> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    told.push(...messagesIn(Buffer.from(value).toString()));
  }
}

/** The text of a read's first part. */
export function textIn({ result, error }: WireMessage): unknown {
  if (error !== undefined) throw new Error(`${error.code}: ${error.message}`);
  const [part] = (result?.['contents'] ?? []) as readonly { readonly text?: unknown }[];
  return part?.text;
}
