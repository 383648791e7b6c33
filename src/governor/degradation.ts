import type { MemoryGauge, MemoryPressure } from './memory-pressure.ts';

/** A cache that can be made smaller and larger again: a `ResourceCache` is one. */
export interface ResizableCache {
  stats(): { readonly memoryBytes: number; readonly maxMemoryBytes: number };
  resize(bounds: { readonly maxBytes: number }): void;
}

/** What is done while memory is short; each goes as far as it can before the next is tried. */
export const DEGRADATION_MEASURES = ['shrink-cache', 'throttle-tools', 'refuse-tools'] as const;

/** One of the things that are done while memory is short. */
export type DegradationMeasure = (typeof DEGRADATION_MEASURES)[number];

/** When something is done about short memory, and what. */
export interface DegradationSettings {
  /** Share of memory at which it is short. */
  readonly enter: number;
  /** Share of memory below which it is not. */
  readonly leave: number;
  /** How long it must be short before each step, in ms. */
  readonly sustainMs: number;
  /** How long it must not be short before each step back, in ms. */
  readonly recoverMs: number;
  /** Share of time that tasks wait for memory at which it is short. */
  readonly stalledEnter: number;
  /** How long they must wait so before each step, in ms. */
  readonly stalledSustainMs: number;
  /** In this order; what is not named is not done. */
  readonly order: readonly DegradationMeasure[];
  /** What is left of a cache at each step, as a share of what it holds. */
  readonly shrinkTo: number;
  /** What is left of a cache at the last step, as a share of its bound. */
  readonly shrinkFloor: number;
}

/** What a step acts on. */
export interface DegradationTarget {
  readonly caches: readonly ResizableCache[];
  /** Priorities of the tools that there are. */
  priorities(): Iterable<number>;
  /** Told of each step. */
  changed(direction: 'worse' | 'better', step: string, reason: string): void;
}

const MIB = 1_048_576;

/**
 * Gives up what can be spared while memory is short, step by step, and takes the steps back in reverse order when it is
 * not any more: caches shrink, tools of the lowest priority wait, then are refused.
 */
export class Degradation {
  readonly #settings: DegradationSettings;
  readonly #gauge: MemoryGauge;
  readonly #target: DegradationTarget;
  /** How to take back what was done, the last step last. */
  readonly #steps: { readonly step: string; readonly undo: () => void }[] = [];
  /** Bounds before the first step. */
  readonly #originals = new WeakMap<ResizableCache, number>();
  #throttledUpTo = -Infinity;
  #refusedUpTo = -Infinity;
  #shortSinceMs: number | undefined;
  #stalledSinceMs: number | undefined;
  #easySinceMs: number | undefined;

  constructor(settings: DegradationSettings, gauge: MemoryGauge, target: DegradationTarget) {
    this.#settings = settings;
    this.#gauge = gauge;
    this.#target = target;
  }

  /** How many steps are taken. */
  get level(): number {
    return this.#steps.length;
  }

  /** Whether a tool has to wait. */
  throttles(priority: number): boolean {
    return priority <= this.#throttledUpTo;
  }

  /** Whether a tool may not run at all. */
  refuses(priority: number): boolean {
    return priority <= this.#refusedUpTo;
  }

  /** Looks at memory, and takes at most one step. */
  look(nowMs: number): void {
    const pressure = this.#gauge();
    const { enter, leave, sustainMs, recoverMs, stalledEnter, stalledSustainMs } = this.#settings;
    const { share, stalledShare = 0 } = pressure;
    this.#shortSinceMs = share >= enter ? (this.#shortSinceMs ?? nowMs) : undefined;
    this.#stalledSinceMs =
      stalledShare >= stalledEnter ? (this.#stalledSinceMs ?? nowMs) : undefined;
    const isEasy = share < leave && stalledShare < stalledEnter;
    this.#easySinceMs = isEasy ? (this.#easySinceMs ?? nowMs) : undefined;
    if (hasLasted(this.#shortSinceMs, sustainMs, nowMs)) {
      this.#shortSinceMs = nowMs;
      this.#worsen(pressure);
    } else if (hasLasted(this.#stalledSinceMs, stalledSustainMs, nowMs)) {
      this.#stalledSinceMs = nowMs;
      this.#worsen(pressure);
    } else if (this.#steps.length > 0 && hasLasted(this.#easySinceMs, recoverMs, nowMs)) {
      this.#easySinceMs = nowMs;
      this.#better(pressure);
    }
  }

  /** Takes everything back. */
  close(): void {
    for (let last = this.#steps.pop(); last !== undefined; last = this.#steps.pop()) last.undo();
  }

  #worsen(pressure: MemoryPressure): void {
    for (const measure of this.#settings.order) {
      const taken = this.#take(measure);
      if (taken === undefined) continue;
      this.#steps.push(taken);
      return this.#target.changed('worse', taken.step, describe(pressure));
    }
  }

  #better(pressure: MemoryPressure): void {
    const last = this.#steps.pop();
    if (last === undefined) return;
    last.undo();
    this.#target.changed('better', `no longer: ${last.step}`, describe(pressure));
  }

  #take(measure: DegradationMeasure): { step: string; undo: () => void } | undefined {
    if (measure === 'shrink-cache') return this.#shrink();
    if (measure === 'throttle-tools') {
      const before = this.#throttledUpTo;
      const priority = this.#nextPriority(before);
      if (priority === undefined) return undefined;
      this.#throttledUpTo = priority;
      const undo = () => (this.#throttledUpTo = before);
      return { step: `tools of priority ${priority} and below wait`, undo };
    }
    const before = this.#refusedUpTo;
    const priority = this.#nextPriority(before);
    if (priority === undefined) return undefined;
    this.#refusedUpTo = priority;
    const undo = () => (this.#refusedUpTo = before);
    return { step: `tools of priority ${priority} and below are refused`, undo };
  }

  #nextPriority(above: number): number | undefined {
    let next: number | undefined;
    for (const priority of this.#target.priorities()) {
      if (priority > above && (next === undefined || priority < next)) next = priority;
    }
    return next;
  }

  #shrink(): { step: string; undo: () => void } | undefined {
    const { shrinkTo, shrinkFloor } = this.#settings;
    const undoes: (() => void)[] = [];
    let freedBytes = 0;
    for (const cache of this.#target.caches) {
      const { memoryBytes, maxMemoryBytes } = cache.stats();
      const original = this.#originals.get(cache) ?? maxMemoryBytes;
      const floor = Math.ceil(original * shrinkFloor);
      const maxBytes = Math.max(floor, Math.floor(memoryBytes * shrinkTo));
      // What is below its floor, or would not get smaller, has nothing to give.
      if (maxBytes >= memoryBytes) continue;
      this.#originals.set(cache, original);
      cache.resize({ maxBytes });
      freedBytes += memoryBytes - maxBytes;
      undoes.push(() => cache.resize({ maxBytes: maxMemoryBytes }));
    }
    if (undoes.length === 0) return undefined;
    const step = `caches give up ${(freedBytes / MIB).toFixed(1)} MiB`;
    return { step, undo: () => undoes.forEach((undo) => undo()) };
  }
}

function hasLasted(sinceMs: number | undefined, durationMs: number, nowMs: number): boolean {
  return sinceMs !== undefined && nowMs - sinceMs >= durationMs;
}

function describe({ reason, stalledShare }: MemoryPressure): string {
  if (stalledShare === undefined) return reason;
  return `${reason}, tasks wait for memory ${(stalledShare * 100).toFixed(0)} % of the time`;
}
