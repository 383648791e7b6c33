import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { encodeSegment, KeySpace } from '../../src/adapters/key-space.ts';

/** What RFC 3986 calls a path, of any number of segments. */
const PATH = /^(?:[\w\-.~!$&'()*+,;=:@/]|%[0-9A-F]{2})*$/;

/** Any code units: lone surrogates too, and what encoding makes of them. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.oneof(fc.nat(0xffff), fc.integer({ min: 0xd800, max: 0xdfff })))
    .map((units) => String.fromCharCode(...units)),
  fc
    .array(fc.constantFrom('%', 'ED', 'A0', '80', '%ED%A0%80', '\ud83d', '\ude00', '/', ':', 'é'))
    .map((parts) => parts.join('')),
);

describe('URIs of foreign keys', () => {
  const space = new KeySpace('base:');

  it('are URIs, and tell their keys [KEYV-KEYS] [BENTO-KEYS]', () => {
    fc.assert(
      fc.property(text, (key) => {
        const uri = space.uriOf(key);
        expect(uri.slice('base:'.length)).toMatch(PATH);
        expect(space.keyOf(uri)).toBe(key);
        expect(space.keyOf(`other:${uri}`)).toBeUndefined();
      }),
    );
  });

  it('begin alike exactly where their keys do [KEYV-KEYS] [BENTO-KEYS]', () => {
    fc.assert(
      // As the adapters have it, a prefix ends with a delimiter: within a character it would be none.
      fc.property(text, text, fc.boolean(), (prefix, rest, isWithin) => {
        const key = isWithin ? `${prefix}:${rest}` : rest;
        const begins = space.uriOf(key).startsWith(space.uriOf(`${prefix}:`));
        expect(begins).toBe(key.startsWith(`${prefix}:`));
      }),
    );
  });

  it('have a segment of each namespace’s own [KEYV-KEYS]', () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(encodeSegment(one)).toMatch(/^[^/:@]*$/);
        expect(encodeSegment(one) === encodeSegment(other)).toBe(one === other);
      }),
    );
  });
});
