import * as fs from 'node:fs';

import { describe, expect, it } from 'vitest';

import { HeapEstimate, LEVEL_VISITS, MAX_VISITS } from '../../src/cache/heap-estimate.ts';
import { OPAQUE_BYTES } from '../../src/cache/heap-layout.ts';
import { MAX_EXACT_CONTENTS } from '../../src/cache/read-result-weight.ts';
import { weighValue } from '../../src/cache/value-weight.ts';

const uri = 'file:///notes/today.md';

function times<T>(length: number, item: (index: number) => T): T[] {
  return Array.from({ length }, (_, index) => item(index));
}

function holes(length: number): unknown[] {
  const array: unknown[] = [];
  array.length = length;
  return array;
}

/** A tree that is `width` wide at each of `depth` levels, with a number at each leaf. */
function tree(width: number, depth: number): unknown {
  return depth === 0 ? 1 : times(width, () => tree(width, depth - 1));
}

function forbidden(): never {
  throw new Error('code of the value ran');
}

describe('weighing strings', () => {
  it.each([
    ['', 0],
    ['plain', 5],
    ['café', 5],
    ['12 €', 6],
    ['grain 🌾', 10],
    ['\ud800 alone', 9],
    ['\0', 1],
    ['x'.repeat(1_000_000), 1_000_000],
    ['€'.repeat(100_000), 300_000],
  ])('counts the bytes of UTF-8 (case %#) [WEIGH-EXACT, CACHE-SIZE-ESTIMATE]', (text, bytes) => {
    expect(weighValue(text)).toBe(bytes);
    expect(weighValue(text, uri)).toBe(bytes);
  });
});

describe('weighing buffers', () => {
  const large = new ArrayBuffer(100_000);
  const slab = Buffer.from('cut from the pool');

  it.each<[string, object, number]>([
    ['Buffer', Buffer.alloc(300), 300],
    ['Buffer of the pool', slab, 17],
    ['part of a pooled Buffer', slab.subarray(4, 8), 4],
    ['empty Uint8Array', new Uint8Array(0), 0],
    ['Uint8Array', new Uint8Array(1_000_000), 1_000_000],
    ['Float64Array', new Float64Array(10), 80],
    ['DataView', new DataView(new ArrayBuffer(12)), 12],
    ['part of a slab', new Uint8Array(new ArrayBuffer(65_536), 10, 20), 20],
    ['ArrayBuffer', large, 100_000],
    ['SharedArrayBuffer', new SharedArrayBuffer(64), 64],
    ['view on a SharedArrayBuffer', new Int32Array(new SharedArrayBuffer(64)), 64],
    ['small view, which keeps a large ArrayBuffer', new Uint8Array(large, 7, 1), 100_000],
    ['small DataView, likewise', new DataView(large, 7, 1), 100_000],
  ])('counts the bytes that a %s keeps [WEIGH-EXACT]', (_, buffer, bytes) => {
    expect(weighValue(buffer)).toBe(bytes);
  });

  it('counts nothing for what was transferred away [WEIGH-EXACT]', () => {
    const view = new Uint8Array(5_000);
    const data = new DataView(new ArrayBuffer(5_000));
    structuredClone(0, { transfer: [view.buffer, data.buffer] });
    expect(weighValue(view)).toBe(0);
    expect(weighValue(data)).toBe(0);
  });

  it('does not believe a subclass [WEIGH-EXACT]', () => {
    class Liar extends Uint8Array {
      override get byteLength(): number {
        return forbidden();
      }
      override get buffer(): ArrayBuffer {
        return forbidden();
      }
    }
    expect(weighValue(new Liar(40))).toBe(40);
  });

  it('counts an ArrayBuffer once, however many views look at it [WEIGH-SHARED]', () => {
    const one = weighValue([new Uint8Array(large)]);
    const three = weighValue([
      new Uint8Array(large),
      new Uint8Array(large, 50_000),
      new DataView(large, 0, 8),
    ]);
    expect(one).toBeGreaterThanOrEqual(100_000);
    expect(three - one).toBeLessThan(400);
  });
});

describe('weighing the results of MCP reads', () => {
  const content = { uri, mimeType: 'text/markdown', text: 'naïve' };

  it.each<[string, unknown, number]>([
    ['one text', { contents: [content] }, 6],
    ['a text without a type', { contents: [{ uri, text: 'abc' }] }, 3],
    ['one blob, in base64', { contents: [{ uri, blob: 'AAECAw==' }] }, 8],
    ['a blob in bytes', { contents: [{ uri, blob: new Uint8Array(9) }] }, 9],
    ['several', { contents: [content, { uri, text: '€' }, { uri, blob: 'AAAA' }] }, 13],
    ['no content', { contents: [] }, 0],
    ['an empty text', { contents: [{ uri, text: '' }] }, 0],
    ['the same content twice', { contents: [content, content] }, 6],
    [
      'as many as are counted',
      { contents: times(MAX_EXACT_CONTENTS, () => ({ uri, text: 'ab' })) },
      2_048,
    ],
  ])('counts text and blob alone: %s [WEIGH-EXACT]', (_, result, bytes) => {
    expect(weighValue(result)).toBe(bytes);
  });

  it('adds an estimate of what else is there [WEIGH-EXACT]', () => {
    const padding = 'm'.repeat(10_000);
    for (const result of [
      { contents: [content], _meta: { padding } },
      { contents: [{ ...content, _meta: { padding } }] },
    ]) {
      expect(weighValue(result)).toBeGreaterThan(10_006);
      expect(weighValue(result)).toBeLessThan(10_406);
    }
  });

  it('estimates lists beyond the number that is counted [WEIGH-BOUNDED]', () => {
    const result = { contents: times(200_000, () => ({ uri, text: '' })) };
    // An object of two slots, and the slot for it.
    expect(weighValue(result)).toBeGreaterThan(200_000 * 48 * 0.9);
  });

  it.each([
    ['no uri', { contents: [{ text: 'abc' }] }],
    ['neither text nor blob', { contents: [{ uri }] }],
    ['a text that is none', { contents: [{ uri, text: 5 }] }],
    ['contents that are no list', { contents: 'abc' }],
    ['a hole', { contents: holes(1) }],
  ])(
    'takes what is no such result for a value like any other: %s [CACHE-SIZE-ESTIMATE]',
    (_, value) => {
      expect(weighValue(value)).toBe(new HeapEstimate().of(value));
    },
  );
});

describe('shared references', () => {
  const part = { name: 'some part or other', numbers: [1.5, 2.5, 3.5], at: new Date(0) };

  it('count once [WEIGH-SHARED]', () => {
    const copies = weighValue([part, structuredClone(part), structuredClone(part)]);
    const shared = weighValue([part, part, part]);
    expect(copies - shared).toBe(2 * weighValue(part));
  });

  it('count once at different depths [WEIGH-SHARED]', () => {
    const once = weighValue({ near: part, far: { deep: { deeper: null } } });
    expect(weighValue({ near: part, far: { deep: { deeper: part } } })).toBe(once);
  });

  it('end where they lead back [WEIGH-SHARED]', () => {
    const self: unknown[] = [];
    self.push(self);
    expect(weighValue(self)).toBe(weighValue([[]]) - weighValue([]));

    const map = new Map<unknown, unknown>();
    map.set(map, new Set([map]));
    const parent = { map, children: [] as unknown[] };
    parent.children.push(...times(5_000, (id) => ({ id, parent })));
    expect(weighValue(parent)).toBeLessThan(5_000 * 60);
  });

  it('count once in a sample too [WEIGH-SHARED, WEIGH-BOUNDED]', () => {
    const heavy = { text: 'h'.repeat(1_000_000) };
    const weight = weighValue(times(500_000, () => heavy));
    expect(weight).toBeGreaterThan(5_000_000);
    expect(weight).toBeLessThan(5_100_000);
  });

  it('are told from a sample, where each occurs some times [WEIGH-SHARED, WEIGH-BOUNDED]', () => {
    const some = times(20_000, (i) => ({ text: `${i}`.padStart(100, '.') }));
    const held = 500_000 * 8 + 20_000 * (32 + 120);
    const weight = weighValue(times(500_000, (i) => some[(i * 7_919) % 20_000]));
    expect(weight).toBeGreaterThan(0.7 * held);
    expect(weight).toBeLessThan(1.3 * held);
  });
});

describe('huge values', () => {
  const deep = (depth: number): unknown => {
    let value: unknown = 'bottom';
    for (let i = 0; i < depth; i++) value = [value];
    return value;
  };

  it.each<[string, () => unknown]>([
    ['an array of a million', () => times(1_000_000, (i) => i)],
    ['an array of half a million objects', () => times(500_000, (id) => ({ id, name: 'n' }))],
    ['a thousand arrays of a thousand', () => tree(1_000, 2)],
    ['a tree of a million leaves', () => tree(10, 6)],
    ['a binary tree 17 levels deep', () => tree(2, 17)],
    ['a million arrays, each in the next', () => deep(1_000_000)],
    ['a hundred such chains', () => times(100, () => deep(10_000))],
    ['a Map of 300,000', () => new Map(times(300_000, (i) => [i, { i }]))],
    ['a Set of 300,000', () => new Set(times(300_000, (i) => `${i}`))],
    ['an object of 200,000 names', () => Object.fromEntries(times(200_000, (i) => [`k${i}`, i]))],
    ['an empty array of four thousand million', () => holes(4_000_000_000)],
  ])('are sampled: %s [WEIGH-BOUNDED]', (_, make) => {
    const value = make();
    const estimate = new HeapEstimate();
    const bytes = estimate.of(value);
    expect(estimate.visits).toBeLessThanOrEqual(MAX_VISITS + LEVEL_VISITS);
    expect(Number.isFinite(bytes)).toBe(true);
    expect(weighValue(value)).toBe(Math.round(bytes));
  });

  it('are visited whole while no level passes the number stated [WEIGH-BOUNDED]', () => {
    const estimate = new HeapEstimate();
    estimate.of(times(LEVEL_VISITS, () => 1));
    expect(estimate.visits).toBe(1 + LEVEL_VISITS);
  });

  it('weigh as much as their parts do, in the sample [WEIGH-BOUNDED]', () => {
    // 200,000 leaves in arrays of 20, ten of which make one of the next level.
    const value = times(1_000, () => times(10, () => times(20, (i) => `leaf number ${i}`)));
    const exact = 48 + 8_000 + 1_000 * (48 + 80) + 10_000 * (48 + 160) + 200_000 * 32;
    expect(weighValue(value) / exact).toBeCloseTo(1, 1);
  });

  it('do not hide what lies in few places [WEIGH-BOUNDED]', () => {
    const value: unknown[] = times(400_000, (i) => i);
    for (let i = 0; i < 400_000; i += 100) value[i] = 'w'.repeat(5_000);
    const held = 400_000 * 8 + 4_000 * 5_016;
    expect(weighValue(value) / held).toBeGreaterThan(0.7);
    expect(weighValue(value) / held).toBeLessThan(1.3);
  });

  it('with a single far element weigh little [CACHE-SIZE-ESTIMATE]', () => {
    const sparse: unknown[] = [];
    sparse[4_000_000_000] = 'far';
    expect(weighValue(sparse)).toBeLessThan(400);
  });

  it('weigh the same each time [WEIGH-BOUNDED]', () => {
    const value = times(50_000, (i) => ({ id: i, text: 't'.repeat(i % 90) }));
    expect(weighValue(value)).toBe(weighValue(value));
  });
});

describe('code of the value', () => {
  it('is not run: getters, toJSON, valueOf, iterators [CACHE-SIZE-ESTIMATE]', () => {
    const hostile = Object.defineProperties(
      { toJSON: forbidden, valueOf: forbidden, toString: forbidden, [Symbol.iterator]: forbidden },
      {
        value: { get: forbidden, enumerable: true },
        contents: { get: forbidden, enumerable: true },
      },
    );
    const list = Object.defineProperty([1, 2, 3], 1, { get: forbidden });
    class Shadowed extends Map<unknown, unknown> {
      override get size(): number {
        return forbidden();
      }
      override entries = forbidden;
      override [Symbol.iterator] = forbidden;
      static override get [Symbol.species](): MapConstructor {
        return forbidden();
      }
    }
    expect(weighValue(hostile)).toBeGreaterThan(0);
    expect(weighValue({ contents: [hostile] })).toBeGreaterThan(0);
    expect(weighValue({ contents: list })).toBeGreaterThan(0);
    expect(weighValue(list)).toBeGreaterThan(0);
    expect(weighValue(new Shadowed())).toBeGreaterThan(0);
  });

  it('is not run: a trace is not formatted [CACHE-SIZE-ESTIMATE]', () => {
    const before = Error.prepareStackTrace;
    Error.prepareStackTrace = forbidden;
    try {
      const error = new Error('failed', { cause: 'c'.repeat(5_000) });
      expect(weighValue(error)).toBeGreaterThan(5_000);
    } finally {
      if (before === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
      else Error.prepareStackTrace = before;
    }
  });

  it('is not run: proxies weigh a fixed size, wherever they are [CACHE-SIZE-ESTIMATE]', () => {
    const traps = new Proxy({}, { get: () => forbidden });
    const { proxy: revoked, revoke } = Proxy.revocable([], {});
    revoke();
    for (const proxy of [
      new Proxy({}, traps),
      new Proxy([], traps),
      new Proxy(forbidden, traps),
      revoked,
    ]) {
      // A function that is a proxy is still called one by typeof.
      expect(weighValue(proxy)).toBe(OPAQUE_BYTES);
      expect(weighValue({ contents: proxy })).toBeGreaterThan(OPAQUE_BYTES);
      expect(weighValue({ contents: [proxy] })).toBeGreaterThan(OPAQUE_BYTES);
      expect(weighValue(new Map([[proxy, Object.create(proxy)]]))).toBeGreaterThan(0);
    }
  });
});

describe('other kinds of value', () => {
  class Point {
    readonly #hidden = 'h'.repeat(1_000);
    readonly x = 1;
    readonly label = 'p'.repeat(1_000);
    get hidden(): string {
      return this.#hidden;
    }
  }
  const symbol = Symbol('key');

  it.each<[string, unknown, number]>([
    ['null', null, 8],
    ['true', true, 8],
    ['a small integer', 5, 8],
    ['a double', 0.5, 24],
    ['minus zero', -0, 24],
    ['NaN', Number.NaN, 24],
    ['a bigint', 5n, 32],
    ['a bigint of 1,000 bits', 1n << 999n, 8 + 16 + 128],
    ['a symbol', symbol, 32],
    ['a function', () => 1, 64],
    ['{}', {}, 56],
    ['[]', [], 32],
    ['an array of doubles', [0.5, 1.5], 32 + 16 + 16],
    ['an array of doubles and others', [0.5, null], 32 + 16 + 16 + 16],
    ['an object', { a: 1, b: 'long enough to be' }, 24 + 16 + 40],
    ['an instance, without what is private', new Point(), 24 + 16 + 1_016],
    ['a name that is a symbol', Object.assign(new Point(), { [symbol]: 's'.repeat(80) }), 1_160],
    ['a Date', new Date(), 96],
    ['a boxed string', Object('s'.repeat(100)), 32 + 120],
    ['a Map', new Map([['one', 1]]), 184 + 24],
    ['a Set', new Set(['one', 0.5]), 152 + 24 + 16],
    ['a RegExp', /some expression/, 56 + 32],
    ['an index among names', { 0: 'a', name: 1 }, 24 + 8 + 16 + 8],
  ])('weigh what V8 takes for them: %s [CACHE-SIZE-ESTIMATE]', (_, value, bytes) => {
    expect(weighValue(value)).toBe(bytes);
  });

  it.each<[string, unknown]>([
    ['a promise', Promise.reject(new Error('ignored')).catch(() => undefined)],
    ['a WeakMap', new WeakMap()],
    ['a generator', (function* () {})()],
    ['a null-prototype object', Object.assign(Object.create(null), { a: 1 })],
    ['an AggregateError', new AggregateError([new Error('a')], 'b')],
    ['globalThis', globalThis],
    ['process', process],
    ['a module', fs],
    ['a URL', new URL('https://example.org/')],
    ['undefined', undefined],
  ])('weigh an integer above 0: %s [CACHE-SIZE-ESTIMATE]', (_, value) => {
    const weight = weighValue(value);
    expect(Number.isSafeInteger(weight)).toBe(true);
    expect(weight).toBeGreaterThan(0);
  });
});
