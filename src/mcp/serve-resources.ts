import type * as SdkMcp from '@modelcontextprotocol/sdk/server/mcp.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';

import { GranaryError } from '../errors.ts';
import type { ReadContext } from '../manager/read-context.ts';
import { invalidateUris, ResourceManager } from '../manager/resource-manager.ts';
import { badOption } from '../options.ts';
import type { RegistryChange } from '../registry/uri-registry.ts';
import { announceLists, joinListAudience } from './list-audience.ts';
import { noteManager } from './manager-link.ts';
import { followMutations } from './mutation-follower.ts';
import { followRegistry } from './registry-follower.ts';
import { overrideMethod } from './method-override.ts';
import { installHandlers, RESOURCE_METHODS } from './request-handlers.ts';
import { installHandlersV2 } from './request-handlers-v2.ts';
import { ResourceServer } from './resource-server.ts';
import { isPerRequest } from './request-context.ts';
import { importSdkMcp, importSdkServer, importSdkTypes } from './sdk-peer.ts';
import { generationOf, hasHandler, protocolOf, type ProtocolServer } from './sdk-server.ts';
import type { SdkServer } from './sdk-types.ts';
import { readServeOptions, type ServeResourcesOptions } from './serve-options.ts';
import { TemplateMirror } from './template-mirror.ts';
import type { Mutation } from './tool-mutations.ts';

/** A server that serves resources. */
export interface ResourceServing extends Disposable {
  /** Ends subscriptions and notifications and answers no more; the manager stays open. */
  close(): void;
}

const served = new WeakSet();

/**
 * Answers everything about resources on an MCP server from a manager: lists, templates, reads,
 * completion and subscriptions, with the notifications that belong to them.
 *
 * To be awaited before the server connects, since it declares capabilities. It is asynchronous
 * because it imports the SDK, an optional peer, on demand. One manager may serve any number of
 * servers, such as one for each session; a server that is dropped needs no `close`.
 *
 * Resources that were registered with the `McpServer` itself are no longer served.
 *
 * On 2026-07-28 connections reads tell for how long what is kept is fresh, and to whom it may be given.
 * Servers that `createMcpHandler` makes for each request end with it: `linkEvents` tells the clients
 * that listen there.
 *
 * @param server of `@modelcontextprotocol/sdk` version 1 or `@modelcontextprotocol/server` version 2,
 * not connected yet
 * @returns what ends it
 * @throws (rejects with) `ERR_GRANARY_BAD_OPTION`; `ERR_GRANARY_MISSING_PEER` where the SDK is not
 * installed
 * @example
 * ```ts
 * import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
 * import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
 * import { ResourceManager } from 'mcp-granary';
 * import { serveResources } from 'mcp-granary/mcp';
 * const manager = new ResourceManager();
 * manager.register('note://{id}', (uri, { id }) => `Note ${id}`, { public: true });
 * const server = new McpServer({ name: 'notes', version: '1.0.0' });
 * await serveResources(server, manager);
 * await server.connect(new StdioServerTransport());
 * ```
 */
export async function serveResources(
  server: SdkServer,
  manager: ResourceManager,
  options?: ServeResourcesOptions,
): Promise<ResourceServing> {
  const settings = readServeOptions(options);
  const protocol = protocolOf(server);
  if (!(manager instanceof ResourceManager)) badOption('manager', manager, 'a ResourceManager');
  const isVersion1 = generationOf(protocol) === 1;
  const types = isVersion1 ? await importSdkTypes() : undefined;
  const mcp = 'server' in server ? await importTemplates(isVersion1) : undefined;
  checkServable(protocol);
  // An McpServer completes prompts itself; a low-level server's own handler would be lost.
  if (mcp === undefined && settings.completePrompt === undefined) checkCompletesNothing(protocol);
  const mirror = mcp && mirrorTemplates(server as McpServer, mcp);

  served.add(protocol);
  noteManager(protocol, manager);
  protocol.registerCapabilities({
    resources: { subscribe: true, listChanged: true },
    completions: {},
  });
  const resources = new ResourceServer(protocol, manager, settings, mirror);
  const completes = mirror === undefined;
  if (types === undefined) installHandlersV2(protocol, resources, completes);
  else installHandlers(protocol, types, resources, completes);
  const stopRegistry = followRegistry(manager.registry, resources, tellOfChange);
  const leaveLists = joinListAudience(manager, resources);
  const stopFollowing = (): void => {
    stopRegistry();
    leaveLists();
  };
  const stopMutations =
    settings.mutations &&
    followMutations(protocol, settings.mutations, manager, {
      changed: (mutation) => invalidateMutation(manager, mutation),
      logger: settings.logger,
    });
  const stopWatching = watchConnections(protocol, resources, stopFollowing);
  const close = (): void => {
    if (!served.delete(protocol)) return;
    noteManager(protocol, undefined);
    stopFollowing();
    stopMutations?.();
    stopWatching();
    resources.close();
    for (const method of RESOURCE_METHODS) protocol.removeRequestHandler(method);
  };
  return { close, [Symbol.dispose]: close };
}

/** @returns resolves when other processes do not find it any more, or cannot be told now */
function invalidateMutation(
  manager: ResourceManager,
  mutation: Mutation,
): Promise<void> | undefined {
  if (mutation.kind === 'tag') manager.invalidateTag(mutation.tag);
  else if (mutation.kind === 'list') announceLists(manager, mutation.group);
  else if (mutation.uris.kind === 'exact') manager.invalidate(mutation.uris.prefix);
  else invalidateUris(manager, mutation.uris, mutation.wide);
  return manager.stats().tier === undefined ? undefined : manager.flush();
}

// Not within serveResources: a closure made there would keep the server alive for the registry.
function tellOfChange(resources: ResourceServer, change: RegistryChange<ReadContext>): void {
  resources.onRegistryChange(change);
}

/**
 * A client of 2026-07-28 subscribes to nothing that its server would hear of. A server that is made for
 * one exchange lets go of the registry with it: many more may come before the next garbage collection.
 *
 * @param stopFollowing lets go of the registry
 */
function watchConnections(
  protocol: ProtocolServer,
  resources: ResourceServer,
  stopFollowing: () => void,
): () => void {
  return overrideMethod(protocol, 'connect', (connect) => async (transport) => {
    await connect(transport);
    if (isPerRequest(transport)) resources.onDisconnect(stopFollowing);
    else resources.onConnected();
  });
}

type Templates = Pick<typeof SdkMcp, 'ResourceTemplate'>;

async function importTemplates(isVersion1: boolean): Promise<Templates> {
  // What is used of the class is the same in both.
  return isVersion1 ? importSdkMcp() : ((await importSdkServer()) as unknown as Templates);
}

function checkServable(protocol: ProtocolServer): void {
  if (served.has(protocol)) badOption('server', protocol, 'one that serves no resources yet');
  if (protocol.transport !== undefined) {
    badOption('server', protocol, 'one that is not connected yet: await serveResources first');
  }
}

function checkCompletesNothing(protocol: ProtocolServer): void {
  if (!hasHandler(protocol, 'completion/complete')) return;
  badOption(
    'completePrompt',
    undefined,
    'a function where the server answers completion/complete already, which is replaced',
  );
}

function mirrorTemplates(server: McpServer, mcp: Templates): TemplateMirror {
  try {
    return new TemplateMirror(server, mcp);
  } catch (cause) {
    throw new GranaryError(
      'ERR_GRANARY_BAD_OPTION',
      'server must be an McpServer without request handlers of its own for resources and completion; ' +
        `with those, give server.server and completePrompt (${String(cause)})`,
      { cause, data: { option: 'server' } },
    );
  }
}
