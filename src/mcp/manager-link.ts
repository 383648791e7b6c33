import type { ResourceCache } from '../cache/resource-cache.ts';
import { isClosedError } from '../errors.ts';
import type { ResourceManager } from '../manager/resource-manager.ts';
import { AnswerCache } from './answer-cache.ts';
import { joinListAudience, type ListAudience } from './list-audience.ts';
import type { MethodGroup } from './method-group.ts';
import { followRegistry } from './registry-follower.ts';

/** Of servers, by what serves their resources and what keeps their answers. */
const managers = new WeakMap<object, ResourceManager>();
const caches = new WeakMap<object, ResourceCache>();

/** Once for each pair, and as long as both are there: what is kept may outlive the server that linked them. */
const links = new WeakMap<ResourceManager, WeakMap<ResourceCache, ManagerLink>>();

const abandoned = new FinalizationRegistry<() => void>((stop) => stop());

/** Tells that a server's resources come from a manager; `undefined`: no more. */
export function noteManager(server: object, manager: ResourceManager | undefined): void {
  if (manager === undefined) managers.delete(server);
  else managers.set(server, manager);
  link(server);
}

/** Tells that a server's answers are kept in a cache; `undefined`: no more. */
export function noteCache(server: object, cache: ResourceCache | undefined): void {
  if (cache === undefined) caches.delete(server);
  else caches.set(server, cache);
  link(server);
}

/** Whether a server's answers are kept. */
export function isCached(server: object): boolean {
  return caches.has(server);
}

function link(server: object): void {
  const manager = managers.get(server);
  const cache = caches.get(server);
  if (manager === undefined || cache === undefined) return;
  const ofManager = links.get(manager) ?? new WeakMap<ResourceCache, ManagerLink>();
  links.set(manager, ofManager);
  if (ofManager.has(cache)) return;
  try {
    ofManager.set(cache, new ManagerLink(manager, cache));
  } catch (error) {
    // A manager that is closed drops nothing any more.
    if (!isClosedError(error)) throw error;
  }
}

/** Drops answers whose resources a manager drops, whether or not a client is there to be told. */
class ManagerLink implements ListAudience {
  readonly #answers: AnswerCache;

  constructor(manager: ResourceManager, cache: ResourceCache) {
    this.#answers = new AnswerCache(cache, undefined);
    followChanges(manager, this);
    followRegistry(manager.registry, this, dropLists);
    joinListAudience(manager, this);
  }

  dropUri(uri: string): void {
    this.#answers.dropUri(uri);
  }

  announceLists(group: MethodGroup): void {
    this.#answers.dropGroup(group);
  }
}

/** Without keeping the cache alive for its manager. */
function followChanges(manager: ResourceManager, follower: ManagerLink): void {
  const reference = new WeakRef(follower);
  const stop = manager.watchAll((uri) => reference.deref()?.dropUri(uri));
  abandoned.register(follower, stop);
}

function dropLists(follower: ManagerLink): void {
  follower.announceLists('resources');
}
