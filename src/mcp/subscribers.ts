import type { MutationTap } from './mutation-tap.ts';

/** URIs of one connection that are noted, and how long each may be in characters: no longer one is cached. */
const MOST_URIS = 10_000;
const MAX_URI_LENGTH = 8_192;

/** Connections that have subscribed, over all servers that share one cache. */
export class Subscribers {
  static readonly #ofCaches = new WeakMap<object, Subscribers>();
  /** URIs as each client spelled them. */
  readonly #subscriptions = new Map<MutationTap, Set<string>>();

  static of(cache: object): Subscribers {
    let subscribers = this.#ofCaches.get(cache);
    if (subscribers === undefined) {
      subscribers = new Subscribers();
      this.#ofCaches.set(cache, subscribers);
    }
    return subscribers;
  }

  note(tap: MutationTap, uri: string, isSubscribed: boolean): void {
    const uris = this.#subscriptions.get(tap) ?? new Set();
    if (!isSubscribed) uris.delete(uri);
    else if (uris.size < MOST_URIS && uri.length <= MAX_URI_LENGTH) uris.add(uri);
    if (uris.size > 0) this.#subscriptions.set(tap, uris);
    else this.#subscriptions.delete(tap);
  }

  forget(tap: MutationTap): void {
    this.#subscriptions.delete(tap);
  }

  /** Sends `resources/updated` to each who has subscribed to a URI that matches. */
  tell(matches: (uri: string) => boolean): void {
    for (const [tap, uris] of this.#subscriptions) {
      for (const uri of uris) {
        if (matches(uri)) tap.tell('notifications/resources/updated', { uri });
      }
    }
  }
}
