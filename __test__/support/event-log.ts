import type { ResourceCache } from '../../src/cache/resource-cache.ts';
import { RESOURCE_EVENT_NAMES, type ResourceEvent } from '../../src/events/resource-event.ts';

/** Every event of a cache from here on, in the order of delivery. */
export class EventLog<V> {
  #events: ResourceEvent<V>[] = [];

  constructor(cache: ResourceCache<V>) {
    for (const name of RESOURCE_EVENT_NAMES) cache.on(name, (event) => this.#events.push(event));
  }

  /** The events since the last call. */
  take(): ResourceEvent<V>[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** The same, each as `evicted a` or, where it has a cause, `evicted a (size)`. */
  takeTitles(): string[] {
    return this.take().map(titleOf);
  }
}

function titleOf({ event, uri, metadata }: ResourceEvent<unknown>): string {
  return metadata?.cause === undefined ? `${event} ${uri}` : `${event} ${uri} (${metadata.cause})`;
}
