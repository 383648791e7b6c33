import { Buffer } from 'node:buffer';
import { types } from 'node:util';

import { describeError, describeUri } from '../describe-value.ts';
import { GranaryError } from '../errors.ts';
import { deserializeClone, serializeClone } from './clone-format.ts';
import { copyPlainJson, freezeJson, NOT_PLAIN } from './plain-json.ts';

/** How a value is held as bytes; the numbers stand in dumps and never change their meaning. */
export const ValueKind = { text: 0, utf16: 1, bytes: 2, buffer: 3, json: 4, clone: 5 } as const;
export type ValueKind = (typeof ValueKind)[keyof typeof ValueKind];

/** A value as bytes. */
export interface EncodedValue {
  readonly kind: ValueKind;
  /**
   * A string for text and JSON, which crosses into Rust as UTF-8; else bytes. Those of a Uint8Array
   * or Buffer are its own memory, not a copy: to be copied before anybody may write to it.
   */
  readonly data: string | Uint8Array;
  /** Bytes of `data`, in UTF-8 where it is a string. */
  readonly byteLength: number;
}

/**
 * Turns a value into bytes that {@link decodeValue} makes an equal one of. Structured clone sets the
 * limits: objects lose their class, properties under symbols and those that are not enumerable.
 *
 * Costs about 20 ns for a short string, nothing for the contents of a buffer, 8 µs for 1 kB of
 * parsed JSON (of which JSON.stringify 3.5), as much again for what only structured clone keeps.
 *
 * @param uri - under which the value would be kept, for the error
 * @throws `ERR_GRANARY_NOT_CLONEABLE` with the URI and, as `cause`, what would not be cloned
 */
export function encodeValue(uri: string, value: unknown): EncodedValue {
  if (typeof value === 'string') {
    // UTF-8 has no lone surrogates: encoding one would put U+FFFD in its place.
    return value.isWellFormed()
      ? { kind: ValueKind.text, data: value, byteLength: Buffer.byteLength(value) }
      : encodedBytes(ValueKind.utf16, Buffer.from(value, 'utf16le'));
  }
  if (types.isUint8Array(value)) {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Uint8Array.prototype) return encodedBytes(ValueKind.bytes, unshared(value));
    if (prototype === Buffer.prototype) return encodedBytes(ValueKind.buffer, unshared(value));
  }
  try {
    const plain = copyPlainJson(value);
    if (plain === NOT_PLAIN) return encodedBytes(ValueKind.clone, serializeClone(value));
    const text = JSON.stringify(plain);
    return { kind: ValueKind.json, data: text, byteLength: Buffer.byteLength(text) };
  } catch (cause) {
    const named = describeUri(uri);
    throw new GranaryError(
      'ERR_GRANARY_NOT_CLONEABLE',
      `the value of ${named} cannot be cloned: ${describeError(cause)}`,
      { cause, data: { uri: named } },
    );
  }
}

/**
 * Turns bytes into the value that they hold. JSON comes back deeply frozen, so that many may share
 * it; all else that can be changed has memory of its own, nothing of `data`.
 *
 * @param data - as {@link encodeValue} gave it; text and JSON may also come as bytes in UTF-8
 * @returns `undefined` where there is no value in them, as for clones by a newer Node
 */
export function decodeValue(kind: ValueKind, data: string | Uint8Array): unknown {
  switch (kind) {
    case ValueKind.text:
      return toText(data, 'utf8');
    case ValueKind.utf16:
      return toText(data, 'utf16le');
    case ValueKind.bytes:
      return new Uint8Array(toBytes(data));
    case ValueKind.buffer:
      // `Buffer.from` of bytes would cut small ones from a slab that all share.
      return Buffer.from(new Uint8Array(toBytes(data)).buffer);
    case ValueKind.json:
      return freezeJson(parseJson(toText(data, 'utf8')));
    case ValueKind.clone:
      return deserializeClone(toBytes(data));
    default:
      return undefined;
  }
}

/** As {@link decodeValue}, for one owner: JSON is not frozen. */
export function decodeOwnValue(kind: ValueKind, data: string | Uint8Array): unknown {
  return kind === ValueKind.json ? parseJson(toText(data, 'utf8')) : decodeValue(kind, data);
}

/**
 * @returns a function that gives each caller what he may have: the one immutable value, decoded
 *   once, or a copy of his own.
 * @param data - not to be written to from here on
 */
export function valueReader(kind: ValueKind, data: string | Uint8Array): () => unknown {
  if (kind === ValueKind.bytes || kind === ValueKind.buffer || kind === ValueKind.clone) {
    return () => decodeValue(kind, data);
  }
  const value = decodeValue(kind, data);
  return () => value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function encodedBytes(kind: ValueKind, data: Uint8Array): EncodedValue {
  return { kind, data, byteLength: data.byteLength };
}

/** Another thread may write to shared memory while Rust reads it, so that is copied here. */
function unshared(view: Uint8Array): Uint8Array {
  return types.isSharedArrayBuffer(view.buffer) ? new Uint8Array(view) : view;
}

function toText(data: string | Uint8Array, encoding: 'utf8' | 'utf16le'): string {
  if (typeof data === 'string') return data;
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString(encoding);
}

function toBytes(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : data;
}
