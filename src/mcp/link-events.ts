import { ResourceCache } from '../cache/resource-cache.ts';
import { isClosedError } from '../errors.ts';
import { ResourceManager } from '../manager/resource-manager.ts';
import { badOption, checkOptions } from '../options.ts';
import { AnswerCache } from './answer-cache.ts';
import type { AnswerChanges, ChangeAudience } from './answer-changes.ts';
import { ListAnnouncer } from './list-announcer.ts';
import { joinListAudience, type ListAudience } from './list-audience.ts';
import type { MethodGroup } from './method-group.ts';

/** What a bus of version 2 of the SDK carries (`ServerEvent`). */
export type BusEvent =
  | { readonly kind: 'resource_updated'; readonly uri: string }
  | {
      readonly kind: 'resources_list_changed' | 'tools_list_changed' | 'prompts_list_changed';
    };

/** `ServerEventBus` of `@modelcontextprotocol/server`, as much of it as is used. */
export interface EventBus {
  publish(event: BusEvent): void;
  subscribe(listener: (event: BusEvent) => void): () => void;
}

/** What a bus is linked with: one of them at least. */
export interface LinkEventsOptions {
  /** Whose changes go to the bus, and who drops what the bus tells of. */
  readonly manager?: ResourceManager | undefined;
  /** Where `cacheServer` keeps answers, given to it as `cache`: what the bus tells of is dropped. */
  readonly cache?: ResourceCache | undefined;
}

/** A bus that is linked. */
export interface EventLink extends Disposable {
  /** Ends the link; bus, manager and cache stay open. */
  close(): void;
}

const LISTS: Readonly<Record<Exclude<BusEvent['kind'], 'resource_updated'>, MethodGroup>> = {
  resources_list_changed: 'resources',
  tools_list_changed: 'tools',
  prompts_list_changed: 'prompts',
};

/**
 * Links what outlives the requests of `createMcpHandler` with the clients that listen to it
 * (`subscriptions/listen`), in both directions: what a manager drops, or finds changed, is told to who
 * subscribed to its URI, and a change of its patterns to who listens for lists; what is published, by
 * `handler.notify` or on the bus, is dropped from cache and manager first.
 *
 * To be called before requests are served: a bus tells its listeners in the order in which they came.
 * The bus does not say who waits for what, nor for whom content is, so that nothing is loaded for those who listen: what has
 * expired shows its change when somebody reads it again (`ResourceManager.watchAll`).
 *
 * @param source what `createMcpHandler` returned, or a `ServerEventBus`
 * @returns what ends it
 * @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and what is allowed
 * @example
 * ```ts
 * import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
 * import { ResourceManager } from 'mcp-granary';
 * import { linkEvents, serveResources } from 'mcp-granary/mcp';
 * const manager = new ResourceManager();
 * manager.register('note://{id}', (uri, { id }) => `Note ${id}`, { public: true });
 * const handler = createMcpHandler(async () => {
 *   const server = new McpServer({ name: 'notes', version: '1.0.0' });
 *   await serveResources(server, manager);
 *   return server;
 * });
 * linkEvents(handler, { manager });
 * manager.invalidate('note://1'); // evicts it, and tells who listens
 * await handler.close();
 * manager.close();
 * ```
 */
export function linkEvents(
  source: EventBus | { readonly bus: EventBus },
  options: LinkEventsOptions,
): EventLink {
  const bus = busOf(source);
  const { manager, cache } = checkOptions('options', options);
  if (manager !== undefined && !(manager instanceof ResourceManager)) {
    badOption('manager', manager, 'a ResourceManager');
  }
  if (cache !== undefined && !(cache instanceof ResourceCache)) {
    badOption('cache', cache, 'a ResourceCache');
  }
  if (manager === undefined && cache === undefined) {
    badOption('options', options, 'an object with a manager, a cache or both');
  }
  const link = new Link(bus, manager, cache && new AnswerCache(cache, undefined));
  const close = (): void => link.close();
  return { close, [Symbol.dispose]: close };
}

class Link implements ListAudience {
  readonly #bus: EventBus;
  readonly #manager: ResourceManager | undefined;
  /** None while they tell of a change themselves. */
  #answers: AnswerCache | undefined;
  readonly #ends: (() => void)[] = [];
  /** What comes from the bus is not to go back to it, nor the other way round. */
  #isHearing = false;
  #isTelling = false;
  readonly #lists = new ListAnnouncer((group) => {
    if (this.#ends.length > 0) this.#tell({ kind: `${group}_list_changed` });
  });

  constructor(
    bus: EventBus,
    manager: ResourceManager | undefined,
    answers: AnswerCache | undefined,
  ) {
    this.#bus = bus;
    this.#manager = manager;
    this.#answers = answers;
    this.#ends.push(bus.subscribe((event) => this.#hear(event)));
    if (answers !== undefined) this.#followAnswers(answers.changes);
    if (manager === undefined) return;
    this.#ends.push(
      manager.watchAll((uri) => this.#tell({ kind: 'resource_updated', uri })),
      manager.registry.onChange(() => this.announceLists('resources')),
      joinListAudience(manager, this),
    );
  }

  close(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  /** What they tell of has been dropped, or brought anew, already. */
  #followAnswers(changes: AnswerChanges): void {
    const tell = (event: BusEvent): void => {
      const answers = this.#answers;
      this.#answers = undefined;
      try {
        this.#tell(event);
      } finally {
        this.#answers = answers;
      }
    };
    const audience: ChangeAudience = {
      changed: ({ lately }) => {
        for (const uri of lately) tell({ kind: 'resource_updated', uri });
      },
      listChanged: (group) => tell({ kind: `${group}_list_changed` }),
    };
    changes.join(audience);
    this.#ends.push(() => changes.leave(audience));
  }

  #hear(event: BusEvent): void {
    if (event.kind !== 'resource_updated') {
      // A bus of the future may carry more kinds.
      if (Object.hasOwn(LISTS, event.kind)) this.#answers?.dropGroup(LISTS[event.kind]);
      return;
    }
    const { uri } = event;
    if (typeof uri !== 'string' || uri === '') return;
    this.#answers?.dropUri(uri);
    if (this.#isTelling) return;
    this.#isHearing = true;
    try {
      this.#manager?.invalidate(uri);
    } catch (error) {
      // One that is closed holds nothing.
      if (!isClosedError(error)) throw error;
    } finally {
      this.#isHearing = false;
    }
  }

  #tell(event: BusEvent): void {
    if (this.#isHearing) return;
    const wasTelling = this.#isTelling;
    this.#isTelling = true;
    try {
      this.#bus.publish(event);
    } finally {
      this.#isTelling = wasTelling;
    }
  }

  /** Once for all changes of one turn. */
  announceLists(group: MethodGroup): void {
    this.#lists.announce(group);
  }
}

function busOf(source: EventBus | { readonly bus: EventBus }): EventBus {
  const given: unknown = source;
  if (typeof given === 'object' && given !== null) {
    const bus = ('bus' in given ? given.bus : given) as Partial<EventBus> | null;
    const isBus = typeof bus?.publish === 'function' && typeof bus.subscribe === 'function';
    if (isBus) return bus as EventBus;
  }
  return badOption('source', given, 'what createMcpHandler returns, or a ServerEventBus');
}
