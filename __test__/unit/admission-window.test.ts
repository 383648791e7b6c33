import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { AdmissionWindow } from '../../src/cache/admission-window.ts';
import { Entry } from '../../src/cache/entry.ts';

function entry(uri: string, weight = 1): Entry<string> {
  const made = new Entry(uri, uri);
  made.begin(uri, weight, 0, 0, 0, undefined);
  return made;
}

describe('AdmissionWindow', () => {
  it('is a queue from which any entry may leave, and knows its size and weight [HAZARD-10]', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ push: fc.integer({ min: 0, max: 1_000 }) }) },
      { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
      { weight: 2, arbitrary: fc.constant('leave' as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
        const window = new AdmissionWindow<string>();
        let model: Entry<string>[] = [];
        for (const [at, each] of steps.entries()) {
          if (each === 'leave') {
            const oldest = window.oldest();
            expect(oldest).toBe(model[0]);
            if (oldest !== undefined) window.remove(oldest);
            model.shift();
          } else if ('push' in each) {
            const pushed = entry(`mem://${at}`, each.push);
            window.push(pushed);
            model.push(pushed);
            expect(pushed.slot, 'looks as if it were in main').toBeLessThan(0);
          } else if (model.length > 0) {
            const removed = model[each.remove % model.length]!;
            window.remove(removed);
            model = model.filter((entry) => entry !== removed);
          }
          expect(window.size).toBe(model.length);
          expect(window.weightBytes).toBe(model.reduce((sum, { weight }) => sum + weight, 0));
        }
        expect([...window]).toEqual(model);
      }),
    );
  });

  it('keeps its order as it grows past what it began with', () => {
    const window = new AdmissionWindow<string>();
    const entries = Array.from({ length: 1_000 }, (_, n) => entry(`mem://${n}`));
    for (const each of entries) window.push(each);
    for (let n = 0; n < 1_000; n += 2) window.remove(entries[n]!);
    for (let n = 0; n < 5_000; n++) {
      const oldest = window.oldest()!;
      window.remove(oldest);
      window.push(oldest);
    }
    const left = [...window].map(({ uri }) => uri);
    expect(left).toEqual(entries.filter((_, n) => n % 2 === 1).map(({ uri }) => uri));
  });

  it('is as new after a clear', () => {
    const window = new AdmissionWindow<string>();
    for (let n = 0; n < 100; n++) window.push(entry(`mem://${n}`));
    window.clear();
    expect([window.size, window.weightBytes, window.oldest(), [...window]]).toEqual([
      0,
      0,
      undefined,
      [],
    ]);
    const next = entry('mem://next');
    window.push(next);
    expect(window.oldest()).toBe(next);
  });
});
