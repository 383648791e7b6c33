import type { IdleSessions, Use } from '../mcp/idle-sessions.ts';
import type { Proxy } from './proxy.ts';
import { SharedUpstream } from './shared-upstream.ts';
import type { Upstream } from './upstream.ts';

/** Who has no token is told apart from nobody. */
const ANYBODY = 'anybody';

interface Shared {
  readonly upstream: SharedUpstream;
  readonly use: Use;
}

/**
 * What answers requests that belong to no session: over HTTP each by itself; of servers that run as
 * processes one for each user, ended when it is not used.
 */
export class StatelessUpstreams {
  readonly #proxy: Proxy;
  readonly #idle: IdleSessions;
  readonly #shared = new Map<string, Shared>();
  /** Those that are over, and have not let go yet. */
  #ending = 0;

  constructor(proxy: Proxy, idle: IdleSessions) {
    this.#proxy = proxy;
    this.#idle = idle;
  }

  /** How many are kept, or not over yet. */
  get size(): number {
    return this.#shared.size + this.#ending;
  }

  /** Whether another request of a user costs no further process. */
  has(partition: string | undefined): boolean {
    return this.#areSingle || this.#shared.has(partition ?? ANYBODY);
  }

  newUpstream(partition: string | undefined): Upstream {
    if (this.#areSingle) return this.#proxy.newUpstream();
    const key = partition ?? ANYBODY;
    const { upstream, use } = this.#shared.get(key) ?? this.#open(key, partition);
    use.begin();
    const view = upstream.newView();
    const close = view.close.bind(view);
    view.close = async () => {
      await close();
      use.end();
    };
    return view;
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#shared, ([key, shared]) => this.#end(key, shared)));
  }

  get #areSingle(): boolean {
    return 'url' in this.#proxy.options.target;
  }

  #open(key: string, partition: string | undefined): Shared {
    const upstream = new SharedUpstream(
      this.#proxy.newUpstream(),
      () => this.#proxy.store.doubt(partition ?? 'nobody'),
      () => void this.#end(key, shared),
    );
    const use = this.#idle.add(
      () => this.#shared.get(key) === shared,
      () => this.#end(key, shared),
    );
    const shared: Shared = { upstream, use };
    this.#shared.set(key, shared);
    return shared;
  }

  async #end(key: string, shared: Shared): Promise<void> {
    shared.use.stop();
    if (this.#shared.get(key) === shared) this.#shared.delete(key);
    this.#ending++;
    try {
      await shared.upstream.close();
    } finally {
      this.#ending--;
    }
  }
}
