import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Notification } from '@modelcontextprotocol/sdk/types.js';

import { describeError } from '../describe-value.ts';
import { badOption } from '../options.ts';
import { AnswerCache } from './answer-cache.ts';
import type { CacheServerSettings } from './cache-server-options.ts';
import { CachedConnection, type ConnectionHost } from './cached-connection.ts';
import { HandlerCalls } from './handler-calls.ts';
import { overrideMethod } from './method-override.ts';
import { isStateless } from './envelope.ts';
import { followHandlers } from './handler-follower.ts';
import { INVALID_PARAMS, RESOURCE_NOT_FOUND } from './json-rpc-error.ts';
import type { MethodGroup } from './method-group.ts';
import { groupOfMethod } from './question.ts';
import {
  generationOf,
  hasHandler,
  negotiatedVersionOf,
  type ProtocolServer,
} from './sdk-server.ts';
import type { SdkServer } from './sdk-types.ts';

/** Whose notifications tell that a group has changed. */
const LIST_CHANGES: Readonly<Record<string, MethodGroup>> = {
  'notifications/resources/list_changed': 'resources',
  'notifications/tools/list_changed': 'tools',
  'notifications/prompts/list_changed': 'prompts',
};

/** An `McpServer` calls these on each change, and sends nothing while it is not connected. */
const ANNOUNCEMENTS = {
  sendResourceListChanged: 'resources',
  sendToolListChanged: 'tools',
  sendPromptListChanged: 'prompts',
} as const satisfies Partial<Record<keyof McpServer, MethodGroup>>;

/** Each announces a change, which is none to a client that has yet to come. Version 2 has three. */
const REGISTRATIONS = [
  'registerResource',
  'registerTool',
  'registerPrompt',
  'resource',
  'tool',
  'prompt',
] as const satisfies readonly (keyof McpServer)[];

/** One server of the SDK whose public methods tell of its connections and of what changes. */
export class CachedServer implements ConnectionHost {
  readonly answers: AnswerCache;
  readonly calls = new HandlerCalls();
  readonly settings: CacheServerSettings;
  readonly #protocol: ProtocolServer;
  readonly #undoes: (() => void)[];
  readonly #connections = new Set<CachedConnection>();
  uncachedRequests = 0;
  /** Params of what the cache itself has sent. */
  readonly #told = new WeakSet<object>();
  /** What is built up before the first connection is news to nobody. */
  #wasConnected = false;
  #isRegistering = false;
  #isOpen = true;

  constructor(server: SdkServer, protocol: ProtocolServer, settings: CacheServerSettings) {
    this.#protocol = protocol;
    this.settings = settings;
    const { transport } = protocol;
    if (transport !== undefined && typeof transport.onmessage !== 'function') {
      badOption('server', server, 'one whose transport tells its onmessage: cache it first');
    }
    this.answers = new AnswerCache(settings.cache, settings.ttlMs);
    if (transport !== undefined) {
      this.#attach(transport, protocol.getClientVersion() !== undefined);
    }
    this.#undoes = [
      this.#followConnections(),
      this.#followNotifications(),
      ...this.#followHandlers(),
      ...('server' in server ? this.#followRegistrations(server as McpServer) : []),
    ];
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get revision(): string | undefined {
    const version = negotiatedVersionOf(this.#protocol);
    return isStateless(version) ? version : undefined;
  }

  get notFoundCode(): number {
    return generationOf(this.#protocol) === 1 ? RESOURCE_NOT_FOUND : INVALID_PARAMS;
  }

  answersTo(method: string): boolean {
    return (
      hasHandler(this.#protocol, method) || this.#protocol.fallbackRequestHandler !== undefined
    );
  }

  countUncached(): void {
    this.uncachedRequests++;
  }

  forget(connection: CachedConnection): void {
    this.#connections.delete(connection);
  }

  /** Requests under way are still answered. */
  close(): void {
    this.#isOpen = false;
    for (const undo of this.#undoes) undo();
    for (const connection of this.#connections) connection.retire();
    this.answers.close();
  }

  #attach(transport: Transport, isInitialized: boolean): CachedConnection {
    this.#wasConnected = true;
    const connection = new CachedConnection(transport, this, isInitialized);
    this.#connections.add(connection);
    return connection;
  }

  #followConnections(): () => void {
    return overrideMethod(this.#protocol, 'connect', (connect) => async (transport) => {
      let connection: CachedConnection | undefined;
      // The SDK starts a transport when its own callbacks are in place.
      const undo = overrideMethod(transport, 'start', (start) => () => {
        undo();
        connection = this.#attach(transport, false);
        return start();
      });
      try {
        await connect(transport);
      } catch (error) {
        connection?.close();
        throw error;
      } finally {
        undo();
      }
    });
  }

  /** Before a notification is on its way, so that who reads on it finds nothing old. */
  #followNotifications(): () => void {
    return overrideMethod(this.#protocol, 'notification', (notification) => (sent, options) => {
      this.noteNotification(sent);
      return notification(sent, options);
    });
  }

  /** Sends what the cache tells of: nothing is to be dropped for it any more. */
  tell(method: string, params: Record<string, unknown>): void {
    this.#told.add(params);
    // A server that has not declared that it would is told so, and its client nothing.
    const send = async (): Promise<void> => this.#protocol.notification({ method, params });
    send().catch((error: unknown) => {
      const about = { method, error: describeError(error) };
      this.settings.logger?.debug('a notification could not be sent', about);
    });
  }

  noteNotification({ method, params }: Notification): void {
    if (!this.#isOpen || (params !== undefined && this.#told.has(params))) return;
    if (method === 'notifications/resources/updated') {
      const uri = params?.['uri'];
      if (typeof uri === 'string') this.answers.dropUri(uri);
    } else if (Object.hasOwn(LIST_CHANGES, method)) {
      this.#drop(LIST_CHANGES[method]);
    }
  }

  /** Another handler may answer otherwise. */
  #followHandlers(): (() => void)[] {
    return followHandlers(this.#protocol, {
      // The SDK does not send, nor call `notification`, once the request has been cancelled.
      sends: (sent) => this.noteNotification(sent),
      isStale: (id) => this.calls.unshareAnswer(id),
      changed: (method) => this.#noteHandlerOf(method),
    });
  }

  #noteHandlerOf(method: string | undefined): void {
    if (!this.#wasConnected) return;
    if (method !== undefined) this.#drop(groupOfMethod(method));
    else for (const group of Object.values(LIST_CHANGES)) this.#drop(group);
  }

  #followRegistrations(server: McpServer): (() => void)[] {
    const announcements = Object.keys(ANNOUNCEMENTS) as (keyof typeof ANNOUNCEMENTS)[];
    return [
      ...announcements.map((name) =>
        overrideMethod(server, name, (announce) => () => {
          if (this.#wasConnected || !this.#isRegistering) this.#drop(ANNOUNCEMENTS[name]);
          announce();
        }),
      ),
      ...REGISTRATIONS.filter((name) => name in server).map((name) =>
        this.#followRegistration(server, name),
      ),
    ];
  }

  #followRegistration(server: McpServer, name: (typeof REGISTRATIONS)[number]): () => void {
    type Register = (...args: unknown[]) => unknown;
    // Their overloads have no signature in common, and what is given is handed on as it is.
    const methods = server as unknown as Record<typeof name, Register>;
    return overrideMethod(methods, name, (register) => (...args) => {
      this.#isRegistering = true;
      try {
        return register(...args);
      } finally {
        this.#isRegistering = false;
      }
    });
  }

  #drop(group: MethodGroup | undefined): void {
    if (group !== undefined) this.answers.dropGroup(group);
  }
}
