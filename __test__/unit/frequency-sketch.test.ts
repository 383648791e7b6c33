import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { FrequencySketch } from '../../src/cache/frequency-sketch.ts';
import { hashKey } from '../../src/cache/key-hash.ts';

function hash(n: number): number {
  return hashKey(`mem://${n}`, 7);
}

describe('FrequencySketch', () => {
  it('never tells less than the truth, up to 15, before it halves [POLICY-TINYLFU]', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 600 }), (keys) => {
        const sketch = new FrequencySketch(64);
        const counts = new Map<number, number>();
        for (const key of keys) {
          sketch.increment(hash(key));
          counts.set(key, (counts.get(key) ?? 0) + 1);
        }
        for (const [key, count] of counts) {
          expect(sketch.frequency(hash(key))).toBeGreaterThanOrEqual(Math.min(15, count));
        }
      }),
    );
  });

  it('tells nearly all keys that were used once from those never used [POLICY-TINYLFU]', () => {
    const entries = 10_000;
    const sketch = new FrequencySketch(entries);
    for (let n = 0; n < entries; n++) sketch.increment(hash(n));
    let more = 0;
    let unknown = 0;
    for (let n = 0; n < entries; n++) {
      if (sketch.frequency(hash(n)) > 1) more++;
      if (sketch.frequency(hash(entries + n)) > 0) unknown++;
    }
    expect(more / entries).toBeLessThan(0.02);
    expect(unknown / entries).toBeLessThan(0.02);
  });

  it('halves all counts in time, so that what was popular once is forgotten', () => {
    const sketch = new FrequencySketch(100);
    for (let use = 0; use < 15; use++) sketch.increment(hash(-1));
    expect(sketch.frequency(hash(-1))).toBe(15);
    for (let n = 0; n < 4_000; n++) sketch.increment(hash(n));
    expect(sketch.frequency(hash(-1))).toBeLessThanOrEqual(3);
  });

  it('keeps its counts as it grows with what is held [HAZARD-11-SKETCH]', () => {
    const sketch = new FrequencySketch(64);
    for (let n = 0; n < 20; n++) for (let use = 0; use <= n % 5; use++) sketch.increment(hash(n));
    const before = Array.from({ length: 20 }, (_, n) => sketch.frequency(hash(n)));
    sketch.fit(5_000);
    expect(Array.from({ length: 20 }, (_, n) => sketch.frequency(hash(n)))).toEqual(before);
    for (let n = 1_000; n < 4_000; n++) sketch.increment(hash(n));
    let wrong = 0;
    for (let n = 1_000; n < 4_000; n++) if (sketch.frequency(hash(n)) !== 1) wrong++;
    expect(wrong).toBeLessThan(100);
  });

  it('knows nothing after clear', () => {
    const sketch = new FrequencySketch(64);
    sketch.increment(hash(1));
    sketch.clear();
    expect(sketch.frequency(hash(1))).toBe(0);
  });
});
