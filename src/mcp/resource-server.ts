import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type {
  CompleteRequest,
  CompleteResult,
  ListResourcesResult,
  ListResourceTemplatesResult,
  ReadResourceResult,
} from '@modelcontextprotocol/sdk/types.js';

import type { ReadContext } from '../manager/read-context.ts';
import type { Reader } from '../manager/partition.ts';
import type { ReadResult } from '../manager/read-result.ts';
import type { Freshness, ResourceManager } from '../manager/resource-manager.ts';
import type { ListContext, Registration } from '../registry/registration.ts';
import type { RegistryChange } from '../registry/uri-registry.ts';
import { completeVariable, completionResult, type CompletionRequest } from './completion.ts';
import { cacheHints, tellTtl, ttlHint } from './cache-hints.ts';
import { Connection } from './connection.ts';
import { isStateless } from './envelope.ts';
import {
  INTERNAL_ERROR,
  INVALID_PARAMS,
  JsonRpcError,
  notFoundError,
  readError,
} from './json-rpc-error.ts';
import { ListAnnouncer } from './list-announcer.ts';
import { isCached } from './manager-link.ts';
import type { MethodGroup } from './method-group.ts';
import {
  hasSession,
  isPerRequest,
  readerOfRequest,
  type RequestContext,
} from './request-context.ts';
import { isTemplate, listResources, listTemplates } from './resource-listing.ts';
import { negotiatedVersionOf } from './sdk-server.ts';
import type { ServeSettings } from './serve-options.ts';
import type { TemplateMirror } from './template-mirror.ts';

/** What one MCP server answers from a manager, and what it tells its clients unasked. */
export class ResourceServer {
  readonly manager: ResourceManager;
  // oxlint-disable-next-line typescript/no-deprecated -- McpServer has no subscriptions; Server is the SDK's way to them
  readonly #server: Server;
  readonly #settings: ServeSettings;
  readonly #mirror: TemplateMirror | undefined;
  readonly #connections = new WeakMap<Transport, Connection>();
  #connection: Connection | undefined;
  readonly #lists = new ListAnnouncer((group) => void this.#sendListChanged(group));
  #closed = false;

  constructor(
    // oxlint-disable-next-line typescript/no-deprecated -- as above
    server: Server,
    manager: ResourceManager,
    settings: ServeSettings,
    mirror: TemplateMirror | undefined,
  ) {
    this.#server = server;
    this.manager = manager;
    this.#settings = settings;
    this.#mirror = mirror;
    for (const registration of manager.registry.list()) {
      if (isTemplate(registration)) this.#reflect(registration);
    }
  }

  async list(cursor: string | undefined, context: RequestContext): Promise<ListResourcesResult> {
    const { items, nextCursor } = await this.#guarded('listing resources', () =>
      listResources(
        this.manager.registry,
        { ...this.#reader(context), signal: context.signal },
        cursor,
        this.#settings.pageSize,
      ),
    );
    return { resources: [...items], ...(nextCursor === undefined ? {} : { nextCursor }) };
  }

  listTemplates(cursor: string | undefined): ListResourceTemplatesResult {
    const { registry } = this.manager;
    const { items, nextCursor } = listTemplates(registry, cursor, this.#settings.pageSize);
    return { resourceTemplates: [...items], ...(nextCursor === undefined ? {} : { nextCursor }) };
  }

  async read(uri: string, context: RequestContext): Promise<ReadResourceResult> {
    const reader = this.#reader(context);
    await this.#authorize(uri, context);
    try {
      const { signal } = context;
      const content = await this.manager.read(uri, { ...reader, signal });
      if (this.#isStateless || isCached(this.#server)) return this.#hinted(content, uri, reader);
      // Every reader gets the same object, which nobody changes on its way to the wire.
      return content as ReadResourceResult;
    } catch (error) {
      if (!context.signal.aborted) this.#logFailure('reading a resource', error, uri);
      throw readError(error, uri);
    }
  }

  async subscribe(uri: string, context: RequestContext): Promise<void> {
    const connection = this.#connect();
    const reader = this.#reader(context);
    try {
      await connection.subscribe(uri, this.#authorize(uri, context), () =>
        this.manager.watch(uri, () => this.#tellUpdated(uri, connection), reader),
      );
    } catch (error) {
      throw readError(error, uri);
    }
  }

  unsubscribe(uri: string): void {
    this.#connect().unsubscribe(uri);
  }

  async complete(
    request: CompleteRequest['params'],
    context: RequestContext,
  ): Promise<CompleteResult> {
    const { ref, argument } = request;
    if (ref.type === 'ref/prompt') {
      const { completePrompt } = this.#settings;
      if (completePrompt !== undefined) return completePrompt(request, context);
      throw new JsonRpcError(INVALID_PARAMS, 'No prompt has arguments to complete');
    }
    const registration = this.manager.registry
      .list()
      .find((candidate) => isTemplate(candidate) && candidate.pattern === ref.uri);
    if (registration === undefined) {
      throw new JsonRpcError(INVALID_PARAMS, 'No such resource template', { uri: ref.uri });
    }
    const { name: variable, value } = argument;
    const values = await this.#completeVariable(
      registration,
      { variable, value, params: request.context?.arguments ?? {} },
      { ...this.#reader(context), signal: context.signal },
    );
    return completionResult(values);
  }

  onRegistryChange({ change, registration }: RegistryChange<ReadContext>): void {
    if (isTemplate(registration)) {
      if (change === 'registered') this.#reflect(registration);
      else this.#mirror?.remove(registration.pattern);
    }
    this.announceLists('resources');
  }

  /**
   * Over a connection of 2026-07-28 every change is sent: the SDK keeps it from those who have not
   * asked for it, and tells nobody who has.
   */
  onConnected(): void {
    if (this.#closed || this.#server.transport === undefined || !this.#isStateless) return;
    const connection = this.#connect();
    connection.onClose(this.manager.watchAll((uri) => this.#tellUpdated(uri, connection)));
  }

  /** @param action called when the present connection closes */
  onDisconnect(action: () => void): void {
    if (this.#server.transport !== undefined) this.#connect().onClose(action);
  }

  close(): void {
    this.#closed = true;
    this.#mirror?.clear();
    this.#connection?.close();
  }

  /**
   * Says for how long a result is fresh: to `cacheServer` on this server, and where the revision has it
   * to the client. The SDK reads the members of a result in the turn in which it sends it: an
   * invalidation that its client has heard of by then leaves nothing of `ttlMs`.
   */
  #hinted(content: ReadResult, uri: string, reader: Reader): ReadResourceResult {
    const result = { ...content } as ReadResourceResult;
    const get = (): number => ttlHint(this.#freshness(uri, reader, content)?.remainingMs);
    tellTtl(result, get);
    if (!this.#isStateless) return result;
    // What not everybody may read is the same for all who may, and yet not everybody's.
    const isPublic =
      this.#freshness(uri, reader, content)?.public === true &&
      this.#settings.authorize === undefined;
    Object.assign(result, cacheHints(0, isPublic));
    return Object.defineProperty(result, 'ttlMs', { enumerable: true, get });
  }

  #freshness(uri: string, reader: Reader, content: ReadResult): Freshness | undefined {
    try {
      return this.manager.freshness(uri, reader, content);
    } catch {
      return undefined; // the manager was closed
    }
  }

  get #isStateless(): boolean {
    return isStateless(negotiatedVersionOf(this.#server));
  }

  /** Once for all changes of one turn, and only to a client that has introduced itself. */
  announceLists(group: MethodGroup): void {
    this.#lists.announce(group);
  }

  async #sendListChanged(group: MethodGroup): Promise<void> {
    if (this.#closed || this.#server.transport === undefined) return;
    if (isPerRequest(this.#server.transport)) return;
    const isIntroduced = this.#isStateless || this.#server.getClientCapabilities() !== undefined;
    if (!isIntroduced) return;
    try {
      await this.#server.notification({ method: `notifications/${group}/list_changed` });
    } catch (error) {
      this.#logFailure('sending list_changed', error);
    }
  }

  /** Lets an McpServer complete a template, which does not say for whom. */
  #reflect(registration: Registration<ReadContext>): void {
    this.#mirror?.add(registration, (request) => this.#completeVariable(registration, request, {}));
  }

  #completeVariable(
    registration: Registration<ReadContext>,
    request: CompletionRequest,
    context: ListContext,
  ): Promise<readonly string[]> {
    return this.#guarded('completing a variable', () =>
      completeVariable(registration, request, context),
    );
  }

  /** The connection that a request of this moment comes by. */
  #connect(): Connection {
    const { transport } = this.#server;
    if (this.#closed || transport === undefined) {
      throw new JsonRpcError(INTERNAL_ERROR, 'Resources are no longer served');
    }
    let connection = this.#connections.get(transport);
    if (connection === undefined) {
      connection = new Connection(transport, this.#settings.maxSubscriptions);
      this.#connections.set(transport, connection);
    }
    this.#connection = connection;
    return connection;
  }

  #reader(context: RequestContext): Reader {
    const { id, transport } = this.#connect();
    const session = hasSession(transport, context) ? (context.sessionId ?? id) : undefined;
    try {
      return readerOfRequest(context, session, this.#settings.partition);
    } catch (error) {
      throw this.#internalError('naming the principal', error);
    }
  }

  async #authorize(uri: string, context: RequestContext): Promise<void> {
    const { authorize } = this.#settings;
    if (authorize === undefined) return;
    const allowed: unknown = await this.#guarded('authorizing a read', async () =>
      authorize(context, uri),
    );
    // Anything but true refuses: a forgotten return must not let everybody in.
    if (allowed !== true) throw notFoundError(uri);
  }

  #tellUpdated(uri: string, connection: Connection): void {
    if (connection !== this.#connection || this.#server.transport === undefined) {
      // Its transport has closed without calling the onclose that we set.
      connection.close();
      return;
    }
    this.#server
      .sendResourceUpdated({ uri })
      .catch((error: unknown) => this.#logFailure('sending an update', error, uri));
  }

  /** What the operator's own functions throw is logged, not sent. */
  async #guarded<T>(what: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw error instanceof JsonRpcError ? error : this.#internalError(what, error);
    }
  }

  #internalError(what: string, error: unknown): JsonRpcError {
    this.#logFailure(what, error);
    return new JsonRpcError(INTERNAL_ERROR, 'Internal error');
  }

  #logFailure(what: string, error: unknown, uri?: string): void {
    this.#settings.logger?.warn(`${what} failed`, {
      ...(uri === undefined ? {} : { uri }),
      error: error instanceof Error ? error.message : String(error),
    });
  }
}
