import type { Host } from './host.ts';

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

  /** What hosts hold in which nothing runs, in bytes. */
  spareBytes(): number {
    let bytes = 0;
    for (const host of this.#idle) bytes += host.residentBytes();
    for (const host of this.#ending.keys()) bytes += host.residentBytes();
    return bytes;
  }

  async close(): Promise<void> {
    for (const host of this.#idle.splice(0)) void this.retire(host);
    await Promise.all(this.#ending.values());
  }
}
