import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ResourceCache } from '../../src/cache/resource-cache.ts';
import { RESOURCE_EVENT_NAMES } from '../../src/events/resource-event.ts';
import { callCache, cacheOperations, type StoreOptions } from '../support/cache-operations.ts';
import { cacheVariants } from '../support/cache-variants.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** One stored value, from its set to its replacement or the event that says that it has left. */
interface Stay {
  readonly uri: string;
  readonly weight: number;
  readonly expiresAt: number;
  readonly idleTtlMs: number;
  accessedAt: number;
}

/**
 * What must be true whatever a policy keeps. A value that was stored stays until it is replaced or
 * leaves by exactly one of `invalidated`, `expired` and `evicted`; what stays is what the cache
 * counts, weighs and returns; both bounds hold after every call and inside every event.
 */
class Accounts {
  readonly #cache: ResourceCache<string>;
  readonly #clock: ManualClock;
  /** By value: each set stores another one. */
  readonly #stays = new Map<string, Stay>();
  #faults: string[] = [];
  #left = 0;

  constructor(cache: ResourceCache<string>, clock: ManualClock) {
    this.#cache = cache;
    this.#clock = clock;
    for (const name of RESOURCE_EVENT_NAMES) {
      cache.on(name, ({ uri, value, metadata }) => {
        this.#checkBounds(`inside ${name} ${uri}`);
        if (name === 'loaded' || name === 'accessed' || metadata?.cause === 'too-large') return;
        const stay = this.#stays.get(value!);
        if (stay?.uri !== uri) this.#faults.push(`${name} ${uri}: ${value} is not held`);
        else if (name === 'expired' && this.#lives(stay)) this.#faults.push(`${uri} still lives`);
        this.#stays.delete(value!);
        this.#left++;
        if (cache.peek(uri) === value) this.#faults.push(`${name} ${uri}: ${value} is still there`);
      });
    }
  }

  /** Values that have left by an event. */
  get left(): number {
    return this.#left;
  }

  /** Runs a call that stores; the events of the call may already say that the value has left. */
  store(uri: string, value: string, options: StoreOptions, call: () => unknown): unknown {
    const former = this.held(uri);
    const now = this.#clock.now();
    const { weightBytes: weight, ttlMs = 900_000, idleTtlMs = 0 } = options;
    const expiresAt = ttlMs === 0 ? Infinity : now + ttlMs;
    if (weight <= this.#cache.maxEntryBytes) {
      this.#stays.set(value, { uri, weight, expiresAt, idleTtlMs, accessedAt: now });
    }
    const result = call();
    if (former !== undefined) this.#stays.delete(former);
    return result;
  }

  /** The value of a URI that has not left, expired or not. */
  held(uri: string): string | undefined {
    for (const [value, stay] of this.#stays) if (stay.uri === uri) return value;
    return undefined;
  }

  /** @param before what `held` was before the call */
  checkRead(uri: string, before: string | undefined, result: string | undefined): void {
    const stay = this.#stays.get(result ?? '');
    if (result === undefined) expect(this.held(uri)).toBeUndefined();
    else expect([result, stay?.uri, this.#lives(stay!)]).toEqual([before, uri, true]);
  }

  recordAccess(value: string): void {
    this.#stays.get(value)!.accessedAt = this.#clock.now();
  }

  check(): void {
    this.#checkBounds('after a call');
    expect(this.#faults).toEqual([]);
    const stays = [...this.#stays.values()];
    const weight = stays.reduce((sum, { weight }) => sum + weight, 0);
    expect([this.#cache.size, this.#cache.weightBytes]).toEqual([stays.length, weight]);
  }

  checkContents(): void {
    this.#cache.sync();
    this.check();
    for (const stay of this.#stays.values())
      expect([stay, this.#lives(stay)]).toEqual([stay, true]);
    const held = [...this.#stays].map(([value, { uri }]): [string, string] => [uri, value]);
    expect(new Map(this.#cache)).toEqual(new Map(held));
  }

  #lives({ expiresAt, idleTtlMs, accessedAt }: Stay): boolean {
    const idleUntil = idleTtlMs === 0 ? Infinity : accessedAt + idleTtlMs;
    return this.#clock.now() <= Math.min(expiresAt, idleUntil);
  }

  #checkBounds(where: string): void {
    const { size, maxSize, memoryBytes, maxMemoryBytes } = this.#cache.stats();
    if (size > maxSize || memoryBytes > maxMemoryBytes) {
      this.#faults.push(`${where}: ${size} of ${maxSize}, ${memoryBytes} of ${maxMemoryBytes}`);
    }
  }
}

const scales = [
  { title: 'the count binds', bytes: 1_000_000, weight: 40 },
  { title: 'the bytes bind', bytes: 2_500, weight: 60 },
  { title: 'heavy entries', bytes: 1_000, weight: 900 },
];

describe.each(cacheVariants)('every value stored is accounted for ($title)', (variant) => {
  it.each(scales)(
    'where $title [BOUND-BOTH, POLICY-ADAPTIVE, EVENT-EVICTED, EVENT-EXPIRED, EVENT-INVALIDATED, HAZARD-8, HAZARD-10, HAZARD-10-GROWTH, CACHE-TOTAL-SIZE, CACHE-RESIZE, EXPIRY-NONE-RETURNED]',
    async ({ bytes, weight }) => {
      const { maxEntries } = variant;
      const sequences = cacheOperations({
        uris: maxEntries * 2,
        weight,
        entries: { min: 10, max: maxEntries * 2 },
        bytes: { min: bytes / 4, max: bytes },
        length: 1_200,
      });
      let left = 0;
      await fc.assert(
        fc.asyncProperty(sequences, async (sequence) => {
          const clock = new ManualClock(1_700_000_000_000);
          const { cache } = variant.open<string>({ maxBytes: bytes, clock });
          const accounts = new Accounts(cache, clock);
          for (const [step, operation] of sequence.entries()) {
            const value = `value ${step}`;
            if (operation.kind === 'advance') clock.advance(operation.ms);
            else if (operation.kind === 'set') {
              accounts.store(operation.uri, value, operation.options, () =>
                callCache(cache, operation, value),
              );
            } else if (operation.kind === 'get' || operation.kind === 'peek') {
              const before = accounts.held(operation.uri);
              const result = callCache(cache, operation, value) as string | undefined;
              accounts.checkRead(operation.uri, before, result);
              if (operation.kind === 'get' && result !== undefined) accounts.recordAccess(result);
            } else if (operation.kind === 'load') {
              const { uri, options } = operation;
              const result = await cache.load(
                uri,
                () => accounts.store(uri, value, options, () => value) as string,
                options,
              );
              if (result !== value) accounts.recordAccess(result);
            } else {
              await callCache(cache, operation, value);
            }
            accounts.check();
          }
          accounts.checkContents();
          left += accounts.left;
          cache.close();
        }),
        { numRuns: 12, interruptAfterTimeLimit: 10_000 },
      );
      // Enough for the property to mean something, with whatever sequences chance brings.
      expect(left).toBeGreaterThan(100);
    },
  );
});
