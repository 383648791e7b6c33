import type { Proxy } from './proxy.ts';
import { SharedUpstream } from './shared-upstream.ts';
import type { Upstream } from './upstream.ts';

/** Who has no token is told apart from nobody. */
const ANYBODY = 'anybody';

interface Shared {
  readonly upstream: SharedUpstream;
  idleTimer: NodeJS.Timeout | undefined;
}

/**
 * What answers requests that belong to no session: over HTTP each by itself; of servers that run as
 * processes one for each user, ended when it is not used.
 */
export class StatelessUpstreams {
  readonly #proxy: Proxy;
  readonly #idleMs: number;
  readonly #shared = new Map<string, Shared>();
  #isClosed = false;

  constructor(proxy: Proxy, idleMs: number) {
    this.#proxy = proxy;
    this.#idleMs = idleMs;
  }

  newUpstream(partition: string | undefined): Upstream {
    if ('url' in this.#proxy.options.target) return this.#proxy.newUpstream();
    const key = partition ?? ANYBODY;
    const shared = this.#shared.get(key) ?? this.#open(key, partition);
    clearTimeout(shared.idleTimer);
    const view = shared.upstream.newView();
    const close = view.close.bind(view);
    view.close = async () => {
      await close();
      if (shared.upstream.uses === 0) this.#beginIdleTime(key, shared);
    };
    return view;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#shared.values()];
    this.#shared.clear();
    for (const { idleTimer } of all) clearTimeout(idleTimer);
    await Promise.all(all.map(({ upstream }) => upstream.close()));
  }

  #open(key: string, partition: string | undefined): Shared {
    const upstream = new SharedUpstream(
      this.#proxy.newUpstream(),
      () => this.#proxy.store.doubt(partition ?? 'nobody'),
      () => this.#shared.delete(key),
    );
    const shared: Shared = { upstream, idleTimer: undefined };
    this.#shared.set(key, shared);
    return shared;
  }

  #beginIdleTime(key: string, shared: Shared): void {
    clearTimeout(shared.idleTimer);
    if (this.#isClosed || this.#shared.get(key) !== shared) return;
    shared.idleTimer = setTimeout(() => {
      this.#shared.delete(key);
      void shared.upstream.close();
    }, this.#idleMs).unref();
  }
}
