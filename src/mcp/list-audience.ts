import type { MethodGroup } from './method-group.ts';

/** Who tells clients that lists have changed. */
export interface ListAudience {
  announceLists(group: MethodGroup): void;
}

/** Of all servers of one manager, none of which is kept alive for it. */
const audiencesOf = new WeakMap<object, Set<WeakRef<ListAudience>>>();

/** @returns ends it */
export function joinListAudience(manager: object, audience: ListAudience): () => void {
  const audiences = audiencesOf.get(manager) ?? new Set();
  audiencesOf.set(manager, audiences);
  const reference = new WeakRef(audience);
  audiences.add(reference);
  return () => audiences.delete(reference);
}

/** A tool has changed the lists of a group. */
export function announceLists(manager: object, group: MethodGroup): void {
  const audiences = audiencesOf.get(manager) ?? new Set();
  for (const reference of [...audiences]) {
    const audience = reference.deref();
    if (audience === undefined) audiences.delete(reference);
    else audience.announceLists(group);
  }
}
