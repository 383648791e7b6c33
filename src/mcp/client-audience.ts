import type { AnswerChange, ChangeAudience } from './answer-changes.ts';
import type { MutationTap } from './mutation-tap.ts';
import type { MethodGroup } from './method-group.ts';

/** URIs of one connection that are noted, and how long each may be in characters: no longer one is cached. */
const MOST_URIS = 10_000;
const MAX_URI_LENGTH = 8_192;

/** Sends by the server's SDK, which knows who listens from revision 2026-07-28 on. */
export type Notify = (method: string, params: Record<string, unknown>) => void;

/** The client of one connection. */
export class ClientAudience implements ChangeAudience {
  readonly #tap: MutationTap;
  readonly #isStateless: () => boolean;
  readonly #notify: Notify;
  readonly #partitions: ReadonlySet<string>;
  /** What it has subscribed to, as it spelled them. */
  readonly #uris = new Set<string>();

  /**
   * @param partitions in which it has read
   * @param isStateless whether it subscribes by `subscriptions/listen`, of which the SDK alone hears
   */
  constructor(
    tap: MutationTap,
    partitions: ReadonlySet<string>,
    isStateless: () => boolean,
    notify: Notify,
  ) {
    this.#tap = tap;
    this.#partitions = partitions;
    this.#isStateless = isStateless;
    this.#notify = notify;
  }

  subscribed(uri: string, isSubscribed: boolean): void {
    if (!isSubscribed) this.#uris.delete(uri);
    else if (this.#uris.size < MOST_URIS && uri.length <= MAX_URI_LENGTH) this.#uris.add(uri);
  }

  changed({ isChanged, lately, partition }: AnswerChange): void {
    if (partition !== undefined && !this.#partitions.has(partition)) return;
    if (this.#isStateless()) {
      for (const uri of lately) this.#notify('notifications/resources/updated', { uri });
      return;
    }
    for (const uri of this.#uris) {
      if (isChanged(uri)) this.#tap.tell('notifications/resources/updated', { uri });
    }
  }

  listChanged(group: MethodGroup): void {
    this.#notify(`notifications/${group}/list_changed`, {});
  }
}
