import { Buffer } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { decodeValue, encodeValue, ValueKind, valueReader } from '../../src/cache/value-codec.ts';
import { granaryFailure } from '../support/granary-failure.ts';

const uri = 'test://value';

const anything = fc.anything({
  values: [
    ...[fc.boolean(), fc.integer(), fc.double(), fc.string({ unit: 'binary' })],
    ...[fc.constant(null), fc.constant(undefined), fc.bigInt()],
    // Node 20 takes two invalid dates for different ones.
    fc.date({ noInvalidDate: true }),
  ],
  withBoxedValues: true,
  withMap: true,
  withNullPrototype: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
});

/** Strings of any code units, lone surrogates included. */
const codeUnits = fc
  .array(fc.oneof(fc.nat(0xffff), fc.integer({ min: 0xd7f0, max: 0xe010 }), fc.nat(0x7f)))
  .map((units) => String.fromCharCode(...units));

function roundTrip(value: unknown): unknown {
  const { kind, data } = encodeValue(uri, value);
  return decodeValue(kind, data);
}

function kindOf(value: unknown): string | undefined {
  const { kind } = encodeValue(uri, value);
  return Object.entries(ValueKind).find(([, each]) => each === kind)?.[0];
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

function isFrozenThroughout(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isFrozenThroughout);
}

describe('value codec', () => {
  it('gives back what structured clone keeps of any value [VALUE-ROUND-TRIP]', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const back = roundTrip(value);
        // `toStrictEqual` only to show a difference: it takes some for equal that are not.
        if (!isDeepStrictEqual(back, structuredClone(value))) {
          expect(back).toStrictEqual(structuredClone(value));
          expect.fail('differs');
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ['errors', new RangeError('far', { cause: new Error('near') })],
    ['regular expressions', /a(?<b>c)/gu],
    ['buffers in objects', { body: Buffer.from('bytes'), view: new DataView(new ArrayBuffer(3)) }],
    ['buffers', Buffer.from('bytes')],
    ['buffers of buffers', [new ArrayBuffer(9), new Float64Array([Math.PI])]],
    ['an own __proto__', JSON.parse('{"__proto__":{"a":[1]},"b":2}')],
    ['results of a RegExp', /(b)/u.exec('abc')],
    ['deep arrays', nested(199)],
    ['deeper arrays', nested(1_000)],
  ])('gives back %s [VALUE-ROUND-TRIP]', (_, value: unknown) => {
    const back = roundTrip(value);
    expect(back).toStrictEqual(value);
    expect(isDeepStrictEqual(back, value)).toBe(true);
  });

  it('keeps who refers to whom [VALUE-ROUND-TRIP]', () => {
    const shared = { n: 1 };
    const back = roundTrip({ a: shared, b: [shared] }) as { a: unknown; b: unknown[] };
    expect(back.a).toBe(back.b[0]);
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    const turned = roundTrip(cycle) as typeof cycle;
    expect(turned.self).toBe(turned);
  });

  it('gives back every string, with the length of its bytes [VALUE-TEXT]', () => {
    fc.assert(
      fc.property(fc.oneof(codeUnits, fc.string({ unit: 'binary' })), (value) => {
        const { kind, data, byteLength } = encodeValue(uri, value);
        expect(decodeValue(kind, data)).toBe(value);
        expect(byteLength).toBe(Buffer.byteLength(data as string));
        expect(kind === ValueKind.text).toBe(Buffer.from(value).toString() === value);
        expect(decodeValue(kind, Buffer.from(data as string))).toBe(value);
      }),
    );
  });

  it('holds what JSON keeps as JSON, and only that [VALUE-JSON]', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), anything), (value) => {
        const { kind, data, byteLength } = encodeValue(uri, value);
        if (kind !== ValueKind.json) return;
        expect(isDeepStrictEqual(JSON.parse(data as string), structuredClone(value))).toBe(true);
        expect(byteLength).toBe(Buffer.byteLength(data as string));
      }),
      { numRuns: 1_000 },
    );
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value: unknown = JSON.parse(JSON.stringify(JSON.parse(text)));
        expect(kindOf(value)).toBe(typeof value === 'string' ? kindOf(value) : 'json');
      }),
    );
  });

  it('tells what JSON would lose from what it keeps [VALUE-JSON]', () => {
    const shared: unknown[] = [];
    const named = Object.assign([1], { index: 0 });
    const [hole, minusZero, missing] = [Array(2), [-0], { a: undefined }];
    expect(kindOf(nested(201))).toBe('clone');
    for (const value of [hole, minusZero, missing, named, [shared, shared], NaN, 1n, new Date()]) {
      expect(kindOf(value)).toBe('clone');
    }
    for (const value of [null, true, 0, [], {}, Object.create(null), [[], []], nested(200)]) {
      expect(kindOf(value)).toBe('json');
    }
  });

  it('reads a property once, and calls no toJSON [VALUE-JSON]', () => {
    let reads = 0;
    const counted = {
      get member(): unknown {
        return ++reads === 1 ? 'first' : undefined;
      },
    };
    expect(roundTrip(counted)).toEqual({ member: 'first' });
    const hidden = Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'other' });
    expect(roundTrip(hidden)).toEqual({ a: 1 });
    const inherited = Object.setPrototypeOf({ a: 1 }, { toJSON: () => 'other' }) as unknown;
    expect(roundTrip(inherited)).toEqual({ a: 1 });
  });

  it('freezes what was JSON at every depth [VALUE-OWN-MEMORY]', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const { kind, data } = encodeValue(uri, JSON.parse(text));
        if (kind === ValueKind.json) expect(isFrozenThroughout(decodeValue(kind, data))).toBe(true);
      }),
    );
    const text = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(Object.isFrozen(decodeValue(ValueKind.json, text))).toBe(true);
  });

  it('gives bytes and clones memory of their own [VALUE-OWN-MEMORY]', () => {
    const part = new Uint8Array([0, 1, 2, 3, 4]).subarray(1, 4);
    const members = { bytes: part, words: new Uint16Array([7]), buffer: Buffer.from('abc') };
    for (const value of [part, Buffer.from(part), Buffer.from('slab'), members]) {
      const { kind, data } = encodeValue(uri, value);
      const held = new Uint8Array(data as Uint8Array);
      const read = valueReader(kind, held);
      const [first, second] = [read(), read()];
      expect(first).toStrictEqual(value);
      const views = ArrayBuffer.isView(first) ? [first] : Object.values(first as typeof members);
      for (const view of views) {
        expect(view.buffer.byteLength).toBe(view.byteLength);
        new Uint8Array(view.buffer).fill(0xff);
      }
      expect(second).toStrictEqual(value);
      expect(held).toStrictEqual(new Uint8Array(data as Uint8Array));
    }
    expect(part).toEqual(new Uint8Array([1, 2, 3]));
  });

  it('gives all readers of an immutable value the same one [VALUE-OWN-MEMORY]', () => {
    for (const value of ['text', '\ud800', { a: [1] }]) {
      const { kind, data } = encodeValue(uri, value);
      const read = valueReader(kind, data);
      expect(read()).toBe(read());
      expect(read()).toEqual(value);
    }
  });

  it.each([
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a function within', { deep: [{ call: () => 1 }] }],
    ['a promise', Promise.resolve(1)],
    ['a proxy', new Proxy({ a: 1 }, {})],
    ['a proxy within', { list: new Proxy([1], {}) }],
    ['shared memory', new SharedArrayBuffer(8)],
    ['a weak map', { weak: new WeakMap() }],
    ['a host object', new MessageChannel().port1],
    ['what ends the stack', nested(1_000_000)],
  ])('refuses %s, naming the URI [NOT-CLONEABLE]', async (_, value: unknown) => {
    const failure = await granaryFailure(
      () => encodeValue(uri, value),
      'ERR_GRANARY_NOT_CLONEABLE',
    );
    expect(failure.message).toContain(uri);
    expect(failure.data).toEqual({ uri });
    expect(failure.cause).toBeInstanceOf(Error);
  });

  it('tells what a getter threw [NOT-CLONEABLE]', async () => {
    const thrown = new Error('not now');
    const value = {
      get a(): never {
        throw thrown;
      },
    };
    const failure = await granaryFailure(
      () => encodeValue(uri, value),
      'ERR_GRANARY_NOT_CLONEABLE',
    );
    expect(failure.cause).toBe(thrown);
  });

  it('takes a clone of a later format for no value [HAZARD-21-VERSION]', () => {
    const { kind, data } = encodeValue(uri, new Map([[1, 2]]));
    expect(kind).toBe(ValueKind.clone);
    const bytes = data as Uint8Array;
    expect(decodeValue(kind, bytes)).toEqual(new Map([[1, 2]]));
    // The first byte is ours; V8's header is 0xff and its version.
    expect(bytes[1]).toBe(0xff);
    for (const [at, version] of [
      [0, bytes[0]! + 1],
      [2, bytes[2]! + 1],
    ] as const) {
      const later = Uint8Array.from(bytes);
      later[at] = version;
      expect(decodeValue(kind, later)).toBeUndefined();
    }
  });

  it('finds no value in nonsense, and does not throw [HAZARD-21-VERSION]', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(7), (bytes, kind) => {
        decodeValue(kind as ValueKind, bytes);
        decodeValue(ValueKind.clone, Uint8Array.of(1, 0xff, 15, ...bytes));
      }),
    );
    expect(decodeValue(ValueKind.json, '{"a":')).toBeUndefined();
    expect(decodeValue(99 as ValueKind, 'a')).toBeUndefined();
  });
});
