import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { HeapEstimate } from '../../src/cache/heap-estimate.ts';
import { weighValue } from '../../src/cache/value-weight.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme', size: 'large' }),
);

const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
});

describe('weighValue', () => {
  it('gives an integer of 0 or more for any value, the same each time [CACHE-SIZE-ESTIMATE]', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const weight = weighValue(value);
        expect(Number.isSafeInteger(weight) && weight >= 0).toBe(true);
        expect(weighValue(value)).toBe(weight);
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives a string the bytes that encoding it yields [WEIGH-EXACT]', () => {
    const encoder = new TextEncoder();
    fc.assert(
      fc.property(text, (value) => {
        expect(weighValue(value)).toBe(encoder.encode(value).length);
      }),
    );
  });

  it('gives a read result the bytes of its payloads [WEIGH-EXACT]', () => {
    const encoder = new TextEncoder();
    const optional = { mimeType: fc.constant('text/plain') };
    const content = fc.oneof(
      fc.record({ uri: fc.webUrl(), text, ...optional }, { requiredKeys: ['uri', 'text'] }),
      fc.record({ uri: fc.webUrl(), blob: fc.base64String(), ...optional }),
    );
    fc.assert(
      fc.property(fc.array(content), (contents) => {
        const payloads = contents.map((each) => ('text' in each ? each.text : each.blob));
        const bytes = payloads.map((each) => encoder.encode(each).length);
        expect(weighValue({ contents })).toBe(bytes.reduce((sum, each) => sum + each, 0));
      }),
    );
  });

  it('gives small data the sum of its parts [CACHE-SIZE-ESTIMATE]', () => {
    const part = fc.jsonValue({ maxDepth: 3 }).map((value) => ({ value }));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
        const whole = new HeapEstimate();
        const bytes = whole.of(parts);
        // Above this, names and short strings that recur are counted once for the whole.
        fc.pre(whole.visits < 256);
        const header = new HeapEstimate().of([1]) - 8;
        const sum = parts.reduce((total, each) => total + 8 + new HeapEstimate().of(each), header);
        expect(bytes).toBe(sum);
      }),
    );
  });

  it('never gives less for more [CACHE-SIZE-ESTIMATE]', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.jsonValue(), (values, more) => {
        const fewer = new HeapEstimate();
        const bytes = fewer.of(values);
        fc.pre(fewer.visits < 128);
        expect(weighValue([...values, more])).toBeGreaterThanOrEqual(Math.round(bytes));
      }),
    );
  });
});
