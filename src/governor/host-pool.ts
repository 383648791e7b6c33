import type { Host } from './host.ts';

/** What threads or processes hold in which nothing runs, in bytes. */
export interface SpareHosts {
  /** Of those that wait for the next execution. */
  readonly idleBytes: number;
  /** Of those that are being ended: some of it may be free already. */
  readonly endingBytes: number;
}

/**
 * Keeps hosts that are done for the next execution. How many run at once is the business of whoever starts them.
 */
export class HostPool {
  readonly #create: () => Host;
  readonly #maxIdle: number;
  #idle: Host[] = [];
  readonly #ending = new Map<Host, Promise<void>>();

  constructor(create: () => Host, maxIdle: number) {
    this.#create = create;
    this.#maxIdle = maxIdle;
  }

  take(): Host {
    for (;;) {
      const host = this.#idle.pop();
      if (host === undefined) return this.#create();
      if (host.isAlive) return host;
    }
  }

  /** Keeps a host that is as good as new, and ends any other. */
  giveBack(host: Host): void {
    this.#idle = this.#idle.filter((one) => one.isAlive);
    host.listen(undefined);
    if (host.isAlive && this.#idle.length < this.#maxIdle && !host.isWorn()) this.#idle.push(host);
    else void this.retire(host);
  }

  async retire(host: Host): Promise<void> {
    const ending = host.end(0);
    this.#ending.set(host, ending);
    await ending;
    this.#ending.delete(host);
  }

  /** Whether the next execution needs no new host. */
  get hasIdle(): boolean {
    return this.#idle.some(({ isAlive }) => isAlive);
  }

  /** What hosts hold in which nothing runs. */
  spare(): SpareHosts {
    let [idleBytes, endingBytes] = [0, 0];
    for (const host of this.#idle) idleBytes += host.residentBytes();
    for (const host of this.#ending.keys()) endingBytes += host.residentBytes();
    return { idleBytes, endingBytes };
  }

  async close(): Promise<void> {
    for (const host of this.#idle.splice(0)) void this.retire(host);
    await Promise.all(this.#ending.values());
  }
}
