import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { createHeapParts } from '../../src/cache/heap-parts.ts';
import { HeapStore } from '../../src/cache/heap-store.ts';
import { ASLEEP, type StoreClock } from '../../src/cache/store-clock.ts';
import type { Lifetime } from '../../src/cache/store.ts';
import { EventHub } from '../../src/events/event-hub.ts';
import { Word } from '../../src/native/heap-block.ts';

/** Nobody is evicted: who is gone has been invalidated or has expired. */
const KEYS = 12;

/** A clock that ticks by itself, as far as the store can tell, and here only when it is told to. */
class SteppedClock implements StoreClock {
  readonly ticking = true;
  readonly words = new Int32Array(Word.end);
  /** What all origins that there were have moved by. */
  movedMs = 0;

  read(): number {
    return this.words[Word.clock]!;
  }

  toWallMs(reading: number): number {
    return this.movedMs + reading;
  }

  wallOffsetMs(): number {
    return this.movedMs;
  }

  rebase(delta: number): void {
    this.words[Word.clock]! -= delta;
    this.movedMs += delta;
  }

  advance(ms: number): void {
    if (this.read() + ms >= ASLEEP)
      throw new RangeError(`${ms} ms pass the clock's largest reading`);
    this.words[Word.clock]! += ms;
  }
}

/** Whole ms, none, fractions, and more than an integer of 32 bits holds. */
const TTLS = [0, 1, 7, 7.5, 40, 90_000, 2 ** 30 + 5, 2 ** 31 + 0.5];
const STEPS = [0, 1, 3, 8, 33, 45_000, 2 ** 30 - 10];

const someKey = fc.integer({ min: 0, max: KEYS - 1 }).map((n) => `mem://${n}`);
const someSet = fc.record({
  do: fc.constant('set' as const),
  key: someKey,
  ttlMs: fc.constantFrom(...TTLS),
  idleTtlMs: fc.constantFrom(0, 0, 0, 5),
  weight: fc.constantFrom(1, 2),
});
const someStep = fc.oneof(
  { weight: 6, arbitrary: someSet },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('get' as const), key: someKey }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('invalidate' as const), key: someKey }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(...STEPS) }),
  },
);

interface Known {
  readonly bornMs: number;
  usedMs: number;
  readonly ttlMs: number;
  readonly idleTtlMs: number;
}

function deadlineOf({ bornMs, usedMs, ttlMs, idleTtlMs }: Known): number {
  return Math.min(
    ttlMs === 0 ? Infinity : bornMs + ttlMs,
    idleTtlMs === 0 ? Infinity : usedMs + idleTtlMs,
  );
}

// Slots are used again by other entries without being scheduled anew: none may be forgotten for it.
it('finds every entry that has expired, and no other, whoever had its slot before [EXPIRY-PROMPT]', () => {
  const lifetimes = new Map<string, Lifetime>();
  const lifetimeOf = (ttlMs: number, idleTtlMs: number): Lifetime => {
    const name = `${ttlMs} ${idleTtlMs}`;
    const lifetime = lifetimes.get(name) ?? { ttlMs, idleTtlMs, tags: [] };
    lifetimes.set(name, lifetime);
    return lifetime;
  };
  fc.assert(
    fc.property(fc.array(someStep, { minLength: 60, maxLength: 120 }), (steps) => {
      const clock = new SteppedClock();
      const parts = { ...createHeapParts({ clock: { now: () => 0 }, policy: 'lru' }), clock };
      const bounds = { maxEntries: KEYS, maxBytes: 1_000 };
      const store = new HeapStore<string>(bounds, parts, new EventHub());
      const known = new Map<string, Known>();
      const nowMs = (): number => clock.toWallMs(clock.read());
      const lives = (key: string): boolean => {
        const entry = known.get(key);
        return entry !== undefined && nowMs() <= deadlineOf(entry);
      };
      try {
        for (const step of steps) {
          if (step.do === 'wait') {
            clock.advance(step.ms);
            store.sync();
          } else if (step.do === 'get') {
            expect(store.get(step.key) !== undefined).toBe(lives(step.key));
            if (lives(step.key)) known.get(step.key)!.usedMs = nowMs();
          } else if (step.do === 'invalidate') {
            store.invalidate(step.key);
            known.delete(step.key);
          } else {
            const { key, ttlMs, idleTtlMs, weight } = step;
            store.set(key, key, weight, lifetimeOf(ttlMs, idleTtlMs), false);
            known.set(key, { bornMs: nowMs(), usedMs: nowMs(), ttlMs, idleTtlMs });
          }
          if (step.do !== 'wait') continue;
          const held = store.urisByUse();
          expect(held.toSorted()).toEqual([...known.keys()].filter(lives).toSorted());
          for (const key of held) {
            expect(store.info(key)?.createdAtMs).toBe(known.get(key)!.bornMs);
          }
        }
      } finally {
        store.close();
      }
    }),
    { numRuns: 500 },
  );
});
