import type { Host } from './host.ts';

/** How many hosts are kept. */
export interface PoolSettings {
  /** How many wait at most. */
  readonly maxIdle: number;
  /** How long one waits that is not needed, in ms; demand is looked back at for as long. */
  readonly idleMs: number;
}

/** How many hosts there are. */
export interface HostCount {
  /** Of which each runs a tool. */
  readonly busy: number;
  /** Which wait for the next. */
  readonly idle: number;
}

/** Demand is known for the current and the last of these parts of `idleMs`. */
const PARTS = 4;

/** What threads or processes hold in which nothing runs, in bytes. */
export interface SpareHosts {
  /** Of those that wait for the next execution. */
  readonly idleBytes: number;
  /** Of those that are being ended: some of it may be free already. */
  readonly endingBytes: number;
}

/**
 * Keeps hosts for the next execution: as many as were in use at once lately, so that a load finds them warm, and one
 * after it has gone. One that is lost while others are needed is replaced before somebody asks for it. How many run at
 * once is the business of whoever starts them.
 */
export class HostPool {
  readonly #create: () => Host;
  readonly #settings: PoolSettings;
  #idle: Host[] = [];
  #busy = 0;
  /** The most that were in use at once, in each part of the time that is looked back at; the newest first. */
  readonly #demand: number[] = [0];
  readonly #ending = new Map<Host, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(create: () => Host, settings: PoolSettings) {
    this.#create = create;
    this.#settings = settings;
  }

  get count(): HostCount {
    return { busy: this.#busy, idle: this.#idle.length };
  }

  take(): Host {
    const host = this.#takeIdle() ?? this.#create();
    this.#busy++;
    this.#demand[0] = Math.max(this.#demand[0] ?? 0, this.#busy);
    this.#look();
    return host;
  }

  /** Keeps a host that is as good as new, ends any other, and sees to one in its place. */
  giveBack(host: Host): void {
    this.#busy--;
    this.#idle = this.#idle.filter((one) => one.isAlive);
    host.listen(undefined);
    if (host.isAlive && this.#idle.length < this.#wanted() && !host.isWorn()) this.#idle.push(host);
    else void this.retire(host);
    this.#refill();
  }

  /** Ends a host; one that is in use is still to be given back. */
  async retire(host: Host): Promise<void> {
    const ending = host.end(0);
    this.#ending.set(host, ending);
    await ending;
    this.#ending.delete(host);
  }

  /** Ends all that wait: memory is short. */
  trim(): void {
    for (const host of this.#idle.splice(0)) void this.retire(host);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.trim();
    await Promise.all(this.#ending.values());
  }

  /** How many are to wait now. */
  #wanted(): number {
    const { maxIdle } = this.#settings;
    const most = Math.max(...this.#demand);
    return Math.min(maxIdle, Math.max(0, Math.max(1, most) - this.#busy));
  }

  #takeIdle(): Host | undefined {
    for (;;) {
      const host = this.#idle.pop();
      if (host === undefined || host.isAlive) return host;
    }
  }

  /** Others still run, and there were more: the next is started before it is asked for. */
  #refill(): void {
    if (this.#closed || this.#busy === 0 || this.#idle.length >= this.#wanted()) return;
    const host = this.#create();
    host.listen(undefined);
    // Whoever takes it hears of that.
    host.ready.catch(() => undefined);
    this.#idle.push(host);
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

  /** From now on forgets old demand, and ends what nobody needs any more, until one is left. */
  #look(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => {
      this.#demand.unshift(this.#busy);
      this.#demand.length = Math.min(this.#demand.length, PARTS + 1);
      while (this.#idle.length > this.#wanted()) {
        const host = this.#idle.shift();
        if (host !== undefined) void this.retire(host);
      }
      if (Math.max(...this.#demand) > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    }, this.#settings.idleMs / PARTS);
    this.#timer.unref();
  }
}
