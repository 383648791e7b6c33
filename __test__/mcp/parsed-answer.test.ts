import { Buffer } from 'node:buffer';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { resultIn } from '../../src/mcp/parsed-answer.ts';

/** Makes an answer too large to be parsed anew each time. */
const LARGE = 'x'.repeat(4_096);

function scramble(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    scramble(member);
    if (Array.isArray(value)) value[Number(key)] = 'changed';
    else Reflect.defineProperty(value, key, { value: 'changed' });
  }
}

describe('an answer in a cache', () => {
  it('is what was kept each time, whatever its readers do to it [CACHE-SERVER-COPIES]', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.boolean(), (value, isLarge) => {
        const text = JSON.stringify({ value, ...(isLarge && { LARGE }) });
        const kept = Buffer.from(text);
        for (let time = 0; time < 3; time++) {
          const result = resultIn(kept);
          expect(JSON.stringify(result)).toBe(text);
          scramble(result);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('has its members by any name, and any depth [CACHE-SERVER-COPIES]', () => {
    const odd = `{"__proto__":{"constructor":[1,{"__proto__":null}]},"more":"${LARGE}"}`;
    const deep = `{"more":"${LARGE}","deep":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    for (const text of [odd, deep]) {
      const kept = Buffer.from(text);
      for (let time = 0; time < 2; time++) {
        const result = resultIn(kept);
        expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
        if (text === odd) expect(JSON.stringify(result)).toBe(text);
        else expect(result['more']).toBe(LARGE);
      }
    }
  });
});
